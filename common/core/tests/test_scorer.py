"""The scorer: every kind of rows gives the answer that LightGBM gives, from any number of threads."""

import datetime
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scoring
from scoring import Artifact, Field, Problem, Scorer
from scoring.graph import Graph

NAMES = ["length", "width", "colour", "ok", "since"]
COLOURS = ("red", "green", "blue")
QUIET = {"num_threads": 1, "verbose": -1, "deterministic": True, "min_data_in_leaf": 3, "num_leaves": 9}


def matrix(rows: int = 200) -> np.ndarray:
    """What the engine takes: numbers, codes, seconds."""
    random = np.random.default_rng(8)
    X = random.normal(size=(rows, 5)).round(3)
    X[:, 2] = random.integers(0, 3, rows)
    X[:, 3] = random.integers(0, 2, rows)
    X[:, 4] = 1_500_000_000 + random.integers(0, 10**8, rows)
    X[random.random(X.shape) < 0.05] = np.nan
    return X


def columns(X: np.ndarray) -> dict[str, list[Any]]:
    """The same rows as a person would hold them."""
    cells: dict[str, list[Any]] = {}
    for place, name in enumerate(NAMES):
        values = [None if value != value else value for value in X[:, place].tolist()]
        if name == "colour":
            values = [None if value is None else COLOURS[int(value)] for value in values]
        if name == "ok":
            values = [None if value is None else bool(value) for value in values]
        if name == "since":
            utc = datetime.UTC
            values = [
                None if v is None else datetime.datetime.fromtimestamp(v, utc).replace(tzinfo=None)
                for v in values
            ]
        cells[name] = values
    return cells


FIELDS = [
    Field("length"),
    Field("width"),
    Field("colour", "Str", categories=COLOURS),
    Field("ok", "Bool"),
    Field("since", "Time64"),
]
X = matrix()
KNOWN = np.nan_to_num(X)
BOOSTER = lgb.train(
    {**QUIET, "objective": "binary"},
    lgb.Dataset(
        X,
        ((KNOWN[:, 0] > 0) ^ (KNOWN[:, 2] == 1)) | (KNOWN[:, 4] > 1.55e9) & (KNOWN[:, 3] > 0),
        feature_name=NAMES,
        categorical_feature=[2],
    ),
    12,
)
EXPECTED = BOOSTER.predict(X)


def make(booster: lgb.Booster = BOOSTER, fields: list[Field] = FIELDS, **changes: Any) -> Scorer:
    names = [field.name for field in fields]
    places = list(range(len(names)))
    parts: dict[str, Any] = {
        "name": "tiny",
        "task": "binomial",
        "target": "fits",
        "labels": ["no", "yes"],
        "inputs": fields,
        "features": Graph(names).to_bytes(places, names, places),
        "forest": booster.model_to_string(),
    }
    return Scorer(Artifact.create(**{**parts, **changes}))


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    return make()


def records() -> list[dict[str, Any]]:
    cells = columns(X)
    return [dict(zip(cells, line, strict=True)) for line in zip(*cells.values(), strict=True)]


def text_of(cell: Any) -> str:
    return "" if cell is None else str(cell)


def arrow(batch: bool = False) -> Any:
    table = pa.table(columns(X)).select(NAMES[::-1])
    return table.to_batches()[0] if batch else table


