"""A data set as it was read: columns of text or of plain types, and where they came from."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from scoring.problem import Problem

from experiment.result import Caution

_DELIMITED = {".csv", ".tsv", ".tab", ".txt"}
_ENDINGS = ".csv, .tsv, .parquet or .ndjson (.jsonl)"


@dataclass(frozen=True)
class Table:
    """Rows and columns before anything is known about their meaning.

    The columns of `frame` are String (always, when the file was text), Float64, Int64, Boolean or Datetime in
    UTC with microseconds; a missing cell is null or one of the missing tokens.
    """

    frame: pl.DataFrame
    name: str
    """What the data set is called."""
    source: str
    """The data set in words, with its licence line where it has one."""
    digest: str
    """sha256 of the bytes that were read, or of what stands for them (a simulator's version and seed)."""
    simulated: bool = False
    attribution: str = ""
    targets: tuple[str, ...] = ()
    """Columns that are answers: whichever is not the target is no input either."""
    cautions: tuple[Caution, ...] = field(default=())


def read_table(path: Path) -> Table:
    """Read a CSV, TSV, Parquet or NDJSON file.

    Text formats are read as text, so that training sees the same cells as scoring will. Raises Problem when
    the file is missing, empty, of another kind or damaged.
    """
    if not path.is_file():
        raise Problem(
            "data_missing", 404, f"There is no file {str(path)!r}.", "Check the path of the data set."
        )
    ending = path.suffix.lower()
    try:
        if ending in _DELIMITED:
            frame = _read_delimited(path)
        elif ending in {".parquet", ".pq"}:
            frame = pl.read_parquet(path)
        elif ending in {".ndjson", ".jsonl"}:
            frame = pl.read_ndjson(path, infer_schema_length=None)
        else:
            raise Problem(
                "data_format", 400, f"{path.name!r} does not say its format.", f"Name the file {_ENDINGS}."
            )
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as fault:
        first = (str(fault).splitlines() or [type(fault).__name__])[0]
        raise Problem(
            "data_unreadable", 400, f"{path.name!r} could not be read: {first}", f"Expected {_ENDINGS}."
        ) from fault
    frame, cautions = plain(frame)
    if frame.height == 0 or frame.width == 0:
        raise Problem(
            "data_empty", 400, f"{path.name!r} has no rows.", "Give a table with a header and rows."
        )
    return Table(frame, path.stem, path.name, file_digest(path), cautions=cautions)


def plain(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[Caution, ...]]:
    """Cast every column to one of the types that a Table has; leave out nested ones and say so."""
    columns: list[pl.Series] = []
    cautions: list[Caution] = []
    seen: set[str] = set()
    for column in frame:
        name = column.name.strip()
        if not name or name in seen:
            raise Problem(
                "data_header",
                400,
                f"The header has {'a column without a name' if not name else f'two columns {name!r}'}.",
                "Give every column its own name in the first line.",
            )
        seen.add(name)
        kind = column.dtype
        if kind in (pl.Float64, pl.Int64, pl.Boolean, pl.String):
            columns.append(column.alias(name))
        elif kind == pl.Null:
            columns.append(column.cast(pl.String).alias(name))
        elif kind.is_integer() and kind not in (pl.UInt64, pl.Int128):
            columns.append(column.cast(pl.Int64).alias(name))
        elif kind.is_numeric():
            columns.append(column.cast(pl.Float64).alias(name))
        elif kind == pl.Date or kind == pl.Datetime:
            zoned = column.cast(pl.Datetime("us", getattr(kind, "time_zone", None)))
            if getattr(kind, "time_zone", None) is None:
                zoned = zoned.dt.replace_time_zone("UTC")
            columns.append(zoned.dt.convert_time_zone("UTC").alias(name))
        elif kind in (pl.Categorical, pl.Enum):
            columns.append(column.cast(pl.String).alias(name))
        else:
            cautions.append(Caution("nested", f"Column {name!r} holds {kind} values and was left out."))
    return pl.DataFrame(columns), tuple(cautions)


def file_digest(path: Path) -> str:
    """Return the sha256 of a file's bytes as hexadecimal text."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_delimited(path: Path) -> pl.DataFrame:
    with path.open("r", encoding="utf-8-sig", newline="") as stream:
        header = stream.readline()
    tabs = path.suffix.lower() in {".tsv", ".tab"}
    separator = "\t" if tabs else max(",;\t|", key=header.count)
    names = [cell.strip().strip('"') for cell in header.rstrip("\r\n").split(separator)]
    repeated = next((name for name in names if name and names.count(name) > 1), None)
    if repeated is not None:
        raise Problem(
            "data_header", 400, f"The header has two columns {repeated!r}.", "Give every column its own name."
        )
    return pl.read_csv(path, separator=separator, infer_schema=False, encoding="utf8")
