"""A job: what to score, and where scores go."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Final

from scoring import Problem
from scoring.schema import did_you_mean

APPEND, OVERWRITE, UPSERT = "append", "overwrite", "upsert"
MODES: Final = (APPEND, OVERWRITE, UPSERT)
CHUNK_ROWS: Final = 50_000
CELLS: Final = 2_000_000
"""Cells that a chunk has at most, whatever the number of columns: 16 MB of doubles."""

_PART: Final = re.compile(r'"((?:[^"]|"")+)"|([^."]+)')


@dataclass(frozen=True)
class Name:
    """The name of a table, its schema first if it has one, exactly as the database has it."""

    parts: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Name":
        """Read `table` or `schema.table`; a part with a dot in it stands in quotation marks."""
        parts, place = [], 0
        while found := _PART.match(text, place):
            parts.append(found[2] if found[1] is None else found[1].replace('""', '"'))
            place = found.end()
            if place == len(text):
                break
            if text[place] != ".":
                break
            place += 1
        if place != len(text) or not 1 <= len(parts) <= 3 or "\0" in text or text.endswith("."):
            hint = 'Write table, schema.table, or "a.b"."c d" for unusual names.'
            raise Problem("invalid_name", 422, f"{text!r} is no name of a table.", hint)
        return cls(tuple(parts))

    def beside(self, table: str) -> "Name":
        """Name another table of the same schema."""
        return Name((*self.parts[:-1], table))

    def __str__(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True)
class Job:
    """What to score and where scores go."""

    query: str
    """One SELECT, whose columns are found by name."""
    keys: tuple[str, ...]
    """Columns that name a row: unique together and never NULL."""
    table: Name
    mode: str = APPEND
    chunk_rows: int = CHUNK_ROWS
    include: tuple[str, ...] = ()
    """Columns that go through beside the key."""
    contributions: str | None = None
    """None, "original" or "transformed"."""

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            hint = did_you_mean(self.mode, MODES) or f"Say {', '.join(MODES)}."
            raise Problem("unknown_value", 422, f"There is no mode {self.mode!r}.", hint)
        if not self.keys:
            raise Problem("no_key", 422, "The job has no key.", "Name the column that tells rows apart.")
        if self.chunk_rows < 1:
            raise Problem("unknown_value", 422, "A chunk has at least one row.", "Leave --chunk-rows out.")

    def id(self, digest: str, source: str) -> str:
        """Name the job: the same artifact, source, query and table give the same name."""
        what = [self.query, self.keys, self.table.parts, self.mode, self.include, self.contributions]
        text = json.dumps([digest, source, *what])
        return hashlib.sha256(text.encode()).hexdigest()[:16]
