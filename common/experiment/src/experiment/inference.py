"""What the columns of a table are: names, types, categories and missing tokens, inferred from training rows.

Only training rows are looked at, so that nothing about the test rows can reach the schema. Cells are read by
the scoring core itself (scoring.cell), so the same text gives the same number here and when it is scored.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scoring.problem import Problem
from scoring.reader import reader
from scoring.schema import BOOL, FLOAT64, INT64, MISSING_TOKENS, STR, TIME64, Field

from experiment.cells import cell_texts, encode
from experiment.result import Caution, Column, Floats
from experiment.schema_file import Override

MOST_CATEGORIES = 500
"""Categories beyond this many, the rarest, are treated as unseen ones."""
_JUNK_SHARE, _JUNK_TOKENS = 0.05, 3
_ID_SHARE, _ID_ROWS = 0.9, 30
TARGET = "it is the target"
"""The reason that goes without saying."""
_INTEGER = re.compile(r"[+-]?\d{1,15}")
_PADDED = re.compile(r"[+-]?0\d+")


@dataclass(frozen=True)
class Inputs:
    """The input columns of an experiment: how to read them and how they looked in training."""

    fields: tuple[Field, ...]
    columns: tuple[Column, ...]
    cautions: tuple[Caution, ...]


def infer_inputs(
    frame: pl.DataFrame, leave_out: Mapping[str, str], overrides: Mapping[str, Override]
) -> Inputs:
    """Infer the fields of every column of the training rows that is not left out.

    `leave_out` has a reason for each column that is no input. Raises Problem when nothing is left.
    """
    fields: list[Field] = []
    columns: list[Column] = []
    cautions = [Caution("dropped", f"No input: {told}.")] if (told := _told(leave_out)) else []
    for series in frame:
        if series.name in leave_out:
            continue
        override = overrides.get(series.name, Override())
        if override.drop:
            cautions.append(Caution("dropped", f"Column {series.name!r}: dropped by the schema file."))
            continue
        field, found = _infer(series, override)
        cautions += found
        if field is not None:
            values = encode(series, field)[0]
            fields.append(field)
            columns.append(_describe(field, values))
    if not fields:
        raise Problem(
            "no_inputs",
            400,
            "No input column is left. " + " ".join(caution.detail for caution in cautions[:5]),
            "Give at least one column that varies, or keep a column with a schema file.",
        )
    return Inputs(tuple(fields), tuple(columns), tuple(cautions))


def _told(leave_out: Mapping[str, str]) -> str:
    """Write which columns are left out and why, the columns of one reason together."""
    reasons: dict[str, list[str]] = {}
    for name, why in leave_out.items():
        reasons.setdefault(why, []).append(name)
    return "; ".join(f"{', '.join(names)} ({why})" for why, names in reasons.items() if why != TARGET)


def _infer(series: pl.Series, override: Override) -> tuple[Field | None, list[Caution]]:
    name = series.name
    missing = MISSING_TOKENS if override.missing is None else tuple(dict.fromkeys(("", *override.missing)))
    cautions: list[Caution] = []
    kind = override.type
    if kind is None:
        kind, junk = _kind(series, missing)
        if junk:
            missing = (*missing, *junk)
            cautions.append(
                Caution("missing_token", f"Column {name!r}: {', '.join(map(repr, junk))} is read as missing.")
            )
    tokens = frozenset(missing)
    texts = [text.strip() for text in cell_texts(series)]
    present = [text for text in texts if text not in tokens]
    counts = pl.Series("value", present, dtype=pl.String).value_counts(sort=False)
    distinct = counts.height
    if override.type is None:
        why = _useless(kind, present, distinct, len(texts))
        if why:
            code = "id_like" if "row" in why else "constant"
            return None, [*cautions, Caution(code, f"Column {name!r} was dropped: {why}.")]
    example = present[0] if present else ""
    if kind != STR:
        field = Field(name, kind, missing, None, example)
        values, unreadable = encode(series, field)
        if unreadable:
            raise Problem(
                "schema_conflict",
                400,
                f"Column {name!r} is to be {kind}, but {unreadable} of its cells cannot be read as such.",
                "List those cells as missing tokens in the schema file, or choose another type.",
            )
        finite = values[np.isfinite(values)]
        low, high = (float(finite.min()), float(finite.max())) if len(finite) else (None, None)
        return Field(name, kind, missing, None, example, low, high), cautions
    categories = _categories(counts, len(texts))
    if not categories:
        return None, [
            *cautions,
            Caution("id_like", f"Column {name!r} was dropped: hardly a value occurs twice."),
        ]
    if len(categories) < distinct:
        cautions.append(
            Caution(
                "rare_categories",
                f"Column {name!r}: {distinct - len(categories)} of {distinct} categories are rare: unseen.",
            )
        )
    example = example if example in categories else categories[0]
    return Field(name, STR, missing, tuple(categories), example), cautions


def _kind(series: pl.Series, missing: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the type of a column, and texts among numbers or times that can only mean missing."""
    plain = {pl.Boolean: BOOL, pl.Int64: INT64, pl.Float64: FLOAT64}.get(series.dtype.base_type())
    if plain is not None:
        return plain, ()
    if series.dtype == pl.Datetime:
        return TIME64, ()
    stripped = series.drop_nulls().str.strip_chars().alias("value")
    counts = stripped.filter(~stripped.is_in(list(missing))).value_counts(sort=False)
    texts: list[str] = counts["value"].to_list()
    if not texts:
        return FLOAT64, ()
    if all(text.lower() in {"true", "false", "t", "f", "yes", "no"} for text in texts):
        return BOOL, ()
    if any(_PADDED.fullmatch(text) for text in texts):
        return STR, ()  # a number does not start with a zero: a code does
    if all(_INTEGER.fullmatch(text) for text in texts):
        return INT64, ()
    rows = dict(zip(texts, counts["count"].to_list(), strict=True))
    for kind in (FLOAT64, TIME64):
        junk = _unreadable(texts, Field("column", kind, tuple(missing)))
        if not junk:
            return kind, ()
        if len(junk) <= _JUNK_TOKENS and sum(rows[text] for text in junk) <= _JUNK_SHARE * sum(rows.values()):
            return kind, tuple(sorted(junk))
    return STR, ()


