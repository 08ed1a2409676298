"""Reading tables, inferring fields, and the numbers that cells become."""

import datetime
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from experiment.cells import cell_texts, encode, encode_all
from experiment.inference import infer_inputs
from experiment.schema_file import Override, read_overrides
from experiment.table import Table, plain, read_table
from experiment.target import find_target
from scoring.problem import Problem
from scoring.reader import reader


def table(**columns: object) -> Table:
    frame, cautions = plain(pl.DataFrame(columns))
    return Table(frame, "t", "t", "0" * 64, cautions=cautions)


def infer(**columns: object):  # type: ignore[no-untyped-def]
    found = infer_inputs(table(**columns).frame, {}, {})
    return {field.name: field for field in found.fields}, [caution.code for caution in found.cautions]


def test_types_are_inferred_from_text() -> None:
    n = 40
    fields, codes = infer(
        flag=["yes", "NO", "", "true"] * 10,
        count=[str(k % 7) for k in range(n)],
        size=["1.5", " 2e3 ", "NA", "-inf"] * 10,
        day=["2020-01-31", "2021-02-28T10:00:00Z", "", "2022-05-05 01:02"] * 10,
        colour=["red", "green", "blue", "?"] * 10,
        postcode=["0123", "0456", "7890", "0123"] * 10,
        reading=["1", "2", "3", "4"] * 9 + ["error", "5", "6", "7"],
        same=["x"] * n,
        nothing=[""] * n,
        key=[f"k{k}" for k in range(n)],
        number=[str(k) for k in range(n)],
    )
    assert {name: field.type for name, field in fields.items()} == {
        "flag": "Bool",
        "count": "Int64",
        "size": "Float64",
        "day": "Time64",
        "colour": "Str",
        "postcode": "Str",
        "reading": "Float64",
    }
    assert fields["colour"].categories == ("blue", "green", "red")
    assert "error" in fields["reading"].missing
    assert sorted(codes) == ["constant", "constant", "id_like", "id_like", "missing_token"]


def test_rare_categories_are_read_as_unseen_and_said() -> None:
    values = ["a"] * 80 + ["b"] * 60 + ["c"]
    fields, codes = infer(letter=values, x=[str(k % 9) for k in range(141)])
    assert fields["letter"].categories == ("a", "b")
    assert codes == ["rare_categories"]
    assert encode(pl.Series("letter", ["c", "b", "", "z"]), fields["letter"])[0].tolist()[:2] == [-1.0, 1.0]


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet", "ndjson"])
def test_every_format_gives_the_same_numbers(tmp_path: Path, ending: str) -> None:
    n = 60
    frame = pl.DataFrame(
        {
            "f": [None if k % 9 == 0 else k / 7 for k in range(n)],
            "i": [k % 11 for k in range(n)],
            "b": [k % 3 == 0 for k in range(n)],
            "s": [["x", "y", "zz"][k % 3] for k in range(n)],
        }
    )
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        frame.write_parquet(path)
    elif ending == "ndjson":
        frame.write_ndjson(path)
    else:
        frame.write_csv(path, separator="\t" if ending == "tsv" else ",")
    found = read_table(path)
    inputs = infer_inputs(found.frame, {}, {})
    assert [field.type for field in inputs.fields] == ["Float64", "Int64", "Bool", "Str"]
    matrix, unreadable = encode_all(found.frame, inputs.fields)
    expected = np.column_stack(
        [frame["f"].to_numpy(), frame["i"].to_numpy(), frame["b"].to_numpy(), np.arange(n) % 3]
    )
    np.testing.assert_array_equal(matrix, expected.astype(np.float64))
    assert not unreadable
    # The same cells, as text, through the scoring core.
    for k, field in enumerate(inputs.fields):
        again = [reader(field).cell(text) for text in cell_texts(found.frame[field.name])]
        np.testing.assert_array_equal(again, matrix[:, k])


