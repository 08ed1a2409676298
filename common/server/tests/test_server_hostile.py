"""Thousands of malformed and hostile requests: no crash, no defect, and no wrong score afterwards."""

import contextlib
import json
import random
import socket

import scoring
from scoring import contract

WORDS = (
    b"NaN", b"-Infinity", b"1e999", b"9" * 5000, b"[" * 3000, b"{" * 3000, b"\xff\xfe", b"\\ud800", b"null",
    b'"fields"', b'"rows"', b"\x00", b"true", b"-", b"[]", b"{}", b'""', b'{"a":1,"a":2}', b'"\\u0000"',
    b'"requestShapleyValueType":"ORIGINAL"', b'"includeFieldsInOutput":["a"]', b'"idField":1', b"1" * 400,
)  # fmt: skip


def mutant(body: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 4)):
        place = dice.randrange(len(body) + 1)
        match dice.randrange(4):
            case 0:
                body = body[:place]
            case 1:
                body = body[:place] + dice.choice(WORDS) + body[place:]
            case 2:
                body = body[:place] + dice.randbytes(dice.randint(1, 4)) + body[place + dice.randint(0, 5) :]
            case _:
                body = body[:place] + body[place + dice.randint(1, 30) :]
    return body


def test_mutants_of_a_request_are_answered_as_the_contract_does(serve, tools, request_body, artifacts):
    dice = random.Random(11)
    scorer = scoring.load(artifacts[0])
    serving = serve()
    connection = serving.connect()
    refused = 0
    for _ in range(1200):
        body = mutant(request_body, dice)
        route = dice.choice(("/model/score", "/model/score", "/model/contribution"))
        answer = contract.answer if route == "/model/score" else contract.contribution
        try:
            expected = 200, answer(scorer, body)
        except scoring.Problem as problem:
            expected = contract.problem_body(problem)
        got = tools.exchange(connection, "POST", route, body)
        assert (got.status, got.body) == expected
        assert got.status != 500
        refused += got.status != 200
    assert refused > 600
    good = tools.exchange(connection, "POST", "/model/score", request_body)
    assert good.body == contract.answer(scorer, request_body)
    connection.close()
    assert serving.stop() == 0
    assert not serving.events("defect")


def test_nonsense_on_the_wire_harms_nobody(serve, request_body):
    dice = random.Random(12)
    serving = serve()
    head = (
        b"POST /model/score?x=%%41 HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"x-request-id: r\r\ntraceparent: 00-0-0-0\r\naccept: */*\r\nconnection: close\r\n"
        b"content-length: %d\r\n\r\n" % len(request_body)
    )
    for _ in range(250):
        with serving.raw() as opened, contextlib.suppress(ConnectionError):
            opened.sendall(mutant(head, dice) + request_body)
            opened.shutdown(socket.SHUT_WR)
            first = opened.recv(65536)
            if first:
                assert first.startswith(b"HTTP/1.1 ")
                assert not first.startswith(b"HTTP/1.1 500")
    got = serving.get("POST", "/model/score", request_body)
    assert got.status == 200
    assert len(json.loads(got.body)["score"]) == 3
    assert serving.stop() == 0
    assert not serving.events("defect")
