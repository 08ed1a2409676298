"""The sandbox keeps what Lambda keeps, and the package lives within it."""

import json
import math
import pickle
import re
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lambda_sandbox.memory import remove

GLIBC = (2, 26)  # of Amazon Linux 2, on which python3.11 runs


def _asked(sandbox: Any, **event: Any) -> Any:
    return json.loads(sandbox.invoke(json.dumps(event).encode())[1])


def test_nothing_but_its_own_tmp_can_be_written(start: Any, probe: Any) -> None:
    function = probe(
        "answer = []\n"
        "for place in ('/var/task', '/opt', '/var', '/usr', '/etc', '/tmp'):\n"
        "    try:\n"
        "        open(place + '/written', 'w').close()\n"
        "        answer.append(place)\n"
        "    except OSError:\n"
        "        pass"
    )

    assert _asked(start(function)) == ["/tmp"]


def test_it_has_no_rights_and_nothing_of_the_host(
    start: Any, probe: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_HOST", "1")
    function = probe(
        "import os\n"
        "from importlib.util import find_spec\n"
        "status = open('/proc/self/status').read()\n"
        "answer = [os.getuid(), os.listdir('/tmp'), 'A_SECRET_OF_THE_HOST' in os.environ,\n"
        "          status.split('CapEff:')[1].split()[0], status.split('NoNewPrivs:')[1].split()[0],\n"
        "          [name for name in ('numpy', 'scoring', 'pytest') if find_spec(name)],\n"
        "          bool(find_spec('boto3'))]"
    )

    assert _asked(start(function)) == [993, [], False, "0" * 16, "1", [], True]


def test_too_slow_and_then_well_again(start: Any, probe: Any) -> None:
    sandbox = start(probe("import time\ntime.sleep(event.get('seconds', 0))\nanswer = 'in time'"))

    assert b"Task timed out after 2.00 seconds" in sandbox.invoke(b'{"seconds": 9}')[1]
    assert _asked(sandbox) == "in time"


def test_too_much_memory_and_then_well_again(start: Any, probe: Any) -> None:
    sandbox = start(probe("kept.append(bytearray(event.get('mb', 0) << 20))\nanswer = 'enough'"))
    if sandbox.memory.door is None:
        pytest.skip("no memory cgroup can be made here: memory is not limited")

    assert _asked(sandbox, mb=400)["errorType"] == "Runtime.ExitError"
    assert _asked(sandbox) == "enough"


def test_a_killed_process_is_replaced(start: Any, function: Any, scorer: Any, body: bytes) -> None:
    sandbox = start(function)
    expected = json.loads(scorer.score_json(body))

    assert json.loads(sandbox.invoke(body)[1]) == expected
    sandbox.kill_runtime()
    answers = [json.loads(sandbox.invoke(body)[1]) for _ in range(2)]

    assert answers[-1] == expected


def test_a_killed_test_run_leaves_no_process(probe: Any, lambda_runtime: Any, tmp_path: Path) -> None:
    lines = (
        "import pickle, sys, time; sys.path[:] = pickle.loads(sys.stdin.buffer.read(int(sys.argv[1])))\n"
        "from lambda_sandbox.sandbox import Sandbox\n"
        "function, runtime, home = pickle.load(sys.stdin.buffer)\n"
        "sandbox = Sandbox(function, runtime, home=home, tied=True); sandbox.start()\n"
        "print(sandbox.port, flush=True); time.sleep(60)\n"
    )
    path, rest = (
        pickle.dumps(sys.path),
        pickle.dumps((replace(probe("pass"), variables={}), lambda_runtime, tmp_path)),
    )
    command = [sys.executable, "-c", lines, str(len(path))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(path + rest)
        process.stdin.flush()
        port = int(process.stdout.readline())
        assert _listens(port)
        process.kill()

    end = time.monotonic() + 10
    while _listens(port) and time.monotonic() < end:
        time.sleep(0.05)
    assert not _listens(port)
    for log in tmp_path.glob("sandbox-*.log"):
        remove(log.stem)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_smallest_function_is_large_enough(start: Any, small: Any, scorer: Any, body: bytes) -> None:
    sandbox = start(small)

    assert json.loads(sandbox.invoke(body)[1]) == json.loads(scorer.score_json(body))
    peak = sandbox.memory.peak_mb()
    print(f"\nmemory of the whole sandbox at most: {peak:.0f} MB of 128")
    assert math.isnan(peak) or peak < 128


def test_machine_code_is_old_enough_for_lambda(function_package: Any) -> None:
    libraries = [path for path in function_package.code.rglob("*.so*") if path.is_file()]

    wanted = {
        (int(major), int(minor))
        for path in libraries
        for major, minor in re.findall(rb"GLIBC_(\d+)\.(\d+)", path.read_bytes())
    }

    assert libraries
    assert max(wanted) <= GLIBC