def test_times_of_a_typed_file_equal_those_of_text() -> None:
    moments = [datetime.datetime(2020, 1, 1 + k % 28, k % 24, 3, 1, 250_000 * (k % 4)) for k in range(30)]
    typed = table(t=pl.Series(moments, dtype=pl.Datetime("ms"))).frame["t"]
    fields, _ = infer(t=cell_texts(typed))
    assert fields["t"].type == "Time64"
    np.testing.assert_array_equal(
        encode(typed, fields["t"])[0], encode(pl.Series("t", cell_texts(typed)), fields["t"])[0]
    )


def test_bad_tables_are_refused(tmp_path: Path) -> None:
    for name, text, told in (
        ("a.csv", "", "no rows|could not be read"),
        ("b.csv", "x,y\n", "no rows"),
        ("c.csv", "x,x\n1,2\n", "two columns 'x'"),
        ("d.xlsx", "x", "does not say its format"),
        ("e.csv", "x,y\n1,2\n1,2,3,4\n", "could not be read"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(Problem, match=told):
            read_table(tmp_path / name)
    with pytest.raises(Problem, match="no file"):
        read_table(tmp_path / "none.csv")


def test_target_task_and_labels() -> None:
    n = 60
    data = table(
        kind=["b", "a", None] * 20,
        grade=[str(k % 3 * 10) for k in range(n)],
        value=[str(k / 7) for k in range(n)],
        count=[k * 3 for k in range(n)],
        flag=[k % 2 == 0 for k in range(n)],
        one=["x"] * n,
    )
    kind = find_target(data, "kind")
    assert (kind.task, kind.labels, len(kind.rows)) == ("binomial", ("a", "b"), 40)
    assert kind.cautions[0].code == "missing_target"
    assert find_target(data, "grade").labels == ("0", "10", "20")
    assert find_target(data, "value").task == find_target(data, "count").task == "regression"
    assert find_target(data, "grade", Override(type="Float64")).task == "regression"
    assert find_target(data, "flag").labels == ("false", "true")
    with pytest.raises(Problem, match="Did you mean 'grade'"):
        find_target(data, "Grades")
    with pytest.raises(Problem, match="one value only"):
        find_target(data, "one")
    with pytest.raises(Problem, match="at least 20"):
        find_target(table(y=["1", "2"] + [""] * 30, x=["1"] * 32), "y")


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_schema_file_overrules(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"schema.{ending}"
    fields = {"code": {"type": "Str"}, "load": {"missing": ["-9"]}, "note": {"drop": True}}
    if ending == "json":
        path.write_text(json.dumps({"fields": fields}))
    else:
        path.write_text('[fields]\ncode = {type = "Str"}\nload = {missing = ["-9"]}\nnote = {drop = true}\n')
    data = table(code=["1", "2"] * 20, load=["-9", "3", "4", "5"] * 10, note=["p", "q"] * 20)
    inputs = infer_inputs(data.frame, {}, read_overrides(path, data.frame.columns))
    assert [(field.name, field.type) for field in inputs.fields] == [("code", "Str"), ("load", "Int64")]
    assert np.isnan(encode(data.frame["load"], inputs.fields[1])[0][0])


def test_schema_file_faults_are_all_told(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text(
        json.dumps({"fields": {"lod": {"type": "Flot64"}, "load": {"missing": "-", "dorp": True}}})
    )
    with pytest.raises(Problem) as caught:
        read_overrides(path, ["load", "other"])
    assert len(caught.value.errors) == 4
    assert "'load'" in str(caught.value)
    assert "'Float64'" in str(caught.value)
    path.write_text("{")
    with pytest.raises(Problem, match="no JSON"):
        read_overrides(path, ["load"])


def test_type_that_does_not_fit_is_refused() -> None:
    with pytest.raises(Problem, match="cannot be read"):
        infer_inputs(table(x=["a", "b"] * 20).frame, {}, {"x": Override(type="Float64")})
