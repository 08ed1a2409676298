"""Whole experiments on tiny data: artifacts that score, results that are complete, and no way to cheat."""

import datetime
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scoring
from experiment import Result, run
from experiment.booster import EXTRA, task_parameters, train
from experiment.loss import loss, row_losses
from experiment.plan import make_plan, useful_threads
from scoring.problem import Problem
from scoring.verification import verify

BUDGET = 2.5


def mixed(rows: int = 240, seed: int = 0) -> pl.DataFrame:
    """Return a table with numbers, categories, dates, booleans and gaps, and three targets."""
    rng = np.random.default_rng(seed)
    x, z = rng.standard_normal(rows), rng.standard_normal(rows)
    letter = rng.choice(["a", "b", "c", "rare"], size=rows, p=[0.4, 0.3, 0.28, 0.02])
    day = [datetime.datetime(2021, 1, 1) + datetime.timedelta(hours=9 * k) for k in range(rows)]
    score = x + np.where(letter == "a", 1.0, -0.5) + 0.1 * rng.standard_normal(rows)
    return pl.DataFrame(
        {
            "x": [None if k % 13 == 0 else round(v, 6) for k, v in enumerate(x.tolist())],
            "z": np.round(z, 6),
            "letter": [None if k % 17 == 0 else v for k, v in enumerate(letter.tolist())],
            "day": [moment.isoformat() for moment in day],
            "flag": rng.random(rows) < 0.5,
            "machine": [f"m{k // 12}" for k in range(rows)],
            "two": np.where(score > 0, "yes!", "no!"),
            "three": np.digitize(score, [-0.7, 0.7]) * 10,
            "value": np.round(score, 6),
        }
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "mixed.csv"
    mixed().write_csv(path)
    return path


def others(target: str) -> tuple[str, ...]:
    return tuple({"two", "three", "value"} - {target})


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    ("target", "task", "labels"),
    [
        ("two", "binomial", ("no!", "yes!")),
        ("three", "multinomial", ("0", "10", "20")),
        ("value", "regression", ()),
    ],
)
def test_artifact_scores_text_as_training_did(
    data: Path, tmp_path: Path, target: str, task: str, labels: tuple[str, ...]
) -> None:
    path = tmp_path / "m.pipeline"
    result = run(data, target, path, budget=BUDGET, drop=[*others(target), "machine"])
    scorer = scoring.load(path)
    assert (result.task, result.labels) == (task, labels) == (scorer.task, tuple(scorer.labels))
    assert verify(scorer).ok
    # The test rows, sent as text through the HTTP contract, give the numbers of the result.
    frame = pl.read_csv(data, infer_schema=False)[result.test.rows.tolist()]
    fields = [column.name for column in result.columns]
    rows = [[cell or "" for cell in row] for row in frame.select(fields).rows()]
    answer = json.loads(scorer.score_json(json.dumps({"fields": fields, "rows": rows}).encode()))
    scores = np.array(answer["score"], dtype=np.float64)
    expected = result.test.prediction.reshape(len(rows), -1)
    np.testing.assert_array_equal(scores, expected)
    assert loss(result.test.truth, result.test.prediction) < loss(
        result.test.truth, np.full_like(result.test.prediction, 1 / max(len(labels), 1))
    )


