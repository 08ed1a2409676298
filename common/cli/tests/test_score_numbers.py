import datetime
import math
import struct
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring.cell import CellError
from scoring.reader import reader
from scoring.schema import MISSING_TOKENS, Field
from scoring_cli.batch.numbers import Column

FIELDS = (
    Field("float", "Float64"),
    Field("sentinel", "Float32", (*MISSING_TOKENS, "-999", "1e3")),
    Field("strict", "Float64", ()),
    Field("int", "Int64"),
    Field("bool", "Bool"),
    Field("coded bool", "Bool", categories=("0", "1")),
    Field("text", "Str", categories=("red", "green", "1", "1.0", "true", "weiß", "a b")),
    Field("coded", "Int32", categories=("1", "2", "7.5")),
    Field("time", "Time64"),
    Field("odd time", "Time64", (*MISSING_TOKENS, "1900-01-01", "2018-01-31T00:00:00")),
)
NASTY = """
1 -1 +1 1. .5 -.5 1e3 1E+05 1e-5 1e-400 1e400 -1e400 1.7976931348623159e308 4.9e-324 0 -0 -0.0 00012
1_000 0x10 nan NaN NAN -nan nan(1) inf -inf Infinity +Infinity infinit NA N/A null NULL None ? none na
-999 -999.0 -9.99e2 1000 true True TRUE tRuE false t f yes no YES y n 1.0 0.0 2 7.5 07.50 red Red green
weiß violet 1,5 1e 1e+ e5 . - + -- ١ １２ 5% $5 2018-01-31 2018-01-31T12:00:00 2018-01-31T12:00:00Z
2018-01-31T12:00:00z 2018-01-31T12:00 2018-01-31T12:00:00.5 2018-01-31T12:00:00.123456
2018-01-31T12:00:00.123456Z 2018-01-31T12:00:00.123456789 2018-01-31T12:00:00+01:00 2018-02-30
2018-01-31T24:00:00 2018-01-31T23:59:60 0000-01-01 0001-01-01 9999-12-31 1900-01-01 1582-10-15 20180131
2018-W05-3 2018-01-31Z 2018-1-31 1699-12-31T23:59:59.999999 2199-12-31T23:59:59.999999
2018-01-31T00:00:00 12345678901234567890 9007199254740993 0.1 0.30000000000000004
123456789012345678901234567890123456789012345678901234567890 1d5 1f
""".split()  # noqa: SIM905 -- as one text it can be read
NASTY += [
    "",
    " ",
    "  1 ",
    "\t2",
    " NA ",
    " nan",
    "1 2",
    "a b",
    " red",
    "2018-01-31 12:00:00",
    " 2018-01-31 ",
    "\x0b3\x0c",
]
NASTY += ["\u00a05", "\u20031", "1\u00a0000", "- 1", "\n4", "5\r\n", '"1"', "1\x00", "🙂"]


def bits(value: float | None) -> int | str:
    """A double's bits; every missing value is the same."""
    if value is None or math.isnan(value):
        return "missing"
    return int(struct.unpack("<q", struct.pack("<d", value))[0])


def expected(field: Field, values: list[object]) -> list[int | str]:
    """What scoring.reader says of each cell: bits, or the code of its error."""
    found: list[int | str] = []
    for value in values:
        try:
            found.append(bits(reader(field).cell(value)))
        except CellError as error:
            found.append(error.code)
    return found


def found(field: Field, column: object) -> list[int | str]:
    numbers, faulty = Column(field).read(column)
    values = [bits(value) for value in numbers.to_pylist()]
    if faulty is not None:
        for row, kind in zip(faulty.rows.tolist(), faulty.kinds.tolist(), strict=True):
            assert values[row] == "missing"
            values[row] = faulty.errors[kind].code
    return values


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_nasty_text_is_read_as_the_contract_reads_it(field):
    assert found(field, pa.array([*NASTY, None])) == expected(field, [*NASTY, None])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_way_to_store_text_reads_alike(field, kind):
    assert found(field, pa.array(NASTY).cast(kind)) == expected(field, NASTY)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(FIELDS),
    st.lists(
        st.one_of(
            st.text("0123456789.-+eE_naif xT:Z ", max_size=12),
            st.floats().map(repr),
            st.datetimes().map(lambda moment: moment.isoformat()),
            st.sampled_from(NASTY),
        ),
        min_size=1,
        max_size=20,
    ),
)
def test_any_text_is_read_as_the_contract_reads_it(field, texts):
    assert found(field, pa.array(texts, pa.string())) == expected(field, texts)


