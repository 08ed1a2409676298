"""What a cell means, and that a column means what its cells mean."""

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring.cell import CellError, as_truth, kind, number_text, text
from scoring.instant import instant_text, seconds
from scoring.reader import Reader, reader
from scoring.schema import Field

NUMERIC = ("Float32", "Float64", "Int32", "Int64")
NAN = math.nan


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


def field(kind_: str, **members: object) -> Field:
    if kind_ == "Str":
        members.setdefault("categories", ("red", "green", "3", "3.0", "true", " padded "))
    return Field("f", kind_, **members)  # type: ignore[arg-type]


FIELDS = {
    **{name: field(name) for name in (*NUMERIC, "Bool", "Str", "Time64")},
    "sentinel": field("Float64", missing=("-999", "unknown", "")),
    "coded": field("Int64", categories=("10", "20", "30")),
    "coded bool": field("Bool", categories=("false", "true")),
}

READ = [
    *(
        (name, value, expected)
        for name in NUMERIC
        for value, expected in [
            ("5.1", 5.1),
            (" 5.1\t", 5.1),
            ("-0", -0.0),
            (".5", 0.5),
            ("5.", 5.0),
            ("1e-3", 0.001),
            ("+7", 7.0),
            ("0.1", 0.1),
            ("1e-400", 0.0),
            ("Infinity", math.inf),
            ("-inf", -math.inf),
            ("INF", math.inf),
            ("true", 1.0),
            ("FALSE", 0.0),
            (" True ", 1.0),
            ("NA", NAN),
            ("", NAN),
            ("   ", NAN),
            ("nan", NAN),
            ("?", NAN),
            (None, NAN),
            (NAN, NAN),
            (math.inf, math.inf),
            (7, 7.0),
            (7.5, 7.5),
            (True, 1.0),
            (False, 0.0),
            (2**70, float(2**70)),
        ]
    ),
    *(("Bool", value, 1.0) for value in ("true", "T", "yes", "1", "1.0", " TRUE ", True, 1, 1.0)),
    *(("Bool", value, 0.0) for value in ("false", "f", "NO", "0", "0.0", False, 0, 0.0)),
    *(("Bool", value, NAN) for value in (None, NAN, "NA", "")),
    ("Str", "red", 0.0),
    ("Str", " green ", 1.0),
    ("Str", 3, 2.0),
    ("Str", 3.0, 3.0),
    ("Str", "3.0", 3.0),
    ("Str", True, 4.0),
    ("Str", " padded ", 5.0),
    ("Str", "padded", 5.0),
    ("Str", "Red", -1.0),
    ("Str", "blue", -1.0),
    ("Str", 4, -1.0),
    ("Str", "NA", NAN),
    ("Str", None, NAN),
    ("Str", NAN, NAN),
    ("Time64", "1970-01-01", 0.0),
    ("Time64", "1970-01-02T00:00:01Z", 86401.0),
    ("Time64", "1969-12-31 23:59:59.5", -0.5),
    ("Time64", "1970-01-01T01:00+01:00", 0.0),
    ("Time64", "1970-01-01T00:00:00-0130", 5400.0),
    ("Time64", "1970-01-01t00:00:00.123456789z", 0.123456789),
    ("Time64", 86400, 86400.0),
    ("Time64", 0.25, 0.25),
    ("Time64", "NA", NAN),
    ("Time64", None, NAN),
    ("sentinel", "-999", NAN),
    ("sentinel", "-999.0", NAN),
    ("sentinel", "-9.99e2", NAN),
    ("sentinel", -999, NAN),
    ("sentinel", -999.0, NAN),
    ("sentinel", " unknown ", NAN),
    ("sentinel", "-998", -998.0),
    ("coded", "20", 1.0),
    ("coded", "20.0", 1.0),
    ("coded", 30, 2.0),
    ("coded", "40", -1.0),
    ("coded", "NA", NAN),
    ("coded bool", "yes", 1.0),
    ("coded bool", False, 0.0),
]

REFUSED = [
    *(
        (name, value, code)
        for name in NUMERIC
        for value, code in [
            ("abc", "not_a_number"),
            ("1_000", "not_a_number"),
            ("1,5", "not_a_number"),
            ("0x10", "not_a_number"),
            ("yes", "not_a_number"),
            ("٣", "not_a_number"),
            ("NAN", "not_a_number"),
            ("-nan", "not_a_number"),
            ("1e999", "number_out_of_range"),
            ("-" + "9" * 400, "number_out_of_range"),
            (10**400, "number_out_of_range"),
            ([1], "not_a_cell"),
            ({}, "not_a_cell"),
        ]
    ),
    *(("Bool", value, "not_a_boolean") for value in ("2", "maybe", 2, 0.5, "1.00")),
    ("Bool", [], "not_a_cell"),
    ("Str", [], "not_a_cell"),
    ("Str", {"a": 1}, "not_a_cell"),
    *(
        ("Time64", value, "not_a_time")
        for value in (
            "yesterday",
            "20180101",
            "2018-13-01",
            "2018-02-30",
            "2018-01-01T24:00",
            "2018-01-01T00:60",
            "2018-01-01T00:00:60",
            "2018-W01-1",
            "2018-01-01T00:00+25:00",
            "٢٠١٨-٠١-٠١",
            True,
            math.inf,
        )
    ),
    ("Time64", [], "not_a_cell"),
    ("Time64", 10**400, "number_out_of_range"),
    ("sentinel", "NA", "not_a_number"),
    ("sentinel", "nan", "not_a_number"),
    ("coded", "ten", "not_a_number"),
]


