"""Threads: the same bits from any number of them, one pipeline in many, and a process that forks."""

import json
import os
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray
from scoring._engine import Pipeline

Array = NDArray[np.float64]


def data(rows: int, seed: int) -> Array:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 6))
    return np.where(rng.random(X.shape) < 0.1, np.nan, X)


def features_json() -> bytes:
    nodes = [{"op": "add", "of": [0, 1]}, {"op": "fill", "of": [2], "value": 0.5}]
    graph = {
        "format": 1,
        "inputs": list("abcdef"),
        "nodes": nodes,
        "outputs": [6, 7, 3, 4, 5],
        "names": list("uvdef"),
    }
    return json.dumps(graph).encode()


@pytest.fixture(scope="module")
def forest() -> bytes:
    X = data(3000, 0)[:, :5]
    label = np.digitize(np.nan_to_num(X).sum(axis=1), [-1, 1])
    options = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbose": -1}
    return lightgbm.train(options, lightgbm.Dataset(X, label), 40).model_to_string().encode()


@pytest.fixture
def engine(forest: bytes) -> Pipeline:
    return Pipeline(features_json(), forest)


@pytest.mark.parametrize("rows", [1, 2, 511, 513, 1025, 20000])
@pytest.mark.parametrize("threads", [0, 2, 3, 8])
def test_any_number_of_threads_gives_the_same_bits(engine: Pipeline, rows: int, threads: int) -> None:
    X = data(rows, 1)
    assert engine.predict(X, threads=threads).tobytes() == engine.predict(X).tobytes()
    assert engine.transform(X, threads=threads).tobytes() == engine.transform(X).tobytes()
    few = X[:300]
    assert engine.contributions(few, threads=threads).tobytes() == engine.contributions(few).tobytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_one_pipeline_in_eight_threads(forest: bytes, threads: int) -> None:
    shared = Pipeline(
        features_json(), forest
    )  # fresh: its lazy parts are first asked for by all threads at once
    batches = [data(rows, rows) for rows in (1, 3, 40, 700, 2500)]
    quiet = Pipeline(features_json(), forest)
    want = [
        (quiet.predict(X).tobytes(), quiet.contributions(X[:20]).tobytes(), quiet.transform(X).tobytes())
        for X in batches
    ]
    rows = [quiet.row(X[0].tolist()) for X in batches]
    start = threading.Barrier(8)

    def work(seed: int) -> None:
        start.wait()
        for i in np.random.default_rng(seed).integers(0, len(batches), 12):
            X = batches[i]
            found = (
                shared.predict(X, threads=threads).tobytes(),
                shared.contributions(X[:20], threads=threads).tobytes(),
                shared.transform(X, threads=threads).tobytes(),
            )
            assert found == want[i]
            assert shared.row(X[0].tolist()) == rows[i]

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_other_threads_run_while_a_batch_is_scored(engine: Pipeline) -> None:
    X = data(200_000, 2)
    ticks, done = 0, threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.0005)

    ticker = threading.Thread(target=tick)
    ticker.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is made to give way: only a call that lets go lets others run
    try:
        time.sleep(0.01)
        before = ticks
        for _ in range(3):
            engine.predict(X)
        during = ticks - before
    finally:
        sys.setswitchinterval(interval)
        done.set()
        ticker.join()
    assert during > 3


def in_child(work: object, seconds: float = 20.0) -> int:
    """Run `work` in a forked child; return its exit code, or fail when it hangs."""
    child = os.fork()
    if child == 0:
        try:
            ok = bool(work())  # type: ignore[operator]
        except BaseException:  # noqa: BLE001 - the child must not run the parent's tests
            ok = False
        os._exit(0 if ok else 1)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    pytest.fail("the forked child hangs")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_scores_with_threads(engine: Pipeline) -> None:
    X = data(5000, 3)
    want = engine.predict(X).tobytes()
    parts = engine.contributions(X[:50]).tobytes()

    def work() -> bool:
        return (
            engine.predict(X, threads=2).tobytes() == want
            and engine.contributions(X[:50], threads=2).tobytes() == parts
        )

    assert work()  # the pool's threads exist from here on: the child has none of them
    for _ in range(3):
        assert in_child(work) == 0
    assert in_child(lambda: in_child(work) == 0) == 0
    assert work()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_fork_in_the_middle_of_work(engine: Pipeline) -> None:
    X = data(3000, 4)
    want = engine.predict(X).tobytes()
    done = threading.Event()

    def busy() -> None:
        while not done.is_set():
            engine.predict(X, threads=3)

    threads = [threading.Thread(target=busy) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(15):
            assert in_child(lambda: engine.predict(X, threads=3).tobytes() == want) == 0
    finally:
        done.set()
        for thread in threads:
            thread.join()
