import csv
import json
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scoring import Problem
from scoring_cli import batch

NAMES = ["size", "count", "open", "color", "since", "grade", "weight"]
HEADER = ",".join(NAMES) + "\n"
GOOD = "1.5,3,true,red,2018-01-31,2,0.25\n"


def refusal(scorer, source: Path, **options) -> Problem:
    """Score to out.csv, which must be refused and leave nothing behind."""
    before = set(source.parent.iterdir()) if source.parent.exists() else set()
    with pytest.raises(Problem) as caught:
        batch.score(scorer, str(source), str(source.parent / "out.csv"), batch.Options(**options))
    if source.parent.exists():
        assert set(source.parent.iterdir()) == before
    return caught.value


def put(tmp_path: Path, data: str | bytes, name: str = "in.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def lines_of(path: Path) -> list[str]:
    return path.read_text().splitlines()


BAD_CELLS = (
    HEADER
    + GOOD
    + "x,3,true,red,2018-01-31,2,0.25\n"
    + '1.5,3,maybe,"re\nd",2018-01-31,2,0.25\n'
    + "\n"
    + GOOD
    + "1.5,3,true,red,yesterday,two,1e999\n"
)
FAULTS = [
    (3, "size", "not_a_number"),
    (4, "open", "not_a_boolean"),
    (8, "since", "not_a_time"),
    (8, "grade", "not_a_number"),
    (8, "weight", "number_out_of_range"),
]


def test_fail_lists_the_first_bad_cells_with_their_lines_and_writes_nothing(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, BAD_CELLS))

    assert [(e["line"], e["field"], e["code"]) for e in problem.errors] == FAULTS
    assert "line 3" in problem.detail
    assert "size" in problem.detail
    assert "--errors skip" in problem.hint
    assert "yesterday" not in json.dumps(problem.to_dict())


@pytest.mark.parametrize("policy", ["skip", "null"])
def test_other_policies_count_and_list_the_faults(binomial, tmp_path, policy):
    source = put(tmp_path, BAD_CELLS)
    options = batch.Options(include=("size",), errors=policy)

    summary = batch.score(binomial, str(source), str(tmp_path / "out.csv"), options)

    assert (summary.rows, summary.faulty_rows, summary.faults) == (5, 3, 5)
    assert [(fault.place, fault.field, fault.code) for fault in summary.first] == FAULTS
    assert summary.errors_file == str(tmp_path / "out.csv.errors.csv")
    assert lines_of(tmp_path / "out.csv.errors.csv") == [
        "line,field,code",
        *(f"{n},{f},{c}" for n, f, c in FAULTS),
    ]
    found = list(csv.reader(lines_of(tmp_path / "out.csv")))
    sizes = [row[0] for row in found[1:]]
    if policy == "skip":
        assert sizes == ["1.5", "1.5"]
        assert summary.written == 2
    else:
        assert sizes == ["1.5", "x", "1.5", "1.5", "1.5"]
        assert [bool(row[1]) for row in found[1:]] == [True, False, False, True, False]
        assert summary.written == 5


def test_without_faults_there_is_no_list(binomial, tmp_path):
    summary = batch.score(
        binomial, str(put(tmp_path, HEADER + GOOD)), str(tmp_path / "o.csv"), batch.Options(errors="skip")
    )

    assert summary.errors_file is None
    assert not (tmp_path / "o.csv.errors.csv").exists()


@pytest.mark.parametrize("policy", ["skip", "null"])
def test_rows_of_the_wrong_length_are_faults_in_their_place(binomial, tmp_path, policy):
    text = HEADER + GOOD + "1,2\n" + GOOD + GOOD.strip() + ",more\n" + "\n" + GOOD
    options = batch.Options(include=("weight",), errors=policy)

    summary = batch.score(binomial, str(put(tmp_path, text)), str(tmp_path / "out.csv"), options)

    assert [(fault.place, fault.field, fault.code) for fault in summary.first] == [
        (3, "", "row_length"),
        (5, "", "row_length"),
    ]
    assert summary.first[0].detail == "The row has 2 cells, the header has 7."
    rows = [line.split(",") for line in lines_of(tmp_path / "out.csv")[1:]]
    scored = [bool(row[1]) for row in rows]
    assert scored == ([True] * 3 if policy == "skip" else [True, False, True, False, True])


