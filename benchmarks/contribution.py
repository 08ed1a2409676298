"""Contributions (exact Shapley values): one row, and many on one thread, beside LightGBM's pred_contrib."""

import time
from collections.abc import Callable
from functools import partial

import numpy as np
from models import NAMES, Floats, Model
from table import Table, ratio, seconds
from timing import cpu_seconds, p50_seconds

ROWS = {"A": 100, "B": 100, "C": 6}


def run() -> list[Table]:
    """Measure every model."""
    table = Table(
        "Contributions: scoring beside Booster.predict(pred_contrib=True), one thread",
        ["model", "one row", "LightGBM", "ratio", "a row of many", "LightGBM", "ratio", "largest difference"],
        remarks=[
            "CPU time; one row: median of single calls. Differences are relative to a row's largest part."
        ],
    )
    for name in NAMES:
        model, count = Model(name), ROWS[name]
        ours = partial(model.scorer.engine.contributions, original=False)
        theirs = partial(model.booster.predict, pred_contrib=True, num_threads=1)
        X = model.rows[:count]
        got, want = np.asarray(ours(X)), theirs(X)
        error = (np.abs(got - want) / np.abs(want).max(axis=1, keepdims=True)).max()
        singles = [X[i : i + 1] for i in range(count)]
        ways: dict[str, Callable[[Floats], object]] = {"ours": ours, "theirs": theirs}
        one = p50_seconds(ways, dict.fromkeys(ways, singles), 3, time.thread_time_ns)
        many = cpu_seconds({"ours": partial(ours, X), "theirs": partial(theirs, X)}, rounds=3)
        cells = [name]
        for spent, rows in ((one, 1), (many, count)):
            cells += [seconds(spent["ours"] / rows), seconds(spent["theirs"] / rows)]
            cells.append(ratio(spent["theirs"] / spent["ours"]))
        table.rows.append([*cells, f"{error:.1e}"])
    return [table]
