"""The scorer: the answers that LightGBM gives, from any number of threads, and what it says of itself."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scoring
from scoring import Problem, Scorer


@pytest.fixture(scope="module")
def scorer(tiny: Any) -> Scorer:
    return tiny.make()


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_threads_inside_change_nothing(tiny: Any, scorer: Scorer, threads: int) -> None:
    assert (scorer.predict(tiny.X, threads=threads) == tiny.expected).all()
    assert (scorer.contributions(tiny.X, threads=threads) == scorer.contributions(tiny.X)).all()


def test_one_scorer_answers_many_threads(tiny: Any, scorer: Scorer) -> None:
    table = pd.DataFrame(tiny.columns())

    def work(turn: int) -> bool:
        rows = (tiny.X, table, [list(line) for line in zip(*tiny.columns(3).values(), strict=True)])[turn % 3]
        found = scorer.predict(rows)
        return bool((found == tiny.expected[: len(found)]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(60)))


def test_contributions_are_lightgbms(tiny: Any, scorer: Scorer) -> None:
    expected = tiny.booster.predict(tiny.X, pred_contrib=True)

    assert np.allclose(scorer.contributions(tiny.X), expected, atol=1e-12)
    assert np.allclose(scorer.contributions(tiny.X, "transformed"), expected, atol=1e-12)
    with pytest.raises(Problem, match="Did you mean 'original'"):
        scorer.contributions(tiny.X, "orginal")


def test_contributions_need_counts(tiny: Any) -> None:
    lines = tiny.booster.model_to_string().split("\n")
    text = "\n".join(
        line for line in lines if not line.startswith(("leaf_count", "internal_count", "tree_sizes"))
    )
    counted = tiny.make(forest=text)

    with pytest.raises(Problem, match="no counts") as caught:
        counted.contributions(tiny.X)

    assert caught.value.status == 501


def test_it_says_what_it_is(tiny: Any, scorer: Scorer) -> None:
    assert (scorer.name, scorer.task, scorer.target, scorer.labels) == (
        "tiny",
        "binomial",
        "fits",
        ("no", "yes"),
    )
    assert scorer.output_names == ("fits.no", "fits.yes")
    assert scorer.id == scorer.artifact.manifest.id
    assert scorer.digest == scorer.artifact.digest
    assert scorer.schema.names == tuple(tiny.names)
    assert scorer.engine.trees == 12
    assert "tiny" in repr(scorer)


def test_output_columns(tiny: Any, plain: Any, scorer: Scorer) -> None:
    assert (scorer.outputs(tiny.X) == np.column_stack((1 - tiny.expected, tiny.expected))).all()
    regression = plain.make()
    assert regression.outputs(plain.X).shape == (200, 1)
    assert regression.output_names == ("fits",)


def test_json_is_answered_by_the_contract(tiny: Any, scorer: Scorer) -> None:
    body = {"fields": tiny.names, "rows": [["1", "2", "green", "true", ""]]}

    found = json.loads(scorer.score_json(json.dumps(body).encode()))

    assert [float(cell) for cell in found["score"][0]] == scorer.outputs([1, 2, "green", True, None])[
        0
    ].tolist()
    with pytest.raises(Problem):
        scorer.score_json(b"{")


def test_verify_finds_what_was_packed(tiny: Any) -> None:
    rows = [["1", "2", "green", "true", "2018-01-01"], ["", "", "", "", ""]]
    first = tiny.make()
    samples = {
        "rows": rows,
        "raw": first.predict(rows, raw_score=True).reshape(-1, 1).tolist(),
        "output": first.predict(rows).reshape(-1, 1).tolist(),
    }

    good = tiny.make(samples=samples).verify()
    samples["output"][1][0] += 1e-16
    bad = tiny.make(samples=samples).verify()

    assert good.ok
    assert (good.rows, good.members) == (2, 4)
    assert json.loads(json.dumps(good.to_dict()))["ok"] is True
    assert not bad.ok
    assert "output of sample row 1" in bad.faults[0]


def test_verify_finds_samples_that_do_not_fit_the_schema(tiny: Any) -> None:
    samples = {"rows": [["1", "2", "green", "perhaps", ""]], "raw": [[0.0]], "output": [[0.5]]}

    assert "sample rows do not fit the schema" in tiny.make(samples=samples).verify().faults[0]


def test_verify_finds_a_file_that_changed(tiny: Any, tmp_path: Path) -> None:
    tiny.make().artifact.write(tmp_path / "m.pipeline")
    scorer = scoring.load(tmp_path / "m.pipeline")

    tiny.make(name="other").artifact.write(tmp_path / "m.pipeline")

    assert "has changed" in scorer.verify().faults[0]
