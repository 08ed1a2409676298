"""The server as a process on the loopback interface, under load and under attack."""

import contextlib
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
import scoring
from scoring import contract

QUICK = (
    "from pathlib import Path; import sys; from server.launch import run; "
    "from server.settings import Capacity, Patience, Settings; "
    "raise SystemExit(run(Settings(Path(sys.argv[1]), port=0, workers=1, "
    "patience=Patience(header=0.5, body=0.5, idle=2.0, write=0.5), "
    "capacity=Capacity(connections=300, header_bytes=8192))))"
)


class Load:
    """Clients that keep asking until they are told to stop; they note what they got."""

    def __init__(self, serving, tools, bodies: list[bytes], clients: int = 4, retry: bool = False) -> None:
        self.answers: list[tuple[bytes, int, str, bytes]] = []
        self.lost: list[BaseException] = []
        self.ending = threading.Event()
        self._serving, self._tools, self._retry = serving, tools, retry
        self._threads = [
            threading.Thread(target=self._ask, args=(bodies[number % len(bodies)],))
            for number in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, body: bytes) -> None:
        connection = self._serving.connect()
        while not self.ending.is_set():
            try:
                got = self._tools.exchange(connection, "POST", "/model/score", body)
            except ConnectionRefusedError:
                break  # nobody listens any more; nothing was accepted
            except (OSError, HTTPException) as error:
                self.lost.append(error)
                connection.close()
                if self._retry:
                    continue
                break
            self.answers.append((body, got.status, got.headers["x-pipeline-digest"], got.body))
        connection.close()

    def join(self) -> None:
        self.ending.set()
        for thread in self._threads:
            thread.join()

    def wait(self, count: int) -> None:
        end = time.monotonic() + 15
        goal = len(self.answers) + count
        while len(self.answers) < goal:
            assert time.monotonic() < end, (len(self.answers), self.lost)
            time.sleep(0.01)


def right(load: Load, artifacts: list[bytes]) -> set[str]:
    """Check every score against the pipeline that the answer names; return the digests seen."""
    scorers = {scorer.digest: scorer for scorer in map(scoring.load, artifacts)}
    expected: dict[tuple[bytes, str], bytes] = {}
    for body, status, digest, content in load.answers:
        if status == 200:
            key = body, digest
            if key not in expected:
                expected[key] = contract.answer(scorers[digest], body)
            assert content == expected[key]
    return {digest for _, status, digest, _ in load.answers if status == 200}


def test_it_starts_answers_and_ends_well(serve, tools, request_body, artifacts):
    serving = serve()
    got = serving.get("POST", "/model/score", request_body)
    assert got.body == contract.answer(scoring.load(artifacts[0]), request_body)
    assert serving.get("GET", "/readyz").status == 200
    head = serving.get("HEAD", "/model/schema")
    assert (head.status, head.body) == (200, b"")
    assert serving.stop() == 0
    assert [event["cut"] for event in serving.events("stopped")] == [0]
    assert serve().stop(signal.SIGINT) == 0


def test_sigterm_under_load_loses_nothing(serve, tools, artifacts):
    serving = serve(workers=2)
    load = Load(serving, tools, [tools.body_of(1), tools.body_of(600)], clients=6)
    load.wait(60)
    assert serving.stop() == 0
    load.join()
    assert {status for _, status, _, _ in load.answers} <= {200, 503}
    # A connection may be closed between two requests, never within one that was accepted.
    assert all(isinstance(error, ConnectionError) for error in load.lost), load.lost
    assert right(load, artifacts)
    answered = sum(status == 200 for _, status, _, _ in load.answers)
    logged = [event for event in serving.events("request") if event["status"] == 200]
    assert len(logged) == answered  # what was worked on has also arrived
    assert sum(event["cut"] for event in serving.events("stopped")) == 0


