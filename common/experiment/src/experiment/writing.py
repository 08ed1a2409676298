"""What an experiment writes: the artifact and, when asked, its held-out predictions."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scoring.artifact import Artifact
from scoring.draft import drafted
from scoring.schema import Field

from experiment.baseline import baseline
from experiment.outcome import Outcome
from experiment.report.metrics import metrics
from experiment.request import Material
from experiment.result import Evaluation, Result

_SAMPLES = 20


def write_artifact(path: Path, material: Material, outcome: Outcome, result: Result) -> Artifact:
    """Write the artifact, whole or not at all.

    Test rows reach nothing but the metrics in its manifest.
    """
    known = outcome.known
    artifact = Artifact.create(
        name=result.name,
        task=result.task,
        target=result.target,
        labels=result.labels,
        inputs=known.fields,
        features=outcome.fitted.features,
        forest=outcome.bag.forest,
        baseline=baseline(known.X, known.fields),
        samples=_samples(material, outcome, known.fields, result.seed),
        libraries=result.versions,
        metrics=metrics(result) | {"plain_lightgbm_test_loss": result.baseline_loss},
        data={
            "source": result.source,
            "rows": material.table.frame.height,
            "sha256": material.table.digest,
            "simulated": result.simulated,
            "attribution": result.attribution,
            "split": result.split,
            "seed": result.seed,
        },
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    return artifact.write(path)


def write_predictions(path: Path, result: Result) -> None:
    """Write a CSV file of the held-out predictions of training rows and the predictions of test rows."""
    frame = pl.concat([_frame("validation", result.validation, result), _frame("test", result.test, result)])
    with drafted(path) as draft:
        draft.write_bytes(frame.write_csv().encode())


def _frame(part: str, found: Evaluation, result: Result) -> pl.DataFrame:
    truth: Sequence[Any] = found.truth.tolist()
    if result.labels:
        truth = [result.labels[int(value)] for value in truth]
    columns: dict[str, Any] = {
        "row": found.rows,
        "part": [part] * len(found.rows),
        "fold": [None] * len(found.rows) if found.fold is None else found.fold.tolist(),
        "truth": truth,
    }
    if result.labels:
        for k, label in enumerate(result.labels):
            columns[f"{result.target}.{label}"] = found.prediction[:, k]
    else:
        columns[result.target] = found.prediction
    return pl.DataFrame(columns, schema_overrides={"fold": pl.Int64})


def _samples(material: Material, outcome: Outcome, fields: Sequence[Field], seed: int) -> dict[str, Any]:
    """Pick training rows, each class in turn, and record exactly what the engine makes of their cells."""
    known = outcome.known
    order = np.random.default_rng([seed, 8]).permutation(len(known.y))
    if known.classes:
        turn = np.empty(len(order), dtype=np.int64)
        for label in range(known.classes):
            mine = np.flatnonzero(known.y[order] == label)
            turn[mine] = np.arange(len(mine))
        order = order[np.argsort(turn, kind="stable")]
    picked = np.sort(order[:_SAMPLES])
    cells = material.cells(material.split.train[picked].tolist(), fields)
    X = known.X[picked]
    raw = np.asarray(outcome.pipeline.predict(X, raw_score=True)).reshape(len(picked), -1)
    output = np.asarray(outcome.pipeline.predict(X)).reshape(len(picked), -1)
    rows = [list(row) for row in zip(*(cells[field.name] for field in fields), strict=True)]
    return {"rows": rows, "raw": raw.tolist(), "output": output.tolist()}
