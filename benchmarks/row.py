"""One row: the median time of single calls, each with a row that the caches have not just seen."""

import ctypes
import json
from collections.abc import Callable
from typing import Any

import peers
from models import NAMES, Model
from table import Table, ratio, seconds
from timing import p50_seconds

ROWS = 1_000
FLOOR = "(an extension call that does nothing: tuple(cells))"
FAST = "LightGBM, C API prepared beforehand (FastInit)"


def run() -> list[Table]:
    """Measure every model."""
    return [_rivals(name) for name in NAMES]


def _rivals(name: str) -> Table:
    model = Model(name)
    scorer, engine = model.scorer, model.scorer.engine
    arrays = [model.rows[i : i + 1] for i in range(ROWS)]
    cells = [row[0].tolist() for row in arrays]
    fields = [field.name for field in scorer.schema.inputs]
    bodies = [
        json.dumps({"fields": fields, "rows": [["" if c != c else repr(c) for c in r]]}).encode()
        for r in cells
    ]
    fast = peers.fast_single_row(model)
    addresses = [ctypes.c_void_p(row.ctypes.data) for row in arrays]
    able, absent = peers.ready(model)

    calls: dict[str, Callable[[Any], object]] = {
        "scoring, engine.row(cells)": engine.row,
        "scoring, engine.predict(array)": engine.predict,
        "scoring, Scorer.predict(array)": scorer.predict,
        "scoring, Scorer.score_json(body)": scorer.score_json,
        FAST: fast,
        FLOOR: tuple,
    } | able
    rows: dict[str, Any] = dict.fromkeys(calls, arrays) | {
        "scoring, engine.row(cells)": cells,
        "scoring, Scorer.score_json(body)": bodies,
        FAST: addresses,
        FLOOR: cells,
    }
    spent = p50_seconds(calls, rows, rounds=3)
    table = Table(
        f"One row, model {name} ({model.plan.about}): p50 of {3 * ROWS:,} calls from Python",
        ["call", "p50", "LightGBM takes", "LightGBM's fast path takes"],
    )
    for key, time in spent.items():
        table.rows.append([key, seconds(time), ratio(spent["LightGBM"] / time), ratio(spent[FAST] / time)])
    table.remarks = [f"{peer}: {why}" for peer, why in absent.items()]
    return table
