"""Run by the other processor: cases of models and rows in, doubles out.

    engine.py CASES ANSWERS

A case is a folder with graph.json, forest.txt and rows: doubles, as many in each row as the graph has inputs.
Its answers are a folder of the same name, with a file for each way of asking.
"""

import array
import json
import sys
from pathlib import Path

from scoring import _engine


def flat(row: object) -> list[float]:
    """Return the scores of a single row as a list."""
    return list(row) if isinstance(row, tuple) else [float(row)]  # type: ignore[arg-type]


print(json.dumps({"isa": _engine.isa, "modules": sorted(sys.modules)}))
for case in sorted(Path(sys.argv[1]).iterdir()):
    graph = (case / "graph.json").read_bytes()
    pipeline = _engine.Pipeline(graph, (case / "forest.txt").read_bytes())
    inputs = pipeline.inputs
    data = (case / "rows").read_bytes()
    X = _engine.Matrix(memoryview(data).cast("d", (len(data) // 8 // inputs, inputs)))
    out = Path(sys.argv[2]) / case.name
    out.mkdir(parents=True)
    (out / "raw").write_bytes(pipeline.scores(X, raw_score=True).tobytes())
    (out / "scores").write_bytes(pipeline.scores(X).tobytes())
    singles = [flat(pipeline.row(row)) for row in X.tolist()[:100]]
    (out / "singles").write_bytes(array.array("d", [value for row in singles for value in row]).tobytes())
    if (case / "explained").exists():
        (out / "original").write_bytes(pipeline.parts(X).tobytes())
        (out / "transformed").write_bytes(pipeline.parts(X, original=False).tobytes())
