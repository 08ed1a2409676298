"""Small requests take the lane, and are answered, logged and counted as the app does it for all others."""

import json
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import pytest
from server import keys
from server.lane import Lane

PARENT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
IMPATIENT = (
    "from pathlib import Path; import sys; from server.launch import run; "
    "from server.settings import Patience, Settings; "
    "raise SystemExit(run(Settings(Path(sys.argv[1]), port=0, workers=1, patience=Patience(body=0.5))))"
)
OFTEN = {"time", "id", "ms", "engine_ms", "pid"}
"""Members of a line of the log that differ from request to request."""


def bodies(tools) -> dict[str, bytes]:
    row = json.loads(tools.body_of(1))
    return {
        "one row": tools.body_of(1),
        "a few rows": tools.body_of(5),
        "no row": json.dumps({**row, "rows": []}).encode(),
        "a cell that is no number": json.dumps({**row, "rows": [["x", "1", "2", "3"]]}).encode(),
        "a field that is not known": json.dumps({**row, "fields": ["a", "b", "c", "e"]}).encode(),
        "a field repeated": json.dumps({**row, "includeFieldsInOutput": ["b"]}).encode(),
        "contributions": json.dumps({**row, "requestShapleyValueType": "ORIGINAL"}).encode(),
        "no JSON": b"{",
        "nothing": b"",
        "not UTF-8": b"\xff\xfe",
        "NaN": b'{"fields":["a","b","c","d"],"rows":[[NaN,Infinity,null,"1e999"]]}',
    }