class Stream:
    """A table of a library nobody knows, which speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return arrow().__arrow_c_stream__(requested_schema)


KINDS: dict[str, Callable[[], Any]] = {
    "float64": lambda: X,
    "float64 by columns": lambda: np.asfortranarray(X),
    "float64 strided": lambda: np.repeat(X, 2, axis=0)[::2],
    "other byte order": lambda: X.astype(">f8"),
    "objects": lambda: np.array(list(zip(*columns(X).values(), strict=True)), object),
    "lists": lambda: [list(line) for line in zip(*columns(X).values(), strict=True)],
    "tuples": lambda: tuple(zip(*columns(X).values(), strict=True)),
    "texts": lambda: [[text_of(cell) for cell in line] for line in zip(*columns(X).values(), strict=True)],
    "an array of texts": lambda: np.array(
        [[text_of(cell) for cell in line] for line in zip(*columns(X).values(), strict=True)]
    ),
    "records": records,
    "a mapping": lambda: columns(X),
    "pandas": lambda: pd.DataFrame(columns(X)),
    "pandas reordered": lambda: pd.DataFrame(columns(X))[NAMES[::-1]].assign(more="x"),
    "pandas of objects": lambda: pd.DataFrame(columns(X), dtype=object),
    "pandas categories": lambda: pd.DataFrame(columns(X)).astype({"colour": "category"}),
    "pandas texts": lambda: pd.DataFrame(columns(X)).astype({"colour": "string", "ok": object}),
    "pandas nullable": lambda: pd.DataFrame(columns(X)).convert_dtypes(),
    "pandas of arrow": lambda: pd.DataFrame(columns(X)).convert_dtypes(dtype_backend="pyarrow"),
    "pandas in a zone": lambda: pd.DataFrame(columns(X)).assign(
        since=lambda table: table["since"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "pandas in nanoseconds": lambda: pd.DataFrame(columns(X)).astype({"since": "datetime64[ns]"}),
    "polars": lambda: pl.DataFrame(columns(X)),
    "polars categories": lambda: pl.DataFrame(columns(X)).with_columns(pl.col("colour").cast(pl.Categorical)),
    "a pyarrow table": arrow,
    "a record batch": lambda: arrow(batch=True),
    "an arrow stream": Stream,
    "decimals": lambda: pd.DataFrame(columns(X)).assign(
        length=lambda table: [Decimal(repr(v)) if v == v else None for v in table["length"]]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rows_scores_the_same(scorer: Scorer, kind: str) -> None:
    rows = KINDS[kind]()

    assert (scorer.predict(rows) == EXPECTED).all()
    assert (scorer.predict(rows, raw_score=True) == BOOSTER.predict(X, raw_score=True)).all()
    assert scorer.contributions(rows).shape == (200, 6)
    assert np.array_equal(scorer.transform(rows), X, equal_nan=True)


PLAIN = matrix()[:, :2]
PLAIN_BOOSTER = lgb.train(QUIET, lgb.Dataset(PLAIN, np.nan_to_num(PLAIN[:, 0]), feature_name=NAMES[:2]), 5)


@pytest.mark.parametrize(
    "convert",
    [
        lambda rows: rows.astype(np.float32),
        lambda rows: np.nan_to_num(rows).astype(np.int32),
        lambda rows: np.nan_to_num(rows).astype(np.uint8),
        lambda rows: rows > 0,
        lambda rows: rows.astype(np.float16),
    ],
)
def test_other_number_types_are_widened(convert: Callable[[np.ndarray], np.ndarray]) -> None:
    scorer = make(PLAIN_BOOSTER, FIELDS[:2], task="regression", labels=[])
    rows = convert(PLAIN)

    assert (scorer.predict(rows) == PLAIN_BOOSTER.predict(rows.astype(np.float64))).all()
    table = pd.DataFrame(rows, columns=NAMES[:2])
    assert (scorer.predict(table) == PLAIN_BOOSTER.predict(rows.astype(np.float64))).all()


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table, pd.DataFrame])
def test_tables_of_numbers(frame: Callable[[Any], Any]) -> None:
    scorer = make(PLAIN_BOOSTER, FIELDS[:2], task="regression", labels=[])
    table = frame({"width": PLAIN[:, 1], "more": ["x"] * len(PLAIN), "length": PLAIN[:, 0]})

    assert (scorer.predict(table) == PLAIN_BOOSTER.predict(PLAIN)).all()


def test_one_row_is_one_answer(scorer: Scorer) -> None:
    cells = [next(iter(column)) for column in columns(X).values()]

    for row in (X[0], X[:1], cells, tuple(cells), [cells]):
        found = scorer.predict(row)
        assert found.shape == (1,)
        assert found[0] == EXPECTED[0]


def test_a_list_holds_cells_and_not_codes(scorer: Scorer) -> None:
    assert scorer.predict([[1, 2, "green", True, None]]) == scorer.predict([1.0, 2.0, "green", "yes", ""])
    coded = np.array([[1.0, 2.0, 1.0, 1.0, np.nan]])
    assert scorer.predict([[1, 2, "green", True, None]]) == scorer.predict(coded)


def test_no_rows_give_no_answers(scorer: Scorer) -> None:
    for rows in (np.empty((0, 5)), [], pd.DataFrame({name: [] for name in NAMES})):
        assert scorer.predict(rows).shape == (0,)


def test_unseen_categories_are_no_error(scorer: Scorer) -> None:
    rows = [[1, 2, "violet", True, None], [1, 2, "Red", True, None]]

    assert (scorer.matrix(rows)[:, 2] == -1.0).all()
    assert np.isfinite(scorer.predict(rows)).all()


@pytest.mark.parametrize("threads", [0, 1, 2])
def test_threads_inside_change_nothing(scorer: Scorer, threads: int) -> None:
    assert (scorer.predict(X, threads=threads) == EXPECTED).all()
    assert (scorer.contributions(X, threads=threads) == scorer.contributions(X)).all()


def test_one_scorer_answers_many_threads(scorer: Scorer) -> None:
    table = pd.DataFrame(columns(X))

    def work(turn: int) -> bool:
        rows = (X, table, [list(line) for line in zip(*columns(X[:3]).values(), strict=True)])[turn % 3]
        found = scorer.predict(rows)
        return bool((found == EXPECTED[: len(found)]).all())

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(60)))


def test_contributions_are_lightgbms(scorer: Scorer) -> None:
    expected = BOOSTER.predict(X, pred_contrib=True)

    assert np.allclose(scorer.contributions(X), expected, atol=1e-12)
    assert np.allclose(scorer.contributions(X, "transformed"), expected, atol=1e-12)
    with pytest.raises(Problem, match="Did you mean 'original'"):
        scorer.contributions(X, "orginal")


def test_contributions_need_counts() -> None:
    lines = BOOSTER.model_to_string().split("\n")
    text = "\n".join(
        line for line in lines if not line.startswith(("leaf_count", "internal_count", "tree_sizes"))
    )
    counted = make(forest=text)

    with pytest.raises(Problem, match="no counts") as caught:
        counted.contributions(X)

    assert caught.value.status == 501


def test_it_says_what_it_is(scorer: Scorer) -> None:
    assert (scorer.name, scorer.task, scorer.target, scorer.labels) == (
        "tiny",
        "binomial",
        "fits",
        ("no", "yes"),
    )
    assert scorer.output_names == ("fits.no", "fits.yes")
    assert scorer.id == scorer.artifact.manifest.id
    assert scorer.digest == scorer.artifact.digest
    assert scorer.schema.names == tuple(NAMES)
    assert scorer.engine.trees == 12
    assert "tiny" in repr(scorer)


def test_output_columns(scorer: Scorer) -> None:
    assert (scorer.outputs(X) == np.column_stack((1 - EXPECTED, EXPECTED))).all()
    regression = make(PLAIN_BOOSTER, FIELDS[:2], task="regression", labels=[])
    assert regression.outputs(PLAIN).shape == (200, 1)
    assert regression.output_names == ("fits",)


def test_json_is_answered_by_the_contract(scorer: Scorer) -> None:
    body = {"fields": NAMES, "rows": [["1", "2", "green", "true", ""]]}

    found = json.loads(scorer.score_json(json.dumps(body).encode()))

    assert [float(cell) for cell in found["score"][0]] == scorer.outputs([1, 2, "green", True, None])[
        0
    ].tolist()
    with pytest.raises(Problem):
        scorer.score_json(b"{")


REFUSALS: dict[str, tuple[Callable[[], Any], str, str]] = {
    "too few columns": (lambda: X[:, :4], "row_length", "4 cells, the schema has 5"),
    "a short row": (lambda: [[1, 2, "red", True, None], [1]], "row_length", "Row 1 has 1 cells"),
    "three dimensions": (lambda: X.reshape(2, 100, 5), "unsupported_input", "3 dimensions"),
    "a number": (lambda: 3.0, "unsupported_input", "float"),
    "nothing": (lambda: None, "unsupported_input", "NoneType"),
    "a text": (lambda: "1,2,red", "unsupported_input", "str"),
    "a row that is none": (
        lambda: [[1, 2, "red", True, None], 3],
        "unsupported_input",
        "row 1 of X is a int",
    ),
    "two columns of a name": (
        lambda: pd.DataFrame(X, columns=["length", "length", "colour", "ok", "since"]),
        "duplicate_field",
        "'length'",
    ),
    "columns of different lengths": (
        lambda: {**columns(X), "ok": [True]},
        "unsupported_input",
        "different lengths",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_rows_that_cannot_be_read_are_refused(scorer: Scorer, case: str) -> None:
    build, code, message = REFUSALS[case]

    with pytest.raises(Problem) as caught:
        scorer.predict(build())

    assert caught.value.code == code
    assert message in caught.value.detail
    assert caught.value.hint


def test_all_missing_columns_are_told_with_the_nearest_name(scorer: Scorer) -> None:
    table = pd.DataFrame(columns(X)).rename(columns={"length": "lenght", "ok": "fine"})

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    errors = {error["field"]: error.get("hint", "") for error in caught.value.errors}
    assert errors == {"length": "Did you mean 'lenght'?", "ok": ""}


def test_bad_cells_among_categories_are_told_by_their_first_row(scorer: Scorer) -> None:
    table = pd.DataFrame(columns(X[:4])).assign(length=pd.Categorical(["1", "long", None, "long"]))

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    assert [(error["field"], error["row"]) for error in caught.value.errors] == [("length", 1)]


def test_all_bad_cells_are_told_by_field_and_row(scorer: Scorer) -> None:
    table = pd.DataFrame(columns(X[:4]), dtype=object)
    table.loc[1, "length"] = "long"
    table.loc[3, "ok"] = "perhaps"

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    assert [(error["field"], error["row"]) for error in caught.value.errors] == [("length", 1), ("ok", 3)]
    assert "long" not in str(caught.value.to_dict())


def test_verify_finds_what_was_packed() -> None:
    rows = [["1", "2", "green", "true", "2018-01-01"], ["", "", "", "", ""]]
    first = make()
    samples = {
        "rows": rows,
        "raw": first.predict(rows, raw_score=True).reshape(-1, 1).tolist(),
        "output": first.predict(rows).reshape(-1, 1).tolist(),
    }

    good = make(samples=samples).verify()
    samples["output"][1][0] += 1e-16
    bad = make(samples=samples).verify()

    assert good.ok
    assert (good.rows, good.members) == (2, 4)
    assert json.loads(json.dumps(good.to_dict()))["ok"] is True
    assert not bad.ok
    assert "output of sample row 1" in bad.faults[0]


def test_verify_finds_samples_that_do_not_fit_the_schema() -> None:
    samples = {"rows": [["1", "2", "green", "perhaps", ""]], "raw": [[0.0]], "output": [[0.5]]}

    assert "sample rows do not fit the schema" in make(samples=samples).verify().faults[0]


def test_verify_finds_a_file_that_changed(tmp_path: Path) -> None:
    make().artifact.write(tmp_path / "m.pipeline")
    scorer = scoring.load(tmp_path / "m.pipeline")

    make(name="other").artifact.write(tmp_path / "m.pipeline")

    assert "has changed" in scorer.verify().faults[0]


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table])
def test_arrow_numbers_are_read_where_they_are(frame: Callable[[Any], Any]) -> None:
    scorer = make(PLAIN_BOOSTER, FIELDS[:2], task="regression", labels=[])
    rows = [[1.0, None], [2.5, 3.0]]
    table = frame({"width": [row[1] for row in rows], "length": [row[0] for row in rows], "more": ["x", "y"]})

    assert scorer._intake.arrow(table) is not None
    assert (scorer.predict(table) == PLAIN_BOOSTER.predict(np.array(rows, np.float64))).all()
    assert scorer._intake.arrow(frame({"width": ["1", "2"], "length": [1.0, 2.0]})) is None
