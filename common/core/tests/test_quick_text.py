"""The engine reads and writes text exactly as the slow way in Python does."""

import json
import math
import struct
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import scoring
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scoring import Field, Problem, Schema, contract
from scoring._engine import Cells, Matrix, row_texts, rows_span, table_text
from scoring.cell import CellError, number_text
from scoring.reader import reader
from scoring.request import Request, RequestParser
from scoring.settings import Limits, Settings

SCHEMA = Schema(
    (
        Field("x"),
        Field("n", "Int64", missing=("", "-999", " NA ")),
        Field("flag", "Bool"),
        Field("word", "Str", categories=("red", "3", "true", "1e+22", " blank", "grün", "\ud800")),
        Field("level", "Float32", categories=("0", "1", "2.5")),
        Field("seen", "Time64"),
    )
)
TEXTS = st.one_of(
    st.floats().map(repr),
    st.floats().map(number_text),
    st.decimals(allow_nan=False, allow_infinity=False).map(str),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,25}([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.sampled_from(
        ["", " ", "NA", "nan", "-NaN", "inf", "+Infinity", "-INF", "1_0", "0x10", "TRUE", " false ", "t",
         "Yes", "n", "-999", "-999.0", "-9.99e2", "1", "1.0", "0", "-0", "-0.0", ".", "e5", "5.", ".5",
         "+ 1", "1 2", "\u00a01", "\u0661", "1\x00", "\x1f1\t", "red", " red", "blank", "grün", "grün ",
         "\u3000red", "3", "true", "1e+22", "\ud800", "2018-01-01", "2018-01-01T00:00:00Z", "1e400",
         "-1e400", "1e-400", "5e-324"]
    ),
    st.text(max_size=4),
)  # fmt: skip
CELLS = st.one_of(
    TEXTS,
    st.floats(),
    st.integers(),
    st.integers(-4, 4),
    st.booleans(),
    st.none(),
    st.sampled_from([2.5, 1.0, 0.0, -0.0, -999.0, -999, 1e22, 3, 3.0, [], {}, 10**400, -(10**18)]),
)


def bits(value: float) -> bytes:
    return struct.pack("d", math.nan if value != value else value)


def one_by_one(field: Field, cell: Any) -> bytes | str:
    try:
        return bits(reader(field).cell(cell))
    except CellError as error:
        return error.code


@settings(deadline=None, max_examples=400)
@given(st.lists(CELLS, min_size=1, max_size=12))
@example(["\x1f1\t"])
def test_a_column_is_read_as_its_cells_are(cells: list[Any]) -> None:
    for field in SCHEMA:
        values, errors = reader(field).column(cells)
        found: list[bytes | str] = [bits(value) for value in values]
        for row, error in errors:
            found[row] = error.code
        assert found == [one_by_one(field, cell) for cell in cells]


def outcome(parser: RequestParser, raw: bytes, contributions: bool = False) -> Any:
    try:
        found = parser.contribution(raw) if contributions else parser.score(raw)
    except Problem as problem:
        return problem.to_dict()
    cells = found.rows if found.echoed else len(found.rows)
    asked = (found.columns.fields, found.echoed, found.new_id, found.named, found.typed, found.shapley)
    return found.matrix().shape, [bits(x) for row in found.matrix().tolist() for x in row], cells, asked


def slow(parser: RequestParser, raw: bytes, contributions: bool = False) -> Any:
    """Parse without the engine's reading of rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RequestParser, "_quick", lambda *_: None)
        return outcome(parser, raw, contributions)


PLAIN_ROWS = st.lists(
    st.tuples(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.floats().map(number_text), st.none()),
        st.one_of(st.integers(-1000, 1000), st.sampled_from(["-999", "7", ""])),
        st.sampled_from([True, False, "yes", "0", 1, None]),
        st.sampled_from(["red", "grün", "unheard", 3, 1e22, True, None, 'a "b"\n', "tab\t"]),
        st.sampled_from(["1", 2.5, 7, None]),
        st.sampled_from([None, "", 12.5, "NA"]),
        st.sampled_from(["extra", None, 5, 'q"\\', "ünder"]),
    ).map(list),
    min_size=1,
    max_size=12,
)
FIELDS = [*SCHEMA.names, "more"]


@settings(deadline=None, max_examples=200)
@given(
    PLAIN_ROWS,
    st.booleans(),
    st.sampled_from([None, 1, "\t"]),
    st.fixed_dictionaries(
        {},
        optional={
            "typedOutput": st.booleans(),
            "noFieldNamesInOutput": st.booleans(),
            "requestShapleyValueType": st.sampled_from(["ORIGINAL", "NONE", "X"]),
            "includeFieldsInOutput": st.sampled_from([[], ["more"], ["id"]]),
            "idField": st.just("id"),
        },
    ),
    st.booleans(),
)
def test_plain_rows_are_read_by_the_engine_with_the_same_outcome(
    rows: list[list[Any]], ascii_only: bool, indent: int | str | None, members: dict[str, Any], first: bool
) -> None:
    table = {"fields": FIELDS, "rows": rows}
    body = {**table, **members} if first else {**members, "rows": rows, "fields": FIELDS}
    raw = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode() + b" " * 1024
    parser = RequestParser(SCHEMA)
    wanted = slow(parser, raw)
    assert outcome(parser, raw) == wanted
    if not isinstance(wanted, dict) and members.get("includeFieldsInOutput") != ["more"]:
        quick = parser._quick(raw, ())  # no keys are known to it, so that only lenient parsing goes on
        assert quick is None
        assert RequestParser(SCHEMA, Settings(lenient=True))._quick(raw, ()) is not None


ODD = st.one_of(
    st.binary(max_size=6),
    st.sampled_from(
        [b"[", b"]", b"{", b"}", b'"', b"\\", b",", b":", b"[[", b"]]", b'"rows"', b'"rows":[[1]]', b"NaN",
         b"1e999", b"01", b"-", b"1.", b".5", b"\xff", b"\xc3\xbc", b"\\u00fc", b'"\\ud800"', b"null",
         b'{"rows":[[1]]}', b"tru", b"\xef\xbb\xbf", b"-0", b"9" * 400]
    ),
)  # fmt: skip


@settings(deadline=None, max_examples=600)
@given(st.data(), PLAIN_ROWS, st.lists(ODD, min_size=1, max_size=3), st.booleans(), st.booleans())
def test_a_damaged_body_has_the_same_outcome(
    data: st.DataObject, rows: list[list[Any]], odd: list[bytes], lenient: bool, contributions: bool
) -> None:
    body = {
        "fields": FIELDS,
        "rows": rows,
        **({"requestShapleyValueType": "ORIGINAL"} if contributions else {}),
    }
    raw = json.dumps(body, ensure_ascii=lenient).encode()
    for piece in odd:
        start = data.draw(st.integers(0, len(raw)))
        end = data.draw(st.integers(start, min(len(raw), start + 6)))
        raw = raw[:start] + piece + raw[end:]
    raw += b" " * 1024
    parser = RequestParser(SCHEMA, Settings(Limits(rows=8, contribution_rows=4), lenient=lenient))
    assert outcome(parser, raw, contributions) == slow(parser, raw, contributions)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"rows":[[1],[2]],"rows":[[1]]}',
        b'{"r\\u006fws":[[1]]}',
        b'{"x":{"rows":[[1]]}}',
        b'{"rows":[[[1]]]}',
        b'{"rows":[{"a":1}]}',
        b'{"rows":[["a]}',
        b'{"rows":[[1]]',
    ],
)
def test_what_is_not_one_array_of_arrays_is_left_alone(raw: bytes) -> None:
    assert rows_span(raw) is None


def test_the_span_of_rows() -> None:
    raw = b' {"a" : [1,{"rows":[[9]]}], "rows":\n[ ["]",2] ,[3,"\\"["] ] , "b":null}'
    span = rows_span(raw)
    assert span is not None
    first, last, count = span
    assert raw[first:last] == b'[ ["]",2] ,[3,"\\"["] ]'
    assert count == 2


@settings(deadline=None, max_examples=300)
@given(st.lists(st.floats(), min_size=1, max_size=40))
def test_numbers_are_written_as_python_writes_them(values: list[float]) -> None:
    matrix = Matrix([[value] for value in values])
    words = [number_text(value) for value in values]
    assert row_texts(matrix, "csv") == ["" if word == "NaN" else word for word in words]
    for style, plain in (("typed", "{}"), ("quoted", '"{}"')):
        odd = {"NaN": "null", "Infinity": '"Infinity"', "-Infinity": '"-Infinity"'}
        wanted = [odd.get(word) or plain.format(word) for word in words]
        assert table_text(matrix, style, "|", 0, 1).split("|") == wanted  # type: ignore[arg-type]


def test_hard_numbers_are_read_and_written_exactly() -> None:
    powers = [2.0**k for k in range(-1074, 1024)] + [float(f"1e{k}") for k in range(-323, 309)]
    values = [
        x for power in powers for x in (math.nextafter(power, 0), power, math.nextafter(power, math.inf))
    ]
    values = [value for value in values if math.isfinite(value)]
    generator = np.random.default_rng(5)
    drawn = generator.integers(0, 1 << 63, 20000).astype(np.uint64).view(np.float64)
    values += drawn[np.isfinite(drawn)].tolist()
    texts = row_texts(Matrix([[value] for value in values]), "csv")
    assert texts == [repr(value) for value in values]
    halfway = [f"{value:.{digits}e}" for digits in (14, 16, 17, 25, 60) for value in values]
    out = array("d", bytes(8 * len(halfway)))
    odd = Cells("number", (), (), None, {}).read(halfway, out)
    assert all(math.isinf(float(halfway[row])) for row in odd)
    wanted = [float(text) for text in halfway]
    left_out = set(odd)
    assert all(row in left_out or out[row] == want for row, want in enumerate(wanted))


def test_a_matrix_is_an_array_to_others() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    for given_ in (rows, np.asfortranarray(rows), rows.tolist(), [tuple(row) for row in rows.tolist()]):
        matrix = Matrix(given_)
        assert (matrix.shape, len(matrix), matrix.tolist()) == ((4, 3), 4, rows.tolist())
        assert (np.asarray(matrix) == rows).all()
        assert matrix.tobytes() == rows.tobytes()
    assert Matrix.below([matrix, Matrix(rows[:1])]).tolist() == [*rows.tolist(), rows[0].tolist()]
    assert (np.asarray(Matrix.beside([matrix, matrix])) == np.hstack((rows, rows))).all()
    assert Matrix([[0.25]]).complemented().tolist() == [[0.75, 0.25]]
    assert (matrix.column(1), matrix.count(2, 5.0)) == ([1.0, 4.0, 7.0, 10.0], 1)
    assert np.asarray(Matrix.filled(0, 3)).shape == (0, 3)
    for wrong in ([[1.0], [1.0, 2.0]], [["x"]], np.zeros(3), np.zeros((2, 2), np.float32), 5):
        with pytest.raises((TypeError, ValueError)):
            Matrix(wrong)  # type: ignore[arg-type]
    with pytest.raises(IndexError):
        matrix.column(3)
    with pytest.raises(ValueError, match="size"):
        Matrix.filled(1 << 60, 1 << 60)


BLOCKED = """
import json, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "numpy":
            raise ImportError("numpy is blocked")
sys.meta_path.insert(0, Blocked())
import scoring
from scoring import contract
scorer = scoring.load(open(sys.argv[1], "rb").read())
assert scorer.verify().ok
answers = [contract.schema(scorer), contract.sample_request(scorer), contract.capabilities(scorer)]
for line in open(sys.argv[2], "rb"):
    answers.append(scorer.score_json(line))
    if b"requestShapleyValueType" in line:
        members = {k: v for k, v in json.loads(line).items() if k != "requestOutOfDistribution"}
        answers.append(contract.contribution(scorer, json.dumps(members).encode()))
assert "numpy" not in sys.modules
sys.stdout.buffer.write(b"\\n".join(answers))
"""


def test_requests_are_answered_where_numpy_cannot_be_imported(tmp_path: Path) -> None:
    generator = np.random.default_rng(2)
    X = generator.normal(size=(400, 3))
    parameters = {"objective": "binary", "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, (X[:, 0] > 0) * 1.0), 10)
    half = 0.5**0.5
    guard = {"fields": ["Column_0", "Column_2"], "center": [0.0, 0.0], "scale": [1.0, 1.0]}
    parts = scoring.pack(booster, tmp_path / "packed.pipeline", X=X)
    baseline = {**parts.baseline, "distance": {**guard, "components": [[half, half]], "threshold": 1.0}}
    artifact = scoring.Artifact.create(
        name="n", task=parts.manifest.task, target=parts.manifest.target, labels=parts.manifest.labels,
        inputs=parts.manifest.schema.inputs, features=parts.features, forest=parts.forest.decode(),
        baseline=baseline, samples=parts.samples,
    ).write(tmp_path / "n.pipeline")  # fmt: skip
    rows = [[repr(float(x)) for x in row] for row in X.tolist()]
    fields = list(parts.manifest.schema.names)
    requests = [
        {"fields": fields, "rows": rows[:1]},
        {"fields": fields, "rows": rows[:5], "includeFieldsInOutput": [fields[1]]},
        {"fields": fields, "rows": rows},
        {"fields": fields, "rows": rows[:3], "requestShapleyValueType": "ORIGINAL"},
        {"fields": fields, "rows": rows, "requestShapleyValueType": "TRANSFORMED", "typedOutput": True},
        {"fields": fields, "rows": rows, "requestOutOfDistribution": True},
    ]
    lines = [json.dumps(request).encode() for request in requests]
    (tmp_path / "requests").write_bytes(b"\n".join(lines))
    command = [sys.executable, "-c", BLOCKED, str(artifact.path), str(tmp_path / "requests")]
    found = subprocess.run(command, capture_output=True, check=False)
    assert found.returncode == 0, found.stderr.decode()
    scorer = scoring.load(artifact.path or "")
    wanted = [contract.schema(scorer), contract.sample_request(scorer), contract.capabilities(scorer)]
    for line in lines:
        wanted.append(scorer.score_json(line))
        if b"requestShapleyValueType" in line:
            wanted.append(contract.contribution(scorer, line))
    assert found.stdout == b"\n".join(wanted)
    assert np.array_equal(np.array(json.loads(wanted[5])["score"], np.float64), scorer.outputs(X))


def test_a_request_is_made_of_what_the_engine_read() -> None:
    raw = json.dumps({"fields": list(SCHEMA.names), "rows": [[1, 2, 1, "red", 1, None]] * 100}).encode()
    request = RequestParser(SCHEMA)._quick(raw, ("fields", "rows"))
    assert isinstance(request, Request)
    assert (len(request.rows), request.matrix().shape) == (100, (100, 6))
    assert request.unseen() == {}
