"""A batch run: rows of a file in, scores of each row out, in bounded memory and in the same order."""

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scoring import Problem, Scorer
from scoring.lookahead import ahead

from scoring_cli.batch import arrays
from scoring_cli.batch.answer import Answer
from scoring_cli.batch.chunk import Chunk
from scoring_cli.batch.columnar import ParquetReader
from scoring_cli.batch.complaint import Complaints
from scoring_cli.batch.delimited import DelimitedReader
from scoring_cli.batch.fault import Fault, refused
from scoring_cli.batch.lines import LineReader
from scoring_cli.batch.numbers import Column
from scoring_cli.batch.output import open_output
from scoring_cli.batch.sink import DelimitedSink, Heading, LineSink, ParquetSink, Sink
from scoring_cli.batch.source import DELIMITERS, STANDARD, Source, format_of, open_source

FAIL, SKIP, NULL = "fail", "skip", "null"
POLICIES: Final = (FAIL, SKIP, NULL)
"""What to do with rows that cannot be scored: stop, leave them out, keep them without scores."""

CELLS = 1 << 20
"""Scores and contributions that are held at a time: 8 MB, and their text."""

_FEWEST: Final = 64

Watch = Callable[[int, int], None]
"""Told now and then how many rows are done and how many bytes of the source are read."""

Reader = DelimitedReader | LineReader | ParquetReader


@dataclass(frozen=True)
class Options:
    """How to score a file."""

    include: tuple[str, ...] = ()
    """Columns of the source to copy in front of the scores; ("*",) copies all."""
    contributions: str | None = None
    """None, "original" or "transformed"."""
    errors: str = FAIL
    """One of POLICIES."""
    threads: int = 0
    """Threads of the engine; 0 means all cores. With 1 nothing runs beside it either."""
    format: str | None = None
    """Format of stdin and stdout and of files whose extension says nothing: csv, tsv, ndjson or parquet."""

    def __post_init__(self) -> None:
        if self.errors not in POLICIES:
            raise Problem(
                "unknown_value", 422, f"--errors is {self.errors!r}.", f"Say {', '.join(POLICIES)}."
            )


@dataclass
class Summary:
    """What a run did."""

    rows: int = 0
    """Rows read."""
    written: int = 0
    """Rows written."""
    faulty_rows: int = 0
    """Rows that could not be scored."""
    faults: int = 0
    """Cells, and rows of the wrong shape, that could not be read."""
    first: list[Fault] = field(default_factory=list)
    """The first faults of the file."""
    unit: str = "line"
    """What the place of a fault counts: line or row."""
    unseen: dict[str, int] = field(default_factory=dict)
    """By field, the cells with a category that the scorer never saw; they are scored as unseen."""
    errors_file: str | None = None
    """Where all faults are listed, if there are any and the output is a file."""
    seconds: float = 0.0


def score(
    scorer: Scorer, data: str, output: str, options: Options = Options(), watch: Watch | None = None
) -> Summary:
    """Score the rows of `data` and write them to `output`; `-` is stdin or stdout.

    Columns of the source are found by name, in any order; others are ignored. The output has the columns
    `options.include`, then the scorer's outputs, then contributions if asked for. It appears whole or not at
    all; stdout gets rows as they are done. Unless `options.errors` is "fail", faults are listed in
    `<output>.errors.csv` with line, field and code, never the value.

    Raises:
        Problem: a file cannot be read or written, a column is missing, or, with "fail", a row cannot be
            scored.
    """
    begin = time.monotonic()
    kind_in, kind_out = format_of(data, options.format), format_of(output, options.format)
    answer = Answer(scorer, options.contributions, options.threads)
    columns = [Column(field) for field in scorer.schema.inputs]
    summary = Summary(unit="row" if kind_in == "parquet" else "line")
    with contextlib.closing(open_source(data)) as source:
        reader = _reader(source, kind_in, columns, options.include)
        headings = _headings(reader, answer)
        complaints = Complaints(None if output == STANDARD else f"{output}.errors.csv", summary.unit)
        beside = options.threads != 1 and source.size is not None
        with open_output(output) as stream, complaints, contextlib.closing(ahead(reader, beside)) as chunks:
            sink = _sink(stream, kind_out, headings)
            for chunk in chunks:
                bad, doubles = _read(chunk, columns, complaints, options.errors == FAIL)
                if options.errors == FAIL and complaints.first:
                    raise refused(source.name, summary.unit, complaints.first)
                rows = _write(sink, answer, chunk, doubles, bad, options.errors)
                summary.rows += chunk.rows
                summary.written += rows
                summary.faulty_rows += int(bad.sum())
                if watch is not None:
                    watch(summary.rows, source.raw.tell() if source.size is not None else 0)
            sink.finish()
    summary.faults, summary.first = complaints.count, complaints.first
    summary.errors_file = complaints.path if complaints.count else None
    summary.unseen = {column.field.name: column.unseen for column in columns if column.unseen}
    summary.seconds = time.monotonic() - begin
    return summary


def _reader(source: Source, kind: str, columns: Sequence[Column], include: Sequence[str]) -> Reader:
    if kind == "parquet":
        return ParquetReader(source, columns, include)
    if kind == "ndjson":
        return LineReader(source, columns, include)
    return DelimitedReader(source, columns, include, DELIMITERS[kind])


def _sink(stream: BinaryIO, kind: str, headings: Sequence[Heading]) -> Sink:
    if kind == "parquet":
        return ParquetSink(stream, headings)
    if kind == "ndjson":
        return LineSink(stream, headings)
    return DelimitedSink(stream, headings, DELIMITERS[kind])


def _headings(reader: Reader, answer: Answer) -> list[Heading]:
    for name in reader.kept:
        if name in answer.names:
            raise Problem(
                "duplicate_column",
                422,
                f"The column {name!r} would be in the output twice: the scorer gives one of that name.",
                "Leave it out of --include, or rename it in the data.",
            )
    kept = [Heading(name, kind) for name, kind in zip(reader.kept, reader.kept_types, strict=True)]
    return kept + [Heading(name, pa.float64()) for name in answer.names]


def _read(
    chunk: Chunk, columns: Sequence[Column], complaints: Complaints, briefly: bool
) -> tuple[NDArray[np.bool_], list[Any]]:
    """Return which rows cannot be scored, and the doubles of all inputs."""
    bad = np.zeros(chunk.rows, bool)
    bad[list(chunk.broken)] = True
    doubles, faulty = [], {}
    for column, cells in zip(columns, chunk.cells, strict=True):
        numbers, unread = column.read(cells)
        doubles.append(numbers)
        if unread is not None:
            faulty[column] = unread
            bad[unread.rows] = True
    if bad.any():
        complaints.add(chunk, faulty, briefly)
    return bad, doubles


def _write(
    sink: Sink, answer: Answer, chunk: Chunk, inputs: list[Any], bad: NDArray[np.bool_], policy: str
) -> int:
    """Score and write the rows of a chunk; returns how many were written."""
    kept = chunk.kept
    if policy == SKIP and bad.any():
        good = arrays.booleans(~bad)
        kept = [pc.filter(column, good) for column in kept]
        inputs = [pc.filter(column, good) for column in inputs]
        bad = bad[~bad]
    step = max(_FEWEST, CELLS // len(answer.names))
    for start in range(0, len(bad), step):
        part = slice(start, start + step)
        mask = bad[part] if bad[part].any() else None
        scores = answer.columns([column[part] for column in inputs])
        sink.write([*(column[part] for column in kept), *(arrays.doubles(column, mask) for column in scores)])
    return len(bad)
