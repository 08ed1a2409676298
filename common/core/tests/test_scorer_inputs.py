"""What a scorer takes: every kind of rows gives the same answer, and what it cannot read it refuses."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scoring import Problem, Scorer


@pytest.fixture(scope="module")
def scorer(tiny: Any) -> Scorer:
    return tiny.make()


def records(tiny: Any) -> list[dict[str, Any]]:
    cells = tiny.columns()
    return [dict(zip(cells, line, strict=True)) for line in zip(*cells.values(), strict=True)]


def text_of(cell: Any) -> str:
    return "" if cell is None else str(cell)


def arrow(tiny: Any, batch: bool = False) -> Any:
    table = pa.table(tiny.columns()).select(tiny.names[::-1])
    return table.to_batches()[0] if batch else table


class Stream:
    """A table of a library nobody knows, which speaks Arrow."""

    def __init__(self, tiny: Any) -> None:
        self.table = arrow(tiny)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


KINDS: dict[str, Callable[[Any], Any]] = {
    "float64": lambda tiny: tiny.X,
    "float64 by columns": lambda tiny: np.asfortranarray(tiny.X),
    "float64 strided": lambda tiny: np.repeat(tiny.X, 2, axis=0)[::2],
    "other byte order": lambda tiny: tiny.X.astype(">f8"),
    "objects": lambda tiny: np.array(list(zip(*tiny.columns().values(), strict=True)), object),
    "lists": lambda tiny: [list(line) for line in zip(*tiny.columns().values(), strict=True)],
    "tuples": lambda tiny: tuple(zip(*tiny.columns().values(), strict=True)),
    "texts": lambda tiny: [
        [text_of(cell) for cell in line] for line in zip(*tiny.columns().values(), strict=True)
    ],
    "an array of texts": lambda tiny: np.array(
        [[text_of(cell) for cell in line] for line in zip(*tiny.columns().values(), strict=True)]
    ),
    "records": records,
    "a mapping": lambda tiny: tiny.columns(),
    "pandas": lambda tiny: pd.DataFrame(tiny.columns()),
    "pandas reordered": lambda tiny: pd.DataFrame(tiny.columns())[tiny.names[::-1]].assign(more="x"),
    "pandas of objects": lambda tiny: pd.DataFrame(tiny.columns(), dtype=object),
    "pandas categories": lambda tiny: pd.DataFrame(tiny.columns()).astype({"colour": "category"}),
    "pandas texts": lambda tiny: pd.DataFrame(tiny.columns()).astype({"colour": "string", "ok": object}),
    "pandas nullable": lambda tiny: pd.DataFrame(tiny.columns()).convert_dtypes(),
    "pandas of arrow": lambda tiny: pd.DataFrame(tiny.columns()).convert_dtypes(dtype_backend="pyarrow"),
    "pandas in a zone": lambda tiny: pd.DataFrame(tiny.columns()).assign(
        since=lambda table: table["since"].dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo")
    ),
    "pandas in nanoseconds": lambda tiny: pd.DataFrame(tiny.columns()).astype({"since": "datetime64[ns]"}),
    "polars": lambda tiny: pl.DataFrame(tiny.columns()),
    "polars categories": lambda tiny: pl.DataFrame(tiny.columns()).with_columns(
        pl.col("colour").cast(pl.Categorical)
    ),
    "a pyarrow table": arrow,
    "a record batch": lambda tiny: arrow(tiny, batch=True),
    "an arrow stream": Stream,
    "decimals": lambda tiny: pd.DataFrame(tiny.columns()).assign(
        length=lambda table: [Decimal(repr(v)) if v == v else None for v in table["length"]]
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_rows_scores_the_same(tiny: Any, scorer: Scorer, kind: str) -> None:
    rows = KINDS[kind](tiny)

    assert (scorer.predict(rows) == tiny.expected).all()
    assert (scorer.predict(rows, raw_score=True) == tiny.booster.predict(tiny.X, raw_score=True)).all()
    assert scorer.contributions(rows).shape == (200, 6)
    assert np.array_equal(scorer.transform(rows), tiny.X, equal_nan=True)


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
def test_other_number_types_are_widened(plain: Any, convert: Callable[[np.ndarray], np.ndarray]) -> None:
    scorer = plain.make()
    rows = convert(plain.X)

    assert (scorer.predict(rows) == plain.booster.predict(rows.astype(np.float64))).all()
    table = pd.DataFrame(rows, columns=plain.names)
    assert (scorer.predict(table) == plain.booster.predict(rows.astype(np.float64))).all()


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table, pd.DataFrame])
def test_tables_of_numbers(plain: Any, frame: Callable[[Any], Any]) -> None:
    scorer = plain.make()
    table = frame({"width": plain.X[:, 1], "more": ["x"] * len(plain.X), "length": plain.X[:, 0]})

    assert (scorer.predict(table) == plain.booster.predict(plain.X)).all()


def test_one_row_is_one_answer(tiny: Any, scorer: Scorer) -> None:
    cells = [next(iter(column)) for column in tiny.columns().values()]

    for row in (tiny.X[0], tiny.X[:1], cells, tuple(cells), [cells]):
        found = scorer.predict(row)
        assert found.shape == (1,)
        assert found[0] == tiny.expected[0]


def test_a_list_holds_cells_and_not_codes(scorer: Scorer) -> None:
    assert scorer.predict([[1, 2, "green", True, None]]) == scorer.predict([1.0, 2.0, "green", "yes", ""])
    coded = np.array([[1.0, 2.0, 1.0, 1.0, np.nan]])
    assert scorer.predict([[1, 2, "green", True, None]]) == scorer.predict(coded)


def test_no_rows_give_no_answers(tiny: Any, scorer: Scorer) -> None:
    for rows in (np.empty((0, 5)), [], pd.DataFrame({name: [] for name in tiny.names})):
        assert scorer.predict(rows).shape == (0,)


def test_unseen_categories_are_no_error(scorer: Scorer) -> None:
    rows = [[1, 2, "violet", True, None], [1, 2, "Red", True, None]]

    assert (scorer.matrix(rows)[:, 2] == -1.0).all()
    assert np.isfinite(scorer.predict(rows)).all()


REFUSALS: dict[str, tuple[Callable[[Any], Any], str, str]] = {
    "too few columns": (lambda tiny: tiny.X[:, :4], "row_length", "4 cells, the schema has 5"),
    "a short row": (lambda tiny: [[1, 2, "red", True, None], [1]], "row_length", "Row 1 has 1 cells"),
    "three dimensions": (lambda tiny: tiny.X.reshape(2, 100, 5), "unsupported_input", "3 dimensions"),
    "a number": (lambda tiny: 3.0, "unsupported_input", "float"),
    "nothing": (lambda tiny: None, "unsupported_input", "NoneType"),
    "a text": (lambda tiny: "1,2,red", "unsupported_input", "str"),
    "a row that is none": (
        lambda tiny: [[1, 2, "red", True, None], 3],
        "unsupported_input",
        "row 1 of X is a int",
    ),
    "two columns of a name": (
        lambda tiny: pd.DataFrame(tiny.X, columns=["length", "length", "colour", "ok", "since"]),
        "duplicate_field",
        "'length'",
    ),
    "columns of different lengths": (
        lambda tiny: {**tiny.columns(), "ok": [True]},
        "unsupported_input",
        "different lengths",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_rows_that_cannot_be_read_are_refused(tiny: Any, scorer: Scorer, case: str) -> None:
    build, code, message = REFUSALS[case]

    with pytest.raises(Problem) as caught:
        scorer.predict(build(tiny))

    assert caught.value.code == code
    assert message in caught.value.detail
    assert caught.value.hint


def test_all_missing_columns_are_told_with_the_nearest_name(tiny: Any, scorer: Scorer) -> None:
    table = pd.DataFrame(tiny.columns()).rename(columns={"length": "lenght", "ok": "fine"})

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    errors = {error["field"]: error.get("hint", "") for error in caught.value.errors}
    assert errors == {"length": "Did you mean 'lenght'?", "ok": ""}


def test_bad_cells_among_categories_are_told_by_their_first_row(tiny: Any, scorer: Scorer) -> None:
    table = pd.DataFrame(tiny.columns(4)).assign(length=pd.Categorical(["1", "long", None, "long"]))

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    assert [(error["field"], error["row"]) for error in caught.value.errors] == [("length", 1)]


def test_all_bad_cells_are_told_by_field_and_row(tiny: Any, scorer: Scorer) -> None:
    table = pd.DataFrame(tiny.columns(4), dtype=object)
    table.loc[1, "length"] = "long"
    table.loc[3, "ok"] = "perhaps"

    with pytest.raises(Problem) as caught:
        scorer.predict(table)

    assert [(error["field"], error["row"]) for error in caught.value.errors] == [("length", 1), ("ok", 3)]
    assert "long" not in str(caught.value.to_dict())


@pytest.mark.parametrize("frame", [pl.DataFrame, pa.table])
def test_arrow_numbers_are_read_where_they_are(plain: Any, frame: Callable[[Any], Any]) -> None:
    scorer = plain.make()
    rows = [[1.0, None], [2.5, 3.0]]
    table = frame({"width": [row[1] for row in rows], "length": [row[0] for row in rows], "more": ["x", "y"]})

    assert scorer._intake.arrow(table) is not None
    assert (scorer.predict(table) == plain.booster.predict(np.array(rows, np.float64))).all()
    assert scorer._intake.arrow(frame({"width": ["1", "2"], "length": [1.0, 2.0]})) is None
