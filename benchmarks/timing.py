"""How things are timed: rivals take turns, so that a neighbour's load falls on all of them alike."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ROUNDS = 5


def cpu_seconds(calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median over rounds of the CPU time of each call; every round runs each call once."""
    return _interleaved(calls, rounds, time.process_time)


def wall_seconds(calls: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Return the median over rounds of the time that passes during each call."""
    return _interleaved(calls, rounds, time.perf_counter)


def _interleaved(
    calls: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float]
) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()  # load, compile and warm up
    for _ in range(rounds):
        for name, call in calls.items():
            start = clock()
            call()
            taken[name].append(clock() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def p50_seconds(
    calls: Mapping[str, Callable[[Any], object]],
    rows: Mapping[str, Sequence[Any]],
    rounds: int = ROUNDS,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, float]:
    """Return the median time of single calls, each on a row of its own, timed one by one in turns.

    For calls of a millisecond and more pass `time.thread_time_ns`: on a busy machine they are interrupted.
    """
    taken: dict[str, list[int]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            times = taken[name]
            for row in rows[name]:
                start = clock()
                call(row)
                times.append(clock() - start)
    return {name: statistics.median(times) / 1e9 for name, times in taken.items()}


# Linux counts the memory of the process that starts another towards that one's peak, so a small one does it.
LAUNCHER = """
import os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(child.pid, 0)
print(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
child.returncode = os.waitstatus_to_exitcode(status)
sys.exit(child.returncode != 0)
"""


@dataclass(frozen=True)
class Process:
    """What one finished process used."""

    wall: float  # seconds
    cpu: float  # seconds, user and system
    peak: int  # bytes of resident memory


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Process:
    """Run a command to its end; raises RuntimeError with its last words when it fails."""
    launcher = [sys.executable, "-I", "-S", "-c", LAUNCHER, *command]
    done = subprocess.run(
        launcher, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)[:200]} failed: {done.stderr[-500:]}")
    wall, cpu, peak = map(float, done.stdout.split())
    return Process(wall, cpu, int(peak) * (1 if sys.platform == "darwin" else 1024))
