"""A small file in which a person overrules what the experiment inferred about columns."""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.problem import Problem
from scoring.schema import TYPES, did_you_mean

_KEYS = ("type", "missing", "drop")
EXAMPLE = {"fields": {"postcode": {"type": "Str"}, "load": {"missing": ["-", "n/a"]}, "note": {"drop": True}}}


@dataclass(frozen=True)
class Override:
    """What the file says about one column; None where it says nothing."""

    type: str | None = None
    missing: tuple[str, ...] | None = None
    drop: bool = False


def read_overrides(path: Path, columns: Sequence[str]) -> dict[str, Override]:
    """Read a JSON or TOML schema file: a table `fields` with `type`, `missing` and `drop` for each column.

    Raises Problem that lists every fault of the file at once.
    """
    try:
        text = path.read_text(encoding="utf-8")
        body = tomllib.loads(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except OSError as fault:
        raise Problem("schema_missing", 404, f"The schema file {str(path)!r} could not be read.") from fault
    except ValueError as fault:
        raise Problem(
            "schema_file_invalid", 400, f"{path.name!r} is no JSON or TOML: {fault}", example=EXAMPLE
        ) from fault
    fields = body.get("fields") if isinstance(body, Mapping) else None
    if not isinstance(fields, Mapping):
        raise Problem("schema_file_invalid", 400, f"{path.name!r} has no table 'fields'.", example=EXAMPLE)
    errors: list[dict[str, Any]] = []
    overrides = {name: _override(name, entry, columns, errors) for name, entry in fields.items()}
    if errors:
        raise Problem(
            "schema_file_invalid",
            400,
            " ".join(f"{error['detail']} {error['hint']}".strip() for error in errors),
            errors=errors,
            example=EXAMPLE,
        )
    return overrides


def _override(name: str, entry: Any, columns: Sequence[str], errors: list[dict[str, Any]]) -> Override:
    def fault(detail: str, hint: str = "") -> None:
        errors.append({"code": "schema_file_invalid", "field": name, "detail": detail, "hint": hint})

    if name not in columns:
        fault(f"The data has no column {name!r}.", did_you_mean(name, columns))
    if not isinstance(entry, Mapping):
        fault(f"The entry of {name!r} is not a table.", "Write type, missing or drop.")
        return Override()
    for key in entry:
        if key not in _KEYS:
            fault(
                f"{name!r} has the key {key!r}.", did_you_mean(str(key), _KEYS) or "Use type, missing, drop."
            )
    kind, missing, drop = entry.get("type"), entry.get("missing"), entry.get("drop", False)
    if kind is not None and kind not in TYPES:
        fault(
            f"{name!r} has the type {kind!r}.", did_you_mean(str(kind), TYPES) or f"Use {', '.join(TYPES)}."
        )
    if missing is not None and not (
        isinstance(missing, list) and all(isinstance(token, str) for token in missing)
    ):
        fault(f"{name!r}: missing is not a list of strings.", 'Write missing = ["-", "n/a"].')
        missing = None
    if not isinstance(drop, bool):
        fault(f"{name!r}: drop is not true or false.")
    return Override(kind, None if missing is None else tuple(missing), drop is True)