def test_a_row_of_the_wrong_length_stops_the_run_by_default(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, HEADER + GOOD + "1,2\n"))

    assert problem.errors[0]["line"] == 3
    assert "2 cells" in problem.detail


def test_lines_are_right_behind_quoted_line_breaks_in_later_blocks(binomial, tmp_path, monkeypatch):
    monkeypatch.setattr("scoring_cli.batch.block.blocks.__defaults__", (300,))
    tall = '1.5,3,true,"re\r\n\r\nd",2018-01-31,2,0.25\r\n'
    text = HEADER + tall * 40 + "x,3,true,red,2018-01-31,2,0.25\r\n" + tall + "1,2\r\n"
    options = batch.Options(errors="skip")

    summary = batch.score(binomial, str(put(tmp_path, text)), str(tmp_path / "out.csv"), options)

    assert [fault.place for fault in summary.first] == [122, 126]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.rstrip("\n"),
        lambda text: "\n\n" + text + "\n\n",
        lambda text: text.replace(",", ", ").replace("\n", " \n"),
        lambda text: "\n".join(
            ",".join(f'"{cell}"' for cell in line.split(",")) for line in text.splitlines()
        ),
    ],
    ids=["byte order mark", "CRLF", "no last line feed", "blank lines", "blanks", "all quoted"],
)
def test_harmless_differences_of_csv_do_not_matter(binomial, tmp_path, change):
    batch.score(binomial, str(put(tmp_path, HEADER + GOOD * 3)), str(tmp_path / "plain.csv"))

    batch.score(binomial, str(put(tmp_path, change(HEADER + GOOD * 3))), str(tmp_path / "out.csv"))

    assert (tmp_path / "out.csv").read_bytes() == (tmp_path / "plain.csv").read_bytes()


@pytest.mark.parametrize("text", [HEADER, HEADER.rstrip("\n"), HEADER + "\n\n"])
@pytest.mark.parametrize("out", ["out.csv", "out.parquet", "out.ndjson"])
def test_a_header_alone_gives_a_header_alone(binomial, tmp_path, text, out):
    summary = batch.score(binomial, str(put(tmp_path, text)), str(tmp_path / out))

    assert summary.rows == 0
    if out == "out.csv":
        assert (tmp_path / out).read_text() == "y.no,y.yes\n"
    elif out == "out.parquet":
        assert pq.read_table(tmp_path / out).schema.names == ["y.no", "y.yes"]
    else:
        assert (tmp_path / out).read_text() == ""


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.ndjson", "in.parquet"])
def test_an_empty_file_is_a_problem(binomial, tmp_path, name):
    problem = refusal(binomial, put(tmp_path, "", name))

    assert problem.code in ("empty_file", "not_parquet")


def test_a_missing_column_is_named_with_its_nearest(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, HEADER.replace("weight", "Wieght") + GOOD))

    assert problem.code == "missing_column"
    assert 'no column "weight"' in problem.detail
    assert problem.hint == 'Did you mean "Wieght"?'


def test_all_missing_columns_are_named(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, "size,open\n1,true\n"))

    assert [error["field"] for error in problem.errors] == ["count", "color", "since", "grade", "weight"]
    assert "5 columns are missing" in problem.detail


def test_a_file_parted_by_semicolons_is_recognised(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, (HEADER + GOOD).replace(",", ";")))

    assert "semicolons" in problem.hint


def test_a_column_that_is_there_twice_is_a_problem_only_if_it_is_used(binomial, tmp_path):
    twice = HEADER.replace("\n", ",size\n") + GOOD.replace("\n", ",7\n")
    other = HEADER.replace("\n", ",x,x\n") + GOOD.replace("\n", ",7,8\n")

    assert refusal(binomial, put(tmp_path, twice)).code == "duplicate_column"
    assert batch.score(binomial, str(put(tmp_path, other)), str(tmp_path / "out.csv")).rows == 1


