"""Rows from other libraries: what means missing there is missing here, and what is no table is said so."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scoring
from scoring import Problem, Scorer

NAMES = ["length", "colour"]
ROWS = pd.DataFrame(
    {
        "length": [5.0, np.nan, -3.0, 0.25, np.nan, 1.5, -0.5, 2.0] * 10,
        "colour": pd.Categorical(["red", None, "green", "blue", None, "red", "green", None] * 10),
    }
)
TARGET = ROWS["length"].fillna(-9) + 3 * ROWS["colour"].cat.codes
BOOSTER = lgb.train(
    {"num_threads": 1, "verbose": -1, "min_data_in_leaf": 1, "min_data_per_group": 1, "cat_smooth": 0},
    lgb.Dataset(ROWS, TARGET),
    20,
)
EXPECTED = BOOSTER.predict(ROWS)


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Scorer:
    path = tmp_path_factory.mktemp("intake") / "m.pipeline"
    scoring.pack(BOOSTER, path, X=ROWS, schema={"length": {"missing": ["", "-999"]}})
    return scoring.load(path)


def arrow() -> pa.Table:
    """Both columns as dictionaries, in two chunks with dictionaries of their own."""
    chunks = [
        pa.table(
            {
                "length": pa.array(part["length"], from_pandas=True).dictionary_encode(),
                "colour": pa.array(part["colour"].astype(object), from_pandas=True).dictionary_encode(),
            }
        )
        for part in (ROWS[:33], ROWS[33:])
    ]
    return pa.concat_tables(chunks)


def indexed_by_bytes() -> pa.Table:
    """A dictionary with unsigned indices that holds a missing value and one that is not used."""
    words = ["nobody", "blue", None, "green", "red"]
    places = [None if cell != cell else words.index(cell) for cell in ROWS["colour"].astype(object)]
    places[-1] = 2
    colours = pa.DictionaryArray.from_arrays(pa.array(places, pa.uint8()), pa.array(words))
    return pa.table({"length": pa.array(ROWS["length"], from_pandas=True), "colour": colours})


TABLES: dict[str, Callable[[], Any]] = {
    "pandas": lambda: ROWS,
    "a table of dictionaries": arrow,
    "a batch of dictionaries": lambda: arrow().combine_chunks().to_batches()[0],
    "no chunks of dictionaries": lambda: arrow()[:0],
    "a slice of dictionaries": lambda: arrow()[3:50],
    "unsigned indices": indexed_by_bytes,
    "polars": lambda: pl.from_pandas(ROWS),
    "small polars numbers": lambda: pl.from_pandas(ROWS).with_columns(pl.col("length").cast(pl.Float32)),
}


@pytest.mark.parametrize("case", TABLES)
def test_missing_cells_of_a_table_are_missing(scorer: Scorer, case: str) -> None:
    table = TABLES[case]()

    expected = EXPECTED[3:50] if "slice" in case else EXPECTED[: len(table)]
    assert (scorer.predict(table) == expected).all()


def test_masked_cells_are_missing(scorer: Scorer) -> None:
    coded = np.column_stack((ROWS["length"], ROWS["colour"].cat.codes)).astype(float)
    gone = np.isnan(coded) | (coded == -1)

    for masked in (np.ma.array(np.where(gone, 2, coded), mask=gone), np.ma.array(coded, object, mask=gone)):
        cells = masked
        if masked.dtype == object:  # objects are cells, not codes
            cells = np.ma.array([[a, ["blue", "green", "red"][int(b)]] for a, b in coded], object, mask=gone)
        assert (scorer.predict(cells) == EXPECTED).all()


REFUSALS: dict[str, tuple[Callable[[], Any], str]] = {
    "a column of pandas": (lambda: ROWS["length"], "Series, which is one column"),
    "a row of pandas": (lambda: ROWS.iloc[0], "Series"),
    "a column of polars": (lambda: pl.Series([1.0, 2.0]), "Series, which is one column"),
    "a column of pyarrow": (lambda: pa.array([1.0, 2.0]), "DoubleArray, which is one column"),
    "a plan of polars": (lambda: pl.from_pandas(ROWS).lazy(), "LazyFrame"),
    "one row by name": (lambda: {"length": 5.0, "colour": "red"}, "'length' is a single value"),
    "one text by name": (lambda: {"colour": "red", "length": [5.0]}, "'colour' is a single value"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_no_table_is_refused(scorer: Scorer, case: str) -> None:
    build, message = REFUSALS[case]

    with pytest.raises(Problem, match=message) as caught:
        scorer.predict(build())

    assert caught.value.code == "unsupported_input"
    assert caught.value.hint


def test_numbers_behind_a_dictionary_are_not_taken_for_their_indices(scorer: Scorer) -> None:
    lengths = pa.array(ROWS["length"], from_pandas=True)
    plain = pa.table({"length": lengths, "colour": pa.nulls(len(ROWS), pa.string())})
    behind = plain.set_column(0, "length", lengths.dictionary_encode())

    assert (scorer.predict(behind) == scorer.predict(plain)).all()
    assert len(set(scorer.predict(behind))) > 1


def test_a_number_that_means_missing_is_missing_in_a_table(scorer: Scorer) -> None:
    told = ROWS.fillna({"length": -999.0})

    for table in (told, pl.from_pandas(told), pa.Table.from_pandas(told)):
        assert (scorer.predict(table) == EXPECTED).all()


def test_a_scorer_travels_to_other_processes(scorer: Scorer, tmp_path: Path) -> None:
    again = pickle.loads(pickle.dumps(scorer))

    assert again.digest == scorer.digest
    assert (again.predict(ROWS) == EXPECTED).all()
