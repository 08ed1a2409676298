"""Feature engineering: what a transform graph of 12 inputs and 16 features costs per row."""

import json
from collections.abc import Callable
from functools import partial

import numpy as np
from models import Floats, Model
from scoring._engine import Pipeline
from table import Table, ratio, seconds
from timing import cpu_seconds, p50_seconds

INPUTS = [f"x{i}" for i in range(12)]
ROWS = 10_000
RATIOS = [(0, 1), (2, 3), (4, 5), (6, 7)]
CENTER, SCALE = 0.5, 2.0


def graph() -> bytes:
    """Four ratios, a sum, a difference and a projection on three components; 16 columns are features."""
    nodes: list[dict[str, object]] = [{"op": "div", "of": list(pair)} for pair in RATIOS]
    nodes += [{"op": "add", "of": [8, 9]}, {"op": "sub", "of": [10, 11]}]
    weights = np.random.default_rng(0).normal(size=(3, 12))
    nodes.append(
        {
            "op": "project",
            "of": list(range(12)),
            "fill": [0.0] * 12,
            "center": [CENTER] * 12,
            "scale": [SCALE] * 12,
            "weights": weights.tolist(),
        }
    )
    outputs = list(range(5, 21))
    names = [f"f{i}" for i in range(len(outputs))]
    return json.dumps(
        {"format": 1, "inputs": INPUTS, "nodes": nodes, "outputs": outputs, "names": names}
    ).encode()


def by_numpy(X: Floats) -> Floats:
    """Compute the same features with numpy."""
    weights = np.random.default_rng(0).normal(size=(3, 12))
    columns = [X[:, a] / X[:, b] for a, b in RATIOS] + [X[:, 8] + X[:, 9], X[:, 10] - X[:, 11]]
    projected = (np.where(np.isnan(X), 0.0, X) - CENTER) / SCALE @ weights.T
    return np.column_stack([X, *columns, projected])[:, 5:21]


def by_pandas(X: Floats) -> object:
    """Compute the same features with pandas, from a frame made of the row as a service would."""
    import pandas as pd

    frame = pd.DataFrame(X, columns=INPUTS)
    for i, (a, b) in enumerate(RATIOS):
        frame[f"r{i}"] = frame[INPUTS[a]] / frame[INPUTS[b]]
    frame["s"] = frame["x8"] + frame["x9"]
    frame["d"] = frame["x10"] - frame["x11"]
    weights = np.random.default_rng(0).normal(size=(3, 12))
    projected = (frame[INPUTS].fillna(0.0) - CENTER).to_numpy() / SCALE @ weights.T
    for k in range(3):
        frame[f"p{k}"] = projected[:, k]
    return frame.iloc[:, 5:21]


def run() -> list[Table]:
    """Measure transforms alone, and with the forest of model A behind them."""
    model = Model("A")
    engine = Pipeline(graph(), model.text_path.read_bytes())
    X = np.random.default_rng(3).normal(size=(ROWS, 12))
    assert np.allclose(engine.transform(X), by_numpy(X), rtol=1e-9)
    ways: dict[str, Callable[[Floats], object]] = {
        "scoring, engine.transform": engine.transform,
        "numpy": by_numpy,
        "pandas": by_pandas,
    }
    many = cpu_seconds({name: partial(way, X) for name, way in ways.items()})
    singles = [X[i : i + 1] for i in range(300)]
    one = p50_seconds(ways, dict.fromkeys(ways, singles), rounds=3)
    ours = "scoring, engine.transform"
    table = Table(
        "12 inputs to 16 features (ratios, sums, a projection)",
        ["way", "one row, p50", "scoring is faster", f"a row of {ROWS:,}, CPU", "scoring is faster"],
    )
    for name in ways:
        table.rows.append(
            [name, seconds(one[name]), ratio(one[name] / one[ours]), seconds(many[name] / ROWS),
             ratio(many[name] / many[ours])]
        )  # fmt: skip
    whole = cpu_seconds(
        {
            "with": partial(engine.predict, X),
            "without": partial(model.scorer.engine.predict, model.rows[:ROWS]),
        }
    )
    table.remarks = [
        f"Scoring model A with these transforms takes {seconds(whole['with'] / ROWS)} a row in a batch, "
        f"{seconds(whole['without'] / ROWS)} on its 16 features as they are."
    ]
    return [table]