def test_an_unknown_included_column_is_named_with_its_nearest(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, HEADER + GOOD), include=("colour",))

    assert 'Did you mean "color"?' in problem.hint


def test_an_included_column_may_not_have_the_name_of_an_output(binomial, tmp_path):
    text = HEADER.replace("\n", ",y.yes\n") + GOOD.replace("\n", ",0\n")

    assert refusal(binomial, put(tmp_path, text), include=("y.yes",)).code == "duplicate_column"


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (
            (HEADER + GOOD + GOOD.replace("red", "grün")).encode("latin-1"),
            "not_utf8",
            "line 3 has the byte 0xFC",
        ),
        ((HEADER + GOOD).encode("utf-16"), "not_utf8", "UTF-16"),
        ((HEADER + GOOD).replace("\n", "\r").encode(), "carriage_returns", "carriage returns"),
        ((HEADER + GOOD + '1.5,3,true,"red,2018-01-31,2,0.25\n' + GOOD).encode(), "open_quote", "line 3"),
        (b"\x1f\x8b\x08\x00garbage", "damaged_gzip", "damaged"),
    ],
    ids=["latin-1", "utf-16", "cr", "open quote", "gzip"],
)
def test_what_is_no_utf8_table_is_refused_in_clear_words(binomial, tmp_path, data, code, words):
    problem = refusal(binomial, put(tmp_path, data))

    assert problem.code == code
    assert words in problem.detail
    assert problem.hint


def test_a_record_that_never_ends_is_refused_in_bounded_memory(binomial, tmp_path, monkeypatch):
    monkeypatch.setattr("scoring_cli.batch.block.LONGEST", 100_000)
    monkeypatch.setattr("scoring_cli.batch.block.blocks.__defaults__", (10_000,))

    problem = refusal(binomial, put(tmp_path, HEADER + GOOD + 'x,"' + GOOD * 9_000))

    assert problem.code == "open_quote"
    assert "begins at line 3" in problem.detail


def test_a_file_that_is_not_there_is_named_with_its_nearest(binomial, tmp_path):
    put(tmp_path, HEADER, "rows.csv")

    problem = refusal(binomial, tmp_path / "row.csv")

    assert problem.code == "no_such_file"
    assert "rows.csv" in problem.hint


@pytest.mark.parametrize("name", ["in.xlsx", "in", "in.parquet.gz"])
def test_an_unknown_format_names_the_known_ones(binomial, tmp_path, name):
    problem = refusal(binomial, put(tmp_path, HEADER, name))

    assert problem.code == "unknown_format"
    assert problem.hint


def test_a_folder_that_is_not_there_is_a_problem(binomial, tmp_path):
    source = put(tmp_path, HEADER + GOOD)

    with pytest.raises(Problem, match="cannot be written"):
        batch.score(binomial, str(source), str(tmp_path / "no" / "out.csv"))


def test_an_old_output_stays_when_the_run_fails(binomial, tmp_path):
    out = put(tmp_path, "old", "out.csv")

    refusal(binomial, put(tmp_path, HEADER + "x,3,true,red,2018-01-31,2,0.25\n"))

    assert out.read_text() == "old"


def test_output_may_be_the_input(binomial, tmp_path):
    source = put(tmp_path, HEADER + GOOD)

    batch.score(binomial, str(source), str(source), batch.Options(include=("size",)))

    assert lines_of(source)[0] == "size,y.no,y.yes"


def test_what_is_no_regular_file_is_written_directly(binomial, tmp_path):
    summary = batch.score(
        binomial, str(put(tmp_path, HEADER + GOOD)), "/dev/null", batch.Options(format="csv")
    )

    assert summary.written == 1
    assert Path("/dev/null").is_char_device()


JSON_ROW = dict(zip(NAMES, [1.5, 3, True, "red", "2018-01-31", 2, 0.25], strict=True))


