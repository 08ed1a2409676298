"""Programs run to their end: lines as they come, and interrupts passed on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployment.process import run

# Counts interrupts; the second one ends it.
STUBBORN = """
import signal, sys, time
count = 0
def interrupted(*_):
    global count
    count += 1
    print("interrupt", count, flush=True)
    if count == 2:
        sys.exit(7)
signal.signal(signal.SIGINT, interrupted)
print("ready", flush=True)
for _ in range(300):
    time.sleep(0.1)
"""
DRIVER = """
import os, sys
from pathlib import Path
from deployment.process import run
run([sys.executable, "-c", sys.argv[1]], Path(), os.environ, lambda line: print(line, flush=True))
"""


def test_a_program_is_followed_line_by_line(tmp_path):
    lines = []

    ended = run(
        ["sh", "-c", "echo one; echo two; printf half; echo no >&2; exit 3"],
        tmp_path,
        os.environ,
        lines.append,
    )

    assert (ended.code, ended.out, ended.err) == (3, "one\ntwo\nhalf", "no\n")
    assert lines == ["one", "two"]


def test_lines_come_while_the_program_runs(tmp_path):
    times = []

    run(
        ["sh", "-c", "echo one; sleep 1; echo two"],
        tmp_path,
        os.environ,
        lambda _: times.append(time.monotonic()),
    )

    assert times[1] - times[0] > 0.7


def test_a_long_output_is_whole(tmp_path):
    lines = []

    program = "for number in range(200000): print(number)"
    ended = run([sys.executable, "-c", program], tmp_path, os.environ, lines.append)

    assert len(ended.out) > 1_000_000
    assert lines[-1] == "199999"


def test_each_interrupt_is_passed_on_once():
    process = subprocess.Popen(
        [sys.executable, "-c", DRIVER, STUBBORN], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        assert process.poll() is None  # it waits for the program's own end
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=10)
        assert process.returncode == -signal.SIGINT  # KeyboardInterrupt, after the program ended


def test_a_failing_callback_stops_the_program_in_order(tmp_path):
    def fail(line):
        raise ValueError(line)

    begin = time.monotonic()
    with pytest.raises(ValueError, match="one"):
        run(
            ["sh", "-c", "trap 'touch stopped; exit' INT; echo one; while :; do sleep 0.1; done"],
            Path(tmp_path),
            os.environ,
            fail,
        )

    assert (tmp_path / "stopped").exists()
    assert time.monotonic() - begin < 10