@pytest.mark.parametrize(("name", "value", "expected"), READ, ids=repr)
def test_a_cell_is_read(name: str, value: object, expected: float) -> None:
    reads = reader(FIELDS[name])
    assert same(reads.cell(value), expected)
    values, errors = reads.column([value, value])
    assert not errors
    assert same(values[0], expected)
    assert same(values[1], expected)


@pytest.mark.parametrize(("name", "value", "code"), REFUSED, ids=lambda value: repr(value)[:40])
def test_a_cell_is_refused_without_its_value(name: str, value: object, code: str) -> None:
    reads = reader(FIELDS[name])
    with pytest.raises(CellError) as caught:
        reads.cell(value)
    assert caught.value.code == code
    assert str(value) not in str(caught.value)
    values, errors = reads.column([value])
    assert [(row, error.code) for row, error in errors] == [(0, code)]
    assert math.isnan(values[0])


CELLS = st.one_of(
    st.sampled_from([value for _, value, _ in (*READ, *REFUSED)]),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.floats(allow_nan=False).map(repr),
    st.text(max_size=6),
    st.lists(st.none(), max_size=1),
)


def read_alone(reads: Reader, cell: object) -> tuple[float, str | None]:
    try:
        return reads.cell(cell), None
    except CellError as error:
        return NAN, error.code


@settings(deadline=None, max_examples=150, derandomize=True)
@given(name=st.sampled_from(sorted(FIELDS)), cells=st.lists(CELLS, max_size=12))
def test_a_column_is_its_cells(name: str, cells: list[object]) -> None:
    reads = reader(FIELDS[name])
    values, errors = reads.column(cells)
    wrong = dict(errors)
    assert len(values) == len(cells)
    for row, cell in enumerate(cells):
        expected, code = read_alone(reads, cell)
        error = wrong.pop(row, None)
        assert code == (None if error is None else error.code)
        assert same(values[row], expected), (name, cell)
    assert not wrong


@settings(deadline=None, max_examples=200, derandomize=True)
@given(st.floats(allow_nan=False))
def test_a_number_survives_the_wire(value: float) -> None:
    reads = reader(FIELDS["Float64"])
    assert reads.cell(number_text(value)) == value
    assert math.copysign(1, reads.cell(number_text(value))) == math.copysign(1, value)


ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.datetimes(timezones=st.one_of(st.just(UTC), ZONES)), st.sampled_from("T "))
def test_a_time_is_what_python_says(moment: datetime, separator: str) -> None:
    exact = (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) / 10**6
    assert seconds(moment.isoformat(separator)) == exact
    assert seconds(moment.date().isoformat()) == (moment.date() - datetime(1970, 1, 1).date()).days * 86400


@settings(deadline=None, max_examples=300, derandomize=True)
@given(st.floats(-62135596800.0, 253402300799.0))
def test_a_time_survives_the_wire_to_the_nanosecond(value: float) -> None:
    written = instant_text(value)
    assert written is not None
    assert abs(seconds(written) - value) <= 0.5e-9


@pytest.mark.parametrize("value", [NAN, math.inf, -math.inf, 253402300800.0, -62135596800.5, 1e300])
def test_no_cell_says_a_time_out_of_range(value: float) -> None:
    assert instant_text(value) is None


def test_only_the_first_thousand_errors_of_a_column_are_looked_for() -> None:
    for name in ("Float64", "Bool", "Time64"):
        _, errors = reader(FIELDS[name]).column(["wrong"] * 5000)
        assert [row for row, _ in errors] == list(range(1000))


def test_kinds_and_texts() -> None:
    values: tuple[object, ...] = ("x", " ", True, 1, 1.5, None, [], {})
    assert [kind(value) for value in values] == [
        "text",
        "blank text",
        "a boolean",
        "a number",
        "a number",
        "null",
        "an array",
        "an object",
    ]
    assert [text(value) for value in ("x", True, 3, 3.0, 1e-05, math.inf)] == [
        "x",
        "true",
        "3",
        "3.0",
        "1e-05",
        "Infinity",
    ]
    with pytest.raises(CellError, match="not_a_cell"):
        text(None)
    with pytest.raises(CellError, match="number_out_of_range"):
        text(10**5000)
    cells: tuple[object, ...] = (True, " FALSE ", "true", "1", 1, None, "t", [])
    assert [as_truth(cell) for cell in cells] == [
        "1",
        "0",
        "1",
        None,
        None,
        None,
        None,
        None,
    ]
