"""Formats through the running server: large bodies in bounded memory, and a late fault breaks the answer."""

import http.client
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

LINES = b"".join(b"%d,0.%d,-1.5,2e-1\n" % (k % 7, k) for k in range(10_000))


def stream(serving: Any, blocks: int, end: bytes = b"") -> tuple[int, int, str]:
    """Send CSV while reading the answer; return the status, the lines of the answer, and its content type."""

    def pieces() -> Iterator[bytes]:
        yield b"a,b,c,d\n"
        for _ in range(blocks):
            yield LINES
        yield end

    connection = serving.connect()
    connection.putrequest("POST", "/model/score")
    connection.putheader("content-type", "text/csv")
    connection.putheader("transfer-encoding", "chunked")
    connection.endheaders()

    def send() -> None:
        try:
            for piece in pieces():
                if piece:
                    connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            connection.send(b"0\r\n\r\n")
        except OSError:
            pass  # the server broke the connection

    sender = threading.Thread(target=send)
    sender.start()
    try:
        answer = connection.getresponse()
        lines = 0
        while piece := answer.read(1 << 16):
            lines += piece.count(b"\n")
        return answer.status, lines, str(answer.getheader("content-type"))
    finally:
        sender.join(20)
        connection.close()


def resident(serving: Any) -> int:
    """Return the peak resident memory of the server in bytes."""
    (worker,) = {event["pid"] for event in serving.events("listening")}
    lines = Path(f"/proc/{worker}/status").read_text().splitlines()
    (peak,) = [line for line in lines if line.startswith("VmHWM")]
    return int(peak.split()[1]) * 1024


def test_a_large_body_streams_in_bounded_memory(serve: Callable[..., Any]) -> None:
    serving = serve(workers=1)
    assert stream(serving, 200) == (200, 2_000_001, "text/csv")  # 36 MB, beyond the limit on JSON bodies
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc on this machine: memory is not measured")
    before = resident(serving)
    assert stream(serving, 320)[:2] == (200, 3_200_001)
    assert resident(serving) - before < 32 << 20


def test_a_late_fault_breaks_the_connection(serve: Callable[..., Any]) -> None:
    serving = serve(workers=1)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        stream(serving, 220, b"1,2,3,wide\n")
    assert serving.get("GET", "/livez").status == 200