def _unreadable(texts: Sequence[str], field: Field) -> list[str]:
    """Return up to a few texts that the field cannot read."""
    reading = reader(field)
    found: list[str] = []
    for text in texts:
        try:
            reading.cell(text)
        except ValueError:
            found.append(text)
            if len(found) > _JUNK_TOKENS:
                break
    return found


def _useless(kind: str, present: Sequence[str], distinct: int, rows: int) -> str:
    """Say why a column cannot help, or nothing."""
    if not present:
        return "it is empty"
    if distinct == 1 and len(present) == rows:
        return "it has one value only"
    if len(present) < _ID_ROWS:
        return ""
    if kind == STR and distinct > _ID_SHARE * len(present):
        return "nearly every row has its own text"
    if kind == INT64 and distinct == len(present) == rows:
        numbers = np.sort(np.array([float(text) for text in present]))
        # Training rows are a sample of the table, so a row counter shows gaps, but few distinct ones.
        steps = np.diff(numbers)
        if np.all(np.diff([float(text) for text in present]) > 0) and steps.max() <= 64 and steps.mean() < 4:
            return "it counts the rows"
    return ""


def _categories(counts: pl.DataFrame, rows: int) -> list[str]:
    """Return the categories that occur often enough to learn from, in alphabetical order.

    Rare ones are left to the value that unseen categories get, which is thus learnt from rare ones.
    """
    least = 1 if rows < 100 else 2 if rows < 2000 else 3
    frequent = counts.filter(pl.col("count") >= least).sort(["count", "value"], descending=[True, False])
    kept: list[str] = frequent["value"].head(MOST_CATEGORIES).to_list()
    return sorted(kept)


def _describe(field: Field, values: Floats) -> Column:
    missing = float(np.isnan(values).mean())
    known = values[~np.isnan(values)]
    codes, counts = np.unique(known, return_counts=True)
    if field.categories is None:
        low, high = (f"{known.min():.6g}", f"{known.max():.6g}") if len(known) else ("", "")
        summary = (
            f"{low} to {high}" if field.type != TIME64 else f"{_day(known.min())} to {_day(known.max())}"
        )
        return Column(field.name, field.type, missing, len(codes), summary)
    order = np.argsort(-counts, kind="stable")[:4]
    names = ["(rare)" if codes[i] < 0 else field.categories[int(codes[i])] for i in order]
    return Column(
        field.name, field.type, missing, len(codes), ", ".join(names) + (", ..." if len(codes) > 4 else "")
    )


def _day(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s").astype("datetime64[D]"))