def test_lines_of_ndjson_that_are_no_rows_are_faults(binomial, tmp_path):
    lacking = {key: value for key, value in JSON_ROW.items() if key != "open"}
    lines = [JSON_ROW, lacking, [1], {**JSON_ROW, "size": [1]}, {**JSON_ROW, "size": "x"}, JSON_ROW]
    text = "\n".join(json.dumps(line) for line in lines) + '\n\n{"size": \n'
    options = batch.Options(errors="null")

    summary = batch.score(
        binomial, str(put(tmp_path, text, "in.ndjson")), str(tmp_path / "o.ndjson"), options
    )

    assert [(fault.place, fault.field, fault.code) for fault in summary.first] == [
        (2, "open", "missing_field"),
        (3, "", "wrong_type"),
        (4, "size", "not_a_cell"),
        (5, "size", "not_a_number"),
        (8, "", "malformed_json"),
    ]
    scores = [json.loads(line)["y.yes"] for line in lines_of(tmp_path / "o.ndjson")]
    assert [score is None for score in scores] == [False, True, True, True, True, False, True]


def test_a_key_that_no_line_has_is_a_missing_column(binomial, tmp_path):
    text = json.dumps({**{key: JSON_ROW[key] for key in NAMES[:-1]}, "wieght": 1}) + "\n"

    problem = refusal(binomial, put(tmp_path, text, "in.ndjson"))

    assert problem.hint == 'Did you mean "wieght"?'


def test_an_array_of_rows_is_not_ndjson(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, json.dumps([JSON_ROW], indent=1), "in.ndjson"))

    assert "object a line" in problem.hint


def test_faults_in_parquet_are_named_by_row(binomial, tmp_path):
    rows = [GOOD.strip().split(",") for _ in range(5)]
    rows[3][0] = "x"
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=NAMES), tmp_path / "in.parquet")

    problem = refusal(binomial, tmp_path / "in.parquet")

    assert problem.errors[0]["row"] == 4
    assert "row 4" in problem.detail


def test_what_is_no_parquet_is_a_problem(binomial, tmp_path):
    problem = refusal(binomial, put(tmp_path, HEADER + GOOD, "in.parquet"))

    assert problem.code == "not_parquet"


def test_faults_beyond_a_few_are_listed_in_the_file_alone(binomial, tmp_path):
    source = put(tmp_path, HEADER + "x,3,true,red,2018-01-31,2,0.25\n" * 5000)

    summary = batch.score(binomial, str(source), str(tmp_path / "o.csv"), batch.Options(errors="skip"))

    assert len(summary.first) == 10
    assert summary.faults == 5000
    assert len(lines_of(tmp_path / "o.csv.errors.csv")) == 5001
    assert (
        len(refusal(binomial, put(tmp_path, HEADER + "x,3,true,red,2018-01-31,2,0.25\n" * 50)).errors) == 10
    )


def test_one_bad_cell_does_not_change_the_bits_of_other_rows(binomial, tmp_path, cells):
    rows = cells(200)
    bad = [row if k != 120 else ["x", *row[1:]] for k, row in enumerate(rows)]
    with (tmp_path / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([NAMES, *bad])

    batch.score(binomial, str(tmp_path / "in.csv"), str(tmp_path / "o.csv"), batch.Options(errors="null"))

    found = [row[1] for row in csv.reader(lines_of(tmp_path / "o.csv"))][1:]
    expected = binomial.predict(rows)
    for k, (text, value) in enumerate(zip(found, expected.tolist(), strict=True)):
        assert text == "" if k == 120 else struct.pack("<d", float(text)) == struct.pack("<d", value)


@pytest.mark.parametrize("options", [{"errors": "ignore"}, {"contributions": "both"}, {"format": "xls"}])
def test_unknown_options_are_problems(binomial, tmp_path, options):
    with pytest.raises(Problem):
        batch.score(binomial, str(put(tmp_path, HEADER)), str(tmp_path / "out.csv"), batch.Options(**options))
