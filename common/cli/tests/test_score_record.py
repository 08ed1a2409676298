import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring_cli.batch.record import complete, record_ends, record_lines


def rows_of_pyarrow(data: bytes) -> int:
    """Count the records that pyarrow sees, those of the wrong length too."""
    wrong = []

    def note(row):
        wrong.append(row)
        return "skip"

    table = pcsv.read_csv(
        pa.py_buffer(data),
        pcsv.ReadOptions(column_names=["0", "1"], use_threads=False, block_size=len(data) + 1),
        pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        pcsv.ConvertOptions(column_types={"0": pa.string(), "1": pa.string()}),
    )
    return len(table) + len(wrong)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a,b\nc,d\n", [1, 2]),
        ("a,b\r\nc,d\r\n", [1, 2]),
        ('a,"b\nb"\nc,d\n', [1, 3]),
        ('"a\r\n\r\na",b\r\n\r\nc,d\r\n', [1, 5]),
        ('a"b,c"d\ne,f\n', [1, 2]),
        ('5" pipe,"x\ny"\ne,f\n', [1, 3]),
        ('"say ""hi""\n",b\nc,d\n', [1, 3]),
        ('"x"y,"a\nb"\nc,d\n', [1, 3]),
        ("\n\na,b\n", [3]),
    ],
)
def test_lines_of_records(text, lines):
    data = text.encode()

    assert record_lines(data, b",", 1).tolist() == lines
    assert rows_of_pyarrow(data) == len(lines)
    assert complete(data, b",") == len(data)


@pytest.mark.parametrize("text", ['a,b\n"c,d\n', 'a,b\nc,"d\ne\n', 'a,b\nx"y,"d""\n'])
def test_an_open_quote_keeps_the_rest_back(text):
    assert complete(text.encode(), b",") == len("a,b\n")


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(st.text('a",\n\r ', max_size=4), min_size=2, max_size=2), min_size=1, max_size=6))
def test_what_a_csv_writer_wrote_is_cut_where_it_ended_a_record(rows):
    out = io.StringIO(newline="")
    ends = []
    for row in rows:
        csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        ends.append(len(out.getvalue()) - 1)

    assert record_ends(out.getvalue().encode(), b",").tolist() == ends


@settings(max_examples=500, deadline=None)
@given(st.text('a",\n ', max_size=30))
def test_records_are_those_of_pyarrow_and_blocks_do_not_change_them(text):
    data = (text + "\n").encode()
    cut = complete(data, b",")
    whole = data[:cut]
    if not whole.strip(b"\n"):
        return

    assert len(record_lines(whole, b",", 1)) == rows_of_pyarrow(whole)
    for end in np.asarray(record_ends(whole, b",")).tolist():
        head, tail = whole[: end + 1], whole[end + 1 :]
        parts = [part for part in (head, tail) if part.strip(b"\n")]
        assert sum(map(rows_of_pyarrow, parts)) == rows_of_pyarrow(whole)
