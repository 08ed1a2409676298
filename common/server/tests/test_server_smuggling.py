"""Requests that two servers in a row may take for different ones are refused, or read in one way only."""

import socket

import pytest

HOST = b"host: x\r\n"
HIDDEN = b"GET /model/schema HTTP/1.1\r\nhost: x\r\nx-request-id: hidden\r\n\r\n"
POST = b"POST /model/score HTTP/1.1\r\n" + HOST

REFUSED = {
    "two lengths": POST + b"content-length: 0\r\ncontent-length: 5\r\n\r\n",
    "a list of lengths": POST + b"content-length: 0, 5\r\n\r\n",
    "a signed length": POST + b"content-length: +0\r\n\r\n",
    "a negative length": POST + b"content-length: -1\r\n\r\n",
    "a hexadecimal length": POST + b"content-length: 0x0\r\n\r\n",
    "a length without bound": POST + b"content-length: 99999999999999999999\r\n\r\n",
    "length, then chunks": POST + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks, then length": POST + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
    "chunks that are not last": POST + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a chunk of a size that overflows": POST + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
    "a chunk of a size that is none": POST + b"transfer-encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a chunk longer than it says": POST + b"transfer-encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n",
    "a space before the colon": POST + b"content-length : 0\r\n\r\n",
    "a name with a space": POST + b"content length: 0\r\n\r\n",
    "a line end in the target": b"GET /livez\n HTTP/1.1\r\n" + HOST + b"\r\n",
    "a zero in a value": POST + b"x-a: \x00\r\ncontent-length: 0\r\n\r\n",
    "another version": b"GET /livez HTTP/1.2\r\n" + HOST + b"\r\n",
    "a lone carriage return": POST + b"x-a: b\rcontent-length: 5\r\n\r\n",
}


def answers(serving, data: bytes, more: bool = False) -> bytes:
    with serving.raw(data) as opened:
        if not more:
            opened.shutdown(socket.SHUT_WR)
        found = b""
        try:
            while piece := opened.recv(65536):
                found += piece
        except ConnectionResetError:
            pass
        return found


def test_what_two_servers_may_read_in_two_ways_is_refused_and_ends_the_connection(serve):
    serving = serve()
    for name, probe in REFUSED.items():
        found = answers(serving, probe + HIDDEN)
        assert found.count(b"HTTP/1.1 ") <= 1, (name, found)
        assert b"hidden" not in found, (name, found)
        assert not found or found.startswith(b"HTTP/1.1 400 "), (name, found)
    assert serving.get("GET", "/livez").status == 200
    assert serving.stop() == 0
    assert not serving.events("defect")


@pytest.mark.parametrize("encoding", [b"Chunked", b"\tchunked "])
def test_a_hidden_request_within_a_body_stays_a_body(serve, encoding):
    serving = serve()
    whole = POST + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    chunked = (
        POST + b"transfer-encoding:%b\r\n\r\n%x\r\n" % (encoding, len(HIDDEN)) + HIDDEN + b"\r\n0\r\n\r\n"
    )
    last = b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    found = answers(serving, whole + chunked + last, more=True)
    assert b"hidden" not in found
    assert found.count(b"HTTP/1.1 400 ") == 2  # neither body is JSON
    assert found.count(b"HTTP/1.1 200 ") == 1
    assert serving.stop() == 0
