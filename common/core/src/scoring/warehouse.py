"""Warehouses: the calls that data warehouses make of a remote function, and the answers they want.

| Warehouse | Request | Answer |
| --- | --- | --- |
| BigQuery | `{"requestId", "calls": [[a, b], ...], "userDefinedContext": {...}}` | `{"replies": [...]}` |
| Snowflake | `{"data": [[0, a, b], ...]}` | `{"data": [[0, value], ...]}` |
| Redshift | `{"external_function", "arguments": [[a, b], ...]}` | text of what Aurora gets |
| Aurora, RDS | `{"arguments": [[a, b], ...]}` | `{"success", "num_records", "results"}` |

The arguments of a call are the inputs in schema order, or one object (or its JSON text) with the inputs by
name. A call that is null gets null. The value is a number if there is one output, else an object of all
outputs by name, which Redshift gets as JSON text. One output alone is named by the `output` of BigQuery's
user-defined context or of Aurora's request, or by what follows two underscores in the name of the function
(`score__faulty`): the name of the output, or its label, letters and digits counting only.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from scoring.fault import Faults, refusal
from scoring.problem import Problem
from scoring.scorer import Scorer
from scoring.settings import Settings
from scoring.sheet import Sheet

BIGQUERY: Final = "bigquery"
SNOWFLAKE: Final = "snowflake"
REDSHIFT: Final = "redshift"
AURORA: Final = "aurora"

SNOWFLAKE_FORMAT: Final = "sf-external-function-format"
"""A header that Snowflake sends with every call."""

_TEXT: Final = 1000
"""Characters of an error that BigQuery shows."""


def warehouse(document: Any) -> str | None:
    """Tell which warehouse made a request, by its shape; None if none did."""
    if not isinstance(document, dict) or "fields" in document:
        return None
    if isinstance(document.get("calls"), list):
        return BIGQUERY
    if isinstance(document.get("data"), list):
        return SNOWFLAKE
    if isinstance(document.get("arguments"), list):
        return REDSHIFT if "external_function" in document else AURORA
    return None


def replied(
    scorer: Scorer, document: Mapping[str, Any], settings: Settings, headers: Mapping[str, str] | None = None
) -> Any:
    """Return the answer to a warehouse's request, as JSON values. `headers` have names in lower case.

    Raises:
        Problem: a call cannot be answered, so none is; `refused` says it in the warehouse's words.
    """
    kind = warehouse(document)
    if kind == SNOWFLAKE:
        numbered = [call if isinstance(call, list) and call else [None] for call in document["data"]]
        name = (headers or {}).get("sf-external-function-name", "")
        values = _values(scorer, [call[1:] for call in numbered], settings, _suffix(name))
        return {"data": [[call[0], value] for call, value in zip(numbered, values, strict=True)]}
    if kind == BIGQUERY:
        context = document.get("userDefinedContext") or {}
        return {"replies": _values(scorer, document["calls"], settings, str(context.get("output", "")))}
    if kind is None:
        raise refusal("invalid_request", "This is not the request of a warehouse.")
    wanted = str(document.get("output", "")) or _suffix(str(document.get("external_function", "")))
    values = _values(scorer, document["arguments"], settings, wanted)
    if kind == REDSHIFT:
        values = [_text(value) if isinstance(value, dict) else value for value in values]
    answer = {"success": True, "num_records": len(values), "results": values}
    return _text(answer) if kind == REDSHIFT else answer


def refused(kind: str, problem: Problem) -> tuple[int, Any]:
    """Return the HTTP status and the answer that tell a warehouse of a problem.

    BigQuery and Snowflake try again on 429 and 5xx; a request that is wrong gets 400, so that they do not.
    """
    status = problem.status if problem.status == 429 or problem.status >= 500 else 400
    text = str(problem)
    if problem.errors:
        more = [str(error.get("detail", "")) for error in problem.errors[1:4]]
        text = " ".join([text, *more])
    if kind == BIGQUERY:
        return status, {"errorMessage": text[:_TEXT]}
    if kind == SNOWFLAKE:
        return status, problem.to_dict()
    answer = {"success": False, "error_msg": text[:_TEXT]}
    return status, _text(answer) if kind == REDSHIFT else answer


def _values(scorer: Scorer, calls: list[Any], settings: Settings, wanted: str) -> list[Any]:
    place = _place(scorer, wanted) if wanted else 0 if len(scorer.output_names) == 1 else None
    names = scorer.schema.names
    rows = [_row(call, names, number) for number, call in enumerate(calls)]
    asked = [row for row in rows if row is not None]
    if not asked:
        return [None] * len(calls)
    faults = Faults(settings.limits.errors)
    sheet = Sheet(scorer, settings, names, {}, faults, typed=True)
    most = settings.limits.rows
    scores = [row for start in range(0, len(asked), most) for row in sheet.rows(asked[start : start + most])]
    sheet.check()
    left = iter(scores)
    return [None if row is None else _value(scorer, next(left), place) for row in rows]


def _row(call: Any, names: tuple[str, ...], number: int) -> list[object] | None:
    """Return the cells of a call in schema order, None for a call without any."""
    if call is None:
        return None
    cells = call if isinstance(call, list) else [call]  # one argument may come without its list
    if len(cells) == 1:
        given = cells[0]
        if given is None and len(names) != 1:
            return None  # the one argument is the object of all inputs, and there is none
        if isinstance(given, str) and given.lstrip().startswith("{"):
            try:
                given = json.loads(given)
            except ValueError:
                detail = f"Row {number} is text that begins like an object, but is not JSON."
                raise refusal("invalid_request", detail, "Send the inputs by name as one object.") from None
        if isinstance(given, dict):
            absent = [name for name in names if name not in given]
            if absent:
                detail = f'Row {number} lacks the field "{absent[0]}".'
                raise refusal("invalid_request", detail, "A value that is not known can be null.")
            return [given[name] for name in names]
    if len(cells) != len(names):
        detail = f"Row {number} has {len(cells)} arguments, but there are {len(names)} inputs."
        hint = f"Declare the function with the inputs in this order: {', '.join(names)}."
        raise refusal("invalid_request", detail, hint)
    return cells


def _value(scorer: Scorer, scores: list[Any], place: int | None) -> Any:
    return dict(zip(scorer.output_names, scores, strict=True)) if place is None else scores[place]


def _place(scorer: Scorer, wanted: str) -> int:
    for names in (scorer.output_names, scorer.labels):
        plain = [_plain(name) for name in names]
        if _plain(wanted) in plain:
            return plain.index(_plain(wanted))
    hint = f"The outputs are {', '.join(scorer.output_names)}."
    raise refusal("invalid_request", "There is no output of the name that the function asks for.", hint)


def _suffix(name: str) -> str:
    """Return what follows two underscores in the name of a function, "" if nothing does."""
    return name.rpartition(".")[2].partition("__")[2]


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _text(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
