"""JSON documents inside an artifact: written the same every time, read strictly."""

import json
from typing import Any, NoReturn

from scoring.problem import Problem


def write_document(body: Any, *, indent: int | None = None) -> bytes:
    """Write JSON as UTF-8 with sorted keys; numbers round-trip exactly and NaN is a ValueError."""
    separators = (",", ":") if indent is None else (",", ": ")
    text = json.dumps(
        body, sort_keys=True, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators
    )
    return (text + "\n").encode()


def read_document(data: bytes, name: str) -> Any:
    """Read JSON; raises Problem on invalid UTF-8, bad syntax, NaN, infinities, and keys that occur twice."""

    def constant(word: str) -> NoReturn:
        raise ValueError(f"{word} is not a JSON number")

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        body = dict(pairs)
        if len(body) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise ValueError(f"the key {twice!r} occurs twice")
        return body

    try:
        return json.loads(data.decode("utf-8"), parse_constant=constant, object_pairs_hook=unique)
    except UnicodeDecodeError as fault:
        what = f"is not valid UTF-8 at byte {fault.start}"
    except json.JSONDecodeError as fault:
        what = f"is not valid JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}"
    except RecursionError:
        what = "is nested too deeply"
    except ValueError as fault:
        what = f"is not acceptable: {fault}"
    raise Problem(
        "artifact_invalid",
        503,
        f"The artifact is refused: its member {name!r} {what}.",
        "Pack it again with `scoring pack`.",
    )
