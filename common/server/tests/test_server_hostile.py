"""Thousands of malformed and hostile requests: no crash, no defect, and no wrong score afterwards."""

import contextlib
import json
import random
import socket
from typing import BinaryIO

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


WRONG = (
    {}, [], None, "x", 1e400, -0.0, True, {"fields": 1, "rows": {}}, {"fields": ["a"], "rows": []},
    {"fields": ["a", "b", "c", "d"], "rows": [[1, 2, 3]]}, {"fields": ["a", "b", "c", "d"], "rows": [1, 2]},
    {"fields": ["a", "b", "c", "d"], "rows": [[[], {}, [[1]], True]]},
    {"fields": ["a", "b", "c", "d"], "rows": [["1e999", "0x10", "1_0", "\u0661"]]},
    {"fields": ["a", "b", "c", "d"], "rows": [[10**4000, -(10**400), 1e308, 5e-324]]},
    {"fields": ["a", "a", "b", "c", "d"], "rows": [[1, 2, 3, 4, 5]]},
    {"fields": ["a", "b", "c", "d"], "rows": [["NaN", "Infinity", "", None]], "typedOutput": "yes"},
    {"fields": [None, 1, [], {}], "rows": [[1, 2, 3, 4]], "idField": [], "includeFieldsInOutput": {"a": 1}},
    {"__proto__": 1, "constructor": {}, "fields": ["\ud800"], "rows": [["\udfff"]]},
)  # fmt: skip
BATCH = 50


def test_ten_thousand_hostile_bodies_are_answered_as_the_contract_does(serve, request_body, artifacts, tools):
    dice = random.Random(11)
    scorer = scoring.load(artifacts[0])
    serving = serve()
    wrong = [json.dumps(document).encode() for document in WRONG]
    refused = 0
    with serving.raw() as opened, opened.makefile("rb") as answers:
        for _ in range(10_000 // BATCH):
            bodies = [mutant(dice.choice((request_body, dice.choice(wrong))), dice) for _ in range(BATCH - 1)]
            bodies.append(request_body)  # among all of them a good one, whose scores must be right
            head = b"POST /model/score HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n"
            opened.sendall(b"".join([head % len(body) + body for body in bodies]))
            for body in bodies:
                try:
                    expected = 200, contract.answer(scorer, body)
                except scoring.Problem as problem:
                    expected = contract.problem_body(problem)
                assert read_answer(answers) == expected
                assert expected[0] != 500
                refused += expected[0] != 200
    assert 5000 < refused < 10_000
    assert serving.get("POST", "/model/score", request_body).body == contract.answer(scorer, request_body)
    assert serving.stop() == 0
    assert not serving.events("defect")


def test_hostile_contribution_requests_are_answered_as_the_contract_does(
    serve, tools, request_body, artifacts
):
    dice = random.Random(13)
    scorer = scoring.load(artifacts[0])
    serving = serve()
    connection = serving.connect()
    good = json.dumps({**json.loads(request_body), "requestShapleyValueType": "ORIGINAL"}).encode()
    for _ in range(300):
        body = mutant(good, dice)
        try:
            expected = 200, contract.contribution(scorer, body)
        except scoring.Problem as problem:
            expected = contract.problem_body(problem)
        got = tools.exchange(connection, "POST", "/model/contribution", body)
        assert (got.status, got.body) == expected
        assert got.status != 500
    connection.close()
    assert serving.stop() == 0
    assert not serving.events("defect")


def read_answer(answers: BinaryIO) -> tuple[int, bytes]:
    status = int(answers.readline().split()[1])
    size = 0
    while (line := answers.readline()) != b"\r\n":
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            size = int(value)
    return status, answers.read(size)


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