def request(body: bytes, *lines: bytes, path: bytes = b"/model/score") -> bytes:
    """Return a request that may take the lane."""
    head = [b"POST %b HTTP/1.1" % path, b"Host: x", b"Content-Type: application/json", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", body])


def in_chunks(body: bytes, *lines: bytes, path: bytes = b"/model/score") -> bytes:
    """Return the same request as the lane does not take it."""
    head = [b"POST %b HTTP/1.1" % path, b"Host: x", b"Content-Type: application/json", *lines]
    piece = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
    return b"\r\n".join([*head, b"Transfer-Encoding: chunked", b"", piece + b"0\r\n\r\n"])


def answer(opened: socket.socket) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """Read one answer: its first line, its headers and its body."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = opened.recv(65536)
        assert piece, found
        found += piece
    head, _, body = found.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    while len(body) < int(headers[b"content-length"]):
        body += opened.recv(65536)
    assert len(body) == int(headers[b"content-length"])
    return status, headers, body


def asked(serving, *requests: bytes) -> list[tuple[bytes, dict[bytes, bytes], bytes]]:
    with serving.raw() as opened:
        found = []
        for sent in requests:
            opened.sendall(sent)
            found.append(answer(opened))
        return found


def same(found, expected) -> None:
    (status, headers, body), (wanted, others, content) = found, expected
    assert status == wanted
    assert body == content
    for names in (headers, others):
        names.pop(b"date")
        names.pop(b"x-request-id")
    assert headers == others


@pytest.fixture
def keyed(tmp_path):
    key, line = keys.new("caller")
    file = tmp_path / "keys"
    file.write_text(line)
    return key.encode(), str(file)


def test_it_answers_and_notes_what_the_app_does(serve, tools, keyed):
    key, file = keyed
    serving = serve("--api-keys", file)
    variants = {
        "plain": (b"X-Api-Key: " + key,),
        "bearer": (b"Authorization: Bearer " + key, b"Accept: */*", b"Connection: keep-alive"),
        "traced": (b"X-Api-Key: " + key, b"Traceparent: " + PARENT, b"X-Request-Id: mine"),
        "no key": (),
        "a wrong key": (b"X-Api-Key: sk-no",),
        "another format": (b"X-Api-Key: " + key, b"Accept: text/csv"),
        "the last one": (b"X-Api-Key: " + key, b"Connection: close"),
    }
    count = 0
    for lines in variants.values():
        for body in bodies(tools).values():
            quick = asked(serving, request(body, *lines))[0]
            slow = asked(serving, in_chunks(body, *lines))[0]
            if b"mine" in b"".join(lines):
                assert quick[1][b"x-request-id"] == slow[1][b"x-request-id"] == b"mine"
            same(quick, slow)
            count += 1
    text = serving.get("GET", "/metrics", x_api_key=key.decode()).body.decode()
    lines_ = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    counted = {name: float(number) for name, _, number in lines_}
    route = 'route="/model/score"'
    answered = [
        number for name, number in counted.items() if name.startswith(f"scorer_requests_total{{{route}")
    ]
    assert sum(answered) == 2 * count
    assert counted["scorer_in_flight"] == 1  # the one that asks for the metrics
    assert counted[f"scorer_request_duration_seconds_count{{{route}}}"] == 2 * count
    assert serving.stop() == 0
    assert not serving.events("defect")
    noted = [event for event in serving.events("request") if event["route"] == "/model/score"]
    assert len(noted) == 2 * count
    for quick, slow in zip(noted[::2], noted[1::2], strict=True):
        # A refused body has a length in the lane's request, and was not read in the other's.
        shown = OFTEN | ({"bytes_in"} if quick["status"] in (401, 406) else set())
        assert {name: quick[name] for name in quick.keys() - shown} == {
            name: slow[name] for name in slow.keys() - shown
        }
    assert {event.get("key") for event in noted if event["status"] == 200} == {"caller"}
    assert {event["trace"] for event in noted if event["id"] == "mine"} == {PARENT[3:35].decode()}


def test_a_body_may_come_after_its_head_and_in_pieces(serve, tools):
    serving = serve()
    body = tools.body_of(1)
    whole = request(body)
    expected = asked(serving, whole)[0]
    edges = [len(whole) - len(body), len(whole) - len(body) + 1, len(whole) - 1, 30]
    for edge in edges:
        with serving.raw(whole[:edge]) as opened:
            time.sleep(0.05)
            opened.sendall(whole[edge:])
            found = answer(opened)
            opened.sendall(whole)  # the connection goes on
            again = answer(opened)
        assert found[2] == again[2] == expected[2]


def test_a_body_that_waits_long_is_waited_for_by_the_app(serve, tools):
    serving = serve()
    body = tools.body_of(1)
    whole = request(body)
    expected = asked(serving, whole)[0]
    with serving.raw(whole[:-5]) as opened:
        time.sleep(1.3)  # the server has looked at its connections meanwhile
        opened.sendall(whole[-5:])
        same(answer(opened), expected)


def test_requests_in_a_row_are_answered_in_their_order(serve, tools):
    serving = serve()
    sent, wanted = b"", []
    for number in range(30):
        made = in_chunks if number % 7 == 3 else request
        rows = 200 if number % 5 == 2 else 1
        sent += made(tools.body_of(rows, number), b"X-Request-Id: r%d" % number)
        wanted.append((b"r%d" % number, rows))
    with serving.raw(sent) as opened:
        stream, found = b"", []
        while len(found) < 30:
            piece = opened.recv(1 << 20)
            assert piece
            stream += piece
            while b"\r\n\r\n" in stream:
                head, _, rest = stream.partition(b"\r\n\r\n")
                headers = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
                size = int(headers[b"content-length"])
                if len(rest) < size:
                    break
                found.append((headers[b"x-request-id"], len(json.loads(rest[:size])["score"])))
                stream = rest[size:]
    assert found == wanted


def test_a_head_whose_body_never_comes_does_not_keep_the_server_from_ending(serve, tools):
    serving = serve(program=("-c", IMPATIENT))
    whole = request(tools.body_of(1))
    with serving.raw(whole[:-5]) as waiting, serving.raw(whole[:-5]) as late:
        time.sleep(0.1)
        serving.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        late.sendall(whole[-5:])
        assert answer(late)[0].startswith(b"HTTP/1.1 200 ")
        # Whether the app was asked for it before the end had begun is up to the clock.
        assert answer(waiting)[0].split()[1] in (b"408", b"503")
    assert serving.stop() == 0


def test_it_takes_only_what_is_plain(make):
    app = make()
    lane = Lane(app)
    plain = {b"content-type": b"application/json", b"content-length": b"300"}
    assert lane.takes(plain)
    for other in (
        {b"content-length": b"2049"}, {b"content-length": b"0" * 5000 + b"300"},
        {b"content-length": b"-1"}, {b"content-type": b"text/csv"},
        {b"accept": b"text/csv"}, {b"content-encoding": b"gzip"}, {b"expect": b"100-continue"},
        {b"upgrade": b"websocket"},
    ):  # fmt: skip
        assert not lane.takes(plain | other), other
    assert not lane.takes({b"content-type": b"application/json"})
    app.draining = True
    assert not lane.takes(plain)


def test_a_length_with_zeros_without_end_is_a_length(serve, tools):
    serving = serve()
    body = tools.body_of(1)
    padded = request(body).replace(b"Content-Length: ", b"Content-Length: " + b"0" * 5000)
    quick, slow = asked(serving, request(body), padded)
    same(quick, slow)
    assert serving.stop() == 0
    assert not serving.events("defect")


@pytest.mark.parametrize("line", [b"X-A: b", b"Connection: keep-alive"])
def test_a_client_of_the_old_version_is_answered_by_the_app(serve, tools, line):
    serving = serve()
    found = asked(serving, request(tools.body_of(1), line).replace(b"HTTP/1.1", b"HTTP/1.0"))[0]
    assert found[0].startswith(b"HTTP/1.1 200 ")
    assert found[1][b"connection"] == b"close"


def test_a_client_that_asks_and_never_reads_is_not_answered_for_ever(serve, tools):
    serving = serve()
    many = request(tools.body_of(1)) * 500
    memory = resident(serving.process.pid)
    with serving.raw() as opened:
        opened.settimeout(1)
        sent = 0
        with suppress(TimeoutError):
            while sent < 500_000_000:
                sent += opened.send(many)
        assert sent < 100_000_000
        assert serving.get("GET", "/livez").status == 200
        assert resident(serving.process.pid) < memory + 20_000_000
    assert serving.get("POST", "/model/score", tools.body_of(1)).status == 200
    assert serving.stop() == 0


def resident(process: int) -> int:
    """Return the bytes of a process that are in memory."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024