def test_a_killed_worker_is_replaced_and_no_answer_is_wrong(serve, tools, artifacts):
    serving = serve(workers=2)
    load = Load(serving, tools, [tools.body_of(2)], clients=4, retry=True)
    load.wait(40)
    victim = serving.events("listening")[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    end = time.monotonic() + 15
    while len(serving.events("listening")) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
    load.wait(40)
    load.join()
    assert len(load.lost) <= 4  # at most the request in flight of each client
    assert right(load, artifacts)
    assert {status for _, status, _, _ in load.answers} == {200}
    text = serving.get("GET", "/metrics").body.decode()
    counted = next(line for line in text.splitlines() if 'score",code="200"' in line)
    assert int(counted.split()[-1]) >= len(load.answers)  # counts outlive the worker, of all workers together
    assert serving.stop() == 0


def test_workers_end_with_a_supervisor_that_was_killed(serve):
    serving = serve(workers=2)
    pids = [event["pid"] for event in serving.events("listening")]
    serving.stop(signal.SIGKILL)
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end
        time.sleep(0.05)


def test_garbage_and_a_new_artifact_under_load(serve, tools, artifacts, live):
    serving = serve(workers=2)
    load = Load(serving, tools, [tools.body_of(2), tools.body_of(400)], clients=4)
    load.wait(20)
    live.write_bytes(b"garbage")
    end = time.monotonic() + 10
    while not serving.events("artifact_refused"):
        assert time.monotonic() < end
        time.sleep(0.05)
    load.wait(20)
    assert len({digest for _, _, digest, _ in load.answers}) == 1
    live.write_bytes(artifacts[1])
    while len(serving.events("pipeline_swapped")) < 2:
        assert time.monotonic() < end + 10
        time.sleep(0.05)
    load.wait(20)
    load.join()
    assert not load.lost
    assert {status for _, status, _, _ in load.answers} == {200}
    assert len(right(load, artifacts)) == 2
    assert load.answers[-1][2] == scoring.load(artifacts[1]).digest
    assert serving.stop() == 0


def test_slow_clients_hold_up_nobody_and_are_ended(serve, request_body):
    serving = serve(program=("-c", QUICK))
    head = f"POST /model/score HTTP/1.1\r\nhost: x\r\ncontent-length: {len(request_body)}\r\n\r\n".encode()
    slow = [serving.raw(data) for data in (b"", b"POST /model", head, head + b"{") for _ in range(50)]
    took = []
    for _ in range(20):
        begun = time.perf_counter()
        assert serving.get("POST", "/model/score", request_body).status == 200
        took.append(time.perf_counter() - begun)
    assert sorted(took)[10] < 0.25
    endings = [read_all(opened) for opened in slow]
    assert all(not ending for ending in endings[:50])  # said nothing, hears nothing
    assert all(ending.startswith(b"HTTP/1.1 408 ") for ending in endings[50:])
    assert serving.get("POST", "/model/score", request_body).status == 200
    assert serving.stop() == 0


def test_a_client_that_does_not_read_is_cut_off(serve, tools):
    serving = serve(program=("-c", QUICK))
    body = tools.body_of(60_000)
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    opened.settimeout(20)
    opened.connect(("127.0.0.1", serving.port))
    head = f"POST /model/score HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    opened.sendall(head + body)
    end = time.monotonic() + 15
    while "scorer_connections 1" not in serving.get("GET", "/metrics").body.decode():
        assert time.monotonic() < end
        time.sleep(0.2)
    opened.close()
    assert serving.stop() == 0


def test_heads_without_end_and_what_is_no_http_are_refused(serve):
    serving = serve(program=("-c", QUICK))
    for data, status in (
        (b"GET /livez HTTP/1.1\r\nx: " + b"y" * 20_000, 431),
        (b"GET /livez HTTP/1.1\r\n" + b"x: y\r\n" * 300 + b"\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ):
        ending = read_all(serving.raw(data))
        assert ending.startswith(f"HTTP/1.1 {status} ".encode()), (data[:40], ending)
        assert json.loads(ending.partition(b"\r\n\r\n")[2])["code"]
    assert serving.get("GET", "/livez").status == 200


def test_a_body_over_the_limit_is_refused_while_it_is_sent(serve, request_body):
    serving = serve()
    connection = serving.connect()
    pieces = (b" " * (1 << 20) for _ in range(40))
    connection.request("POST", "/model/score", pieces, {"content-length": str(40 << 20)})
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "body_too_large")
    connection.close()
    connection = serving.connect()
    pieces = (b" " * (1 << 20) for _ in range(40))
    connection.request("POST", "/model/score", pieces, {"transfer-encoding": "chunked"}, encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["code"]) == (413, "body_too_large")
    connection.close()
    resident = next(
        int(line.split()[1])
        for line in Path(f"/proc/{serving.process.pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    assert resident < 250_000
    assert serving.get("POST", "/model/score", request_body).status == 200
    assert serving.stop() == 0


def test_connections_have_a_limit(serve):
    serving = serve(program=("-c", QUICK))
    many = [serving.raw() for _ in range(300)]
    assert read_all(serving.raw()).startswith(b"HTTP/1.1 503 ")
    for opened in many:
        opened.close()
    time.sleep(0.2)
    assert serving.get("GET", "/livez").status == 200


def test_pipelined_requests_are_answered_in_order(serve, request_body):
    serving = serve()
    one = b"POST /model/score HTTP/1.1\r\nhost: x\r\nx-request-id: r%d\r\ncontent-length: %d\r\n\r\n"
    last = b"GET /livez HTTP/1.1\r\nhost: x\r\nx-request-id: r3\r\nconnection: close\r\n\r\n"
    data = b"".join(one % (number, len(request_body)) + request_body for number in range(3))
    ending = read_all(serving.raw(data + last))
    assert [ending.find(b"x-request-id: r%d" % number) for number in range(4)] == sorted(
        ending.find(b"x-request-id: r%d" % number) for number in range(4)
    )
    assert ending.count(b"HTTP/1.1 200 OK") == 4


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_log_that_cannot_be_written_breaks_nothing(live, request_body, tools, tmp_path):
    port = free_port()
    command = [sys.executable, "-m", "server", str(live), "--port", str(port), "--workers", "1"]
    for log in (["--access-log", "/dev/full"], []):
        read, write = os.pipe()
        with subprocess.Popen([*command, *log], stderr=write) as process:
            os.close(read)  # a pipe that nobody reads any more
            os.close(write)
            got = first_answer(port, tools, request_body)
            assert got.status == 200
            text = ask_once(port, tools, "GET", "/metrics").body.decode()
            time.sleep(0.2)
            text = ask_once(port, tools, "GET", "/metrics").body.decode()
            dropped = next(line for line in text.splitlines() if line.startswith("scorer_log_dropped_total "))
            assert int(dropped.split()[1]) > 0
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def test_what_cannot_be_served_is_said_and_ends_with_1(live, tmp_path):
    live.write_bytes(b"garbage")
    for words, said in (
        ([str(live)], "What to do"),
        ([str(live), "--workers", "2"], "What to do"),
        ([str(tmp_path / "none")], "no artifact"),
        ([str(live), "--api-keys", str(tmp_path / "none")], "cannot be read"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "server", "--port", "0", "--workers", "1", *words],
            capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert said in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificates, is not here"
)
def test_tls_and_mutual_tls(serve, tmp_path):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
         str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    serving = serve("--tls-cert", cert, "--tls-key", key, "--tls-client-ca", cert)
    assert serving.events("listening")[0]["url"].startswith("https://")
    context = ssl.create_default_context(cafile=cert)
    with contextlib.suppress(ssl.SSLError, ConnectionError):  # the refusal may come before what was sent
        assert tls_get(serving, context) == b""
    context.load_cert_chain(cert, key)
    assert tls_get(serving, context).startswith(b"HTTP/1.1 200 OK")
    assert serving.stop() == 0


def tls_get(serving, context: ssl.SSLContext) -> bytes:
    with serving.raw() as opened, context.wrap_socket(opened, server_hostname="127.0.0.1") as secure:
        secure.sendall(b"GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        return secure.recv(65536)


def read_all(opened: socket.socket) -> bytes:
    pieces = []
    with opened:
        try:
            while piece := opened.recv(65536):
                pieces.append(piece)
        except ConnectionResetError:
            pass
    return b"".join(pieces)


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return int(opened.getsockname()[1])


def ask_once(port: int, tools, method: str, target: str, body: bytes = b""):
    connection = HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        return tools.exchange(connection, method, target, body)
    finally:
        connection.close()


def first_answer(port: int, tools, body: bytes):
    end = time.monotonic() + 20
    while True:
        try:
            return ask_once(port, tools, "POST", "/model/score", body)
        except ConnectionError:
            assert time.monotonic() < end
            time.sleep(0.05)