def test_result_is_complete(data: Path, tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    result = run(
        data,
        "three",
        tmp_path / "m.pipeline",
        name="trial",
        budget=BUDGET,
        drop=[*others("three"), "machine"],
        predictions=tmp_path / "p.csv",
        progress=lambda *step: seen.append(step),
    )
    assert isinstance(result, Result)
    assert result.name == "trial"
    assert result.rows_train + result.rows_test == 240
    assert len(result.validation.rows) == result.rows_train
    assert not set(result.validation.rows.tolist()) & set(result.test.rows.tolist())
    assert result.validation.fold is not None
    assert result.test.fold is None
    np.testing.assert_allclose(result.validation.prediction.sum(axis=1), 1.0)
    assert set(result.gain.names) == set(result.features)
    assert set(result.permutation.names) == {column.name for column in result.columns}
    assert result.permutation.names[0] in {"x", "letter"}
    assert result.learning_curve[0][0] == 1
    assert {"python", "lightgbm", "scoring-core"} <= set(result.versions)
    assert result.baseline_loss is not None
    assert result.peak_memory_mb
    assert result.stages[0][0] == "read the data"
    worst = row_losses(result.test.truth, result.test.prediction)[list(result.preview_index)]
    assert np.all(np.diff(worst) <= 0)
    assert len(result.test_rows_preview["x"]) == len(result.preview_index) == 20
    assert all(0 <= done <= total for _, done, total in seen)
    assert {stage for stage, _, _ in seen} >= {
        "read the data",
        "choose parameters",
        "train the bag",
        "try out",
    }
    written = pl.read_csv(tmp_path / "p.csv")
    assert written.height == 240
    assert written.columns == ["row", "part", "fold", "truth", "three.0", "three.10", "three.20"]
    manifest = json.loads(members(tmp_path / "m.pipeline")["manifest.json"])
    assert manifest["data"]["rows"] == 240
    assert {"validation", "test"} <= set(manifest["metrics"])


def test_same_command_gives_the_same_bytes(data: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"budget": BUDGET, "drop": [*others("three"), "machine"]}
    for name, threads, seed in (("a", 1, 1), ("b", 1, 1), ("c", 1, 2)):
        run(data, "three", tmp_path / name, threads=threads, seed=seed, **arguments)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a").read_bytes() != (tmp_path / "c").read_bytes()


def test_poisoned_test_rows_change_nothing_but_the_metrics(data: Path, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"budget": BUDGET, "drop": [*others("three"), "machine"], "name": "m"}
    clean = run(data, "three", tmp_path / "clean", **arguments)
    frame = pl.read_csv(data, infer_schema=False)
    test = pl.Series(np.isin(np.arange(frame.height), clean.test.rows))
    poison = {"x": "1e30", "z": "-999999.5", "letter": "poison", "day": "1890-01-01", "flag": "maybe"}
    frame.with_columns(
        pl.when(test).then(pl.lit(cell)).otherwise(pl.col(name)).alias(name) for name, cell in poison.items()
    ).write_csv(tmp_path / "poisoned.csv")
    spoilt = run(tmp_path / "poisoned.csv", "three", tmp_path / "spoilt", **arguments)
    a, b = members(tmp_path / "clean"), members(tmp_path / "spoilt")
    assert {name for name in a if a[name] != b[name]} == {"manifest.json"}
    assert json.loads(a["manifest.json"])["inputs"] == json.loads(b["manifest.json"])["inputs"]
    assert {"unreadable", "drift", "duplicate_rows"} & {caution.code for caution in spoilt.warnings} >= {
        "unreadable",
        "drift",
    }


def test_poisoned_test_targets_change_nothing_but_the_metrics(tmp_path: Path) -> None:
    frame = mixed()
    frame.write_csv(tmp_path / "a.csv")
    arguments: dict[str, Any] = {"budget": BUDGET, "drop": ["two", "three", "machine"], "name": "m"}
    clean = run(tmp_path / "a.csv", "value", tmp_path / "clean", **arguments)
    values = frame["value"].to_numpy().copy()
    values[clean.test.rows] += 1000.25
    frame.with_columns(value=values).write_csv(tmp_path / "b.csv")
    run(tmp_path / "b.csv", "value", tmp_path / "spoilt", **arguments)
    a, b = members(tmp_path / "clean"), members(tmp_path / "spoilt")
    assert {name for name in a if a[name] != b[name]} == {"manifest.json"}


def test_group_time_and_given_splits(data: Path, tmp_path: Path) -> None:
    drop = others("two")
    frame = pl.read_csv(data, infer_schema=False)
    result = run(data, "two", group="machine", budget=BUDGET, drop=drop)
    machines = frame["machine"].to_numpy()
    assert not set(machines[result.validation.rows]) & set(machines[result.test.rows])
    assert "machine" not in {column.name for column in result.columns}
    result = run(data, "two", time="day", budget=BUDGET, drop=[*drop, "machine"])
    assert result.validation.rows.max() < result.test.rows.min()
    assert "day" not in result.features
    frame[:180].write_csv(tmp_path / "train.csv")
    frame[180:].drop("z").write_csv(tmp_path / "test.csv")
    result = run(
        tmp_path / "train.csv", "two", test=tmp_path / "test.csv", budget=BUDGET, drop=[*drop, "machine"]
    )
    assert (result.rows_train, result.rows_test) == (180, 60)
    assert "test_columns" in {caution.code for caution in result.warnings}
    with pytest.raises(Problem, match="one of --test, --group and --time"):
        run(data, "two", group="machine", time="day", drop=drop)


@pytest.mark.parametrize("stage", ["read the data", "choose parameters", "train the bag", "try out"])
def test_interruption_leaves_nothing(data: Path, tmp_path: Path, stage: str) -> None:
    def stop(now: str, done: int, total: int) -> None:
        if now == stage and (done or total == 1):
            raise KeyboardInterrupt

    home = tmp_path / "out"
    home.mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(
            data,
            "two",
            home / "m",
            budget=BUDGET,
            drop=[*others("two"), "machine"],
            predictions=home / "p.csv",
            progress=stop,
        )
    assert list(home.iterdir()) == []


def test_faults_of_the_arguments_are_told(data: Path, tmp_path: Path) -> None:
    for arguments, told in (
        ({"target": "tow"}, "Did you mean 'two'"),
        ({}, "No target is named"),
        ({"target": "two", "drop": ["machin"]}, "Did you mean 'machine'"),
        ({"target": "two", "time": "letter"}, "neither ISO 8601"),
        ({"target": "two", "recipe": "simulated-hydraulic"}, "either a data file or a recipe"),
        (
            {"target": "two", "drop": ["x", "z", "letter", "day", "flag", "machine", "three", "value"]},
            "No input column",
        ),
    ):
        with pytest.raises(Problem, match=told):
            run(data, **arguments)
    with pytest.raises(Problem, match="no file"):
        run(tmp_path / "none.csv", "two")


def test_simulated_data_says_so_everywhere(tmp_path: Path) -> None:
    result = run(recipe="simulated-hydraulic", output=tmp_path / "m", budget=0.1)
    assert result.simulated
    assert result.target == "cool_cond_y"
    assert "SIMULATED" in result.source
    assert {"simulated", "ordered_label"} <= {caution.code for caution in result.warnings}
    assert json.loads(members(tmp_path / "m")["manifest.json"])["data"]["simulated"] is True
    assert result.columns[0].name == "psa_bar"
    assert not {"valve_cond_y", "stable_y"} & {column.name for column in result.columns}
    assert loss(result.test.truth, result.test.prediction) < 0.1


def test_real_data_is_learnt_and_attributed(hydraulic: Path, tmp_path: Path) -> None:
    result = run(
        recipe="uci-hydraulic", source=hydraulic / "cycle_means.csv", output=tmp_path / "m", budget=0.1
    )
    assert not result.simulated
    assert "CC BY 4.0" in result.attribution
    assert loss(result.test.truth, result.test.prediction) < 0.1
    assert (tmp_path / "m").stat().st_size < 300_000
    assert len(scoring.load(tmp_path / "m").schema) == 17


def test_constant_guess_is_possible(tmp_path: Path) -> None:
    """A target that no column helps with still gives an artifact."""
    rng = np.random.default_rng(1)
    pl.DataFrame({"x": rng.standard_normal(60), "y": rng.integers(0, 2, 60)}).write_csv(
        tmp_path / "noise.csv"
    )
    result = run(tmp_path / "noise.csv", "y", tmp_path / "m", budget=BUDGET)
    assert 0.3 < loss(result.test.truth, result.test.prediction) < 1.5
    assert scoring.load(tmp_path / "m").predict([[0.0]]).shape == (1,)


def test_hard_stop_is_told_and_still_gives_an_artifact(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiment.plan.LEAST_STOP", 0.0)
    result = run(data, "two", tmp_path / "m", budget=0.0, drop=[*others("two"), "machine"])
    assert "budget" in {caution.code for caution in result.warnings}
    assert verify(scoring.load(tmp_path / "m")).ok


def test_plan_depends_on_sizes_and_budget_alone() -> None:
    assert make_plan(1650, 17, 3, 30.0) == make_plan(1650, 17, 3, 30.0)
    assert make_plan(1650, 17, 3, 30.0).level == "thorough"
    assert make_plan(1650, 17, 3, 0.1).level == "least"
    assert make_plan(2_000_000, 100, 10, 30.0).level == "least"
    costs = [make_plan(1650, 17, 3, budget).seconds for budget in (0.1, 2.0, 5.0, 30.0)]
    assert costs == sorted(costs)


def test_number_of_threads_does_not_change_the_forest() -> None:
    rng = np.random.default_rng(2)
    X = rng.standard_normal((3000, 4))
    y = (X[:, 0] > 0).astype(np.float64)
    texts = [
        train(X, y, [], task_parameters(2, 1, threads) | EXTRA.parameters, 5).model_to_string()
        for threads in (1, 2)
    ]
    assert texts[0].replace("[num_threads: 1]", "") == texts[1].replace("[num_threads: 2]", "")
    assert useful_threads(8, 1000, 17) == 1
    assert useful_threads(8, 1_000_000, 17) == 8
