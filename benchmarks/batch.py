"""Many rows at once: CPU time per row on one thread beside the peers, and what a second thread brings."""

import os
from functools import partial

import numpy as np
import peers
from models import NAMES, Model
from table import Table, ratio, seconds
from timing import cpu_seconds, wall_seconds

SIZES = (1_000, 10_000)


def run() -> list[Table]:
    """Measure every model."""
    return [_rivals(name) for name in NAMES] + [_threads()]


def _rivals(name: str) -> Table:
    model = Model(name)
    able, absent = peers.ready(model)
    engine = model.scorer.engine
    table = Table(f"Batch, model {name} ({model.plan.about}): CPU time per row, one thread", ["engine"])
    columns: list[dict[str, float]] = []
    for count in SIZES:
        X = model.rows[:count]
        calls = {"scoring": partial(engine.predict, X)} | {
            peer: partial(predict, X) for peer, predict in able.items()
        }
        columns.append({engine: spent / count for engine, spent in cpu_seconds(calls).items()})
    table.columns = [
        "engine",
        *(f"{count:,} rows" for count in SIZES),
        *(f"scoring is faster, {c:,}" for c in SIZES),
    ]
    for engine_name in columns[0]:
        times = [column[engine_name] for column in columns]
        faster = [ratio(column[engine_name] / column["scoring"]) for column in columns]
        table.rows.append([engine_name, *map(seconds, times), *faster])
    table.remarks = [f"{peer}: {why}" for peer, why in absent.items()]
    return table


def _threads() -> Table:
    table = Table(
        "Two threads instead of one: time that passes for 200,000 rows", ["model", "one", "two", "gain"]
    )
    for name in NAMES:
        model = Model(name)
        predict = model.scorer.engine.predict
        many = np.tile(model.rows, (10, 1))
        calls = {str(n): partial(predict, many, threads=n) for n in (1, 2)}
        spent = wall_seconds(calls)
        table.rows.append([name, seconds(spent["1"]), seconds(spent["2"]), ratio(spent["1"] / spent["2"])])
    table.remarks = [
        f"Only as good as the machine is idle; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores."
    ]
    return table