JSON_CELLS = [
    1,
    1.0,
    True,
    False,
    0,
    -999,
    -999.0,
    3,
    3.0,
    7.5,
    "1",
    "true",
    None,
    math.nan,
    math.inf,
    -math.inf,
]
JSON_CELLS += [10**400, 2**53 + 1, [1], {"a": 1}, [], 1e300, -0.0, "red", 1517400000, 1000.0]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_json_values_are_read_as_the_contract_reads_them(field):
    assert found(field, list(JSON_CELLS)) == expected(field, list(JSON_CELLS))


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
@pytest.mark.parametrize(
    "column",
    [
        pa.array([1, 2, None, -999, 7], pa.int32()),
        pa.array([1.0, 7.5, None, math.nan, -999.0, math.inf]),
        pa.array([0.5, -999.0, 1000.0, None], pa.float32()),
        pa.array([True, False, None]),
        pa.array([2**53 + 1, 2**63 - 1, -(2**63)], pa.int64()),
        pa.array([255, 0], pa.uint8()),
    ],
    ids=["int32", "float64", "float32", "bool", "int64", "uint8"],
)
def test_typed_columns_are_read_as_their_json_values(field, column):
    assert found(field, column) == expected(field, column.to_pylist())


@pytest.mark.parametrize("field", [FIELDS[0], FIELDS[1], FIELDS[7]], ids=lambda field: field.name)
def test_decimals_are_numbers(field):
    column = pa.array([Decimal("1.10"), Decimal("-999.00"), None, Decimal("7.50")])

    assert found(field, column) == expected(field, [1.1, -999.0, None, 7.5])


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin"])
def test_timestamps_are_seconds_rounded_once(unit, zone):
    whole = datetime.datetime(2018, 1, 31, 11, 22, 33, tzinfo=datetime.UTC)
    moments = [whole, datetime.datetime(1969, 12, 31, 23, 0, 1, tzinfo=datetime.UTC), None]
    if unit in ("us", "ns"):
        moments.append(whole.replace(microsecond=123457))
    column = pa.array(moments, pa.timestamp("us", "UTC")).cast(pa.timestamp(unit, zone))
    texts = [None if moment is None else moment.isoformat() for moment in moments]

    assert found(FIELDS[8], column) == expected(FIELDS[8], texts)


def test_nanoseconds_beyond_exact_doubles_are_rounded_once():
    column = pa.array([1517400000123456789, -1517400000123456789], pa.int64()).cast(pa.timestamp("ns"))

    numbers, faulty = Column(FIELDS[8]).read(column)

    assert faulty is None
    assert numbers.to_pylist() == [1517400000123456789 / 10**9, -1517400000123456789 / 10**9]


def test_dates_are_midnight():
    column = pa.array([datetime.date(2018, 1, 31), datetime.date(1700, 1, 1), None])

    assert found(FIELDS[8], column) == expected(FIELDS[8], ["2018-01-31", "1700-01-01", None])


def test_unseen_categories_are_counted():
    column = Column(FIELDS[6])

    column.read(pa.array(["red", "violet", "", "violet", "pink"]))
    column.read(pa.array(["violet"]))

    assert column.unseen == 4


def test_faults_of_a_column_are_in_the_order_of_rows():
    _, faulty = Column(FIELDS[0]).read(pa.array(["1", "x", "2", "1e999", "x"]))

    assert faulty is not None
    assert faulty.rows.tolist() == [1, 3, 4]
    assert [faulty.errors[kind].code for kind in faulty.kinds] == [
        "not_a_number",
        "number_out_of_range",
        "not_a_number",
    ]
