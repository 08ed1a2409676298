"""What can be wrong with a request: one catalogue of codes, and the collection of all faults of a request."""

from dataclasses import dataclass
from typing import Any, Final

from scoring.problem import Problem

PROBLEMS: Final[dict[str, tuple[int, str]]] = {
    "malformed_json": (400, "The body is empty, is not UTF-8 or is not JSON."),
    "malformed_body": (400, "The body is not what its Content-Type or Content-Encoding says."),
    "unauthorized": (401, "The API key is absent or wrong."),
    "not_found": (404, "There is no such route."),
    "method_not_allowed": (405, "The route exists, but not for this HTTP method."),
    "not_acceptable": (406, "No media type that the Accept header allows can be given."),
    "body_too_large": (413, "The body has more bytes than the deployment allows."),
    "too_many_rows": (413, "The request has more rows than the deployment allows."),
    "too_many_fields": (413, "The request has more fields than the deployment allows."),
    "unsupported_media_type": (415, "The Content-Type or the Content-Encoding cannot be read here."),
    "invalid_request": (422, "The body is JSON but breaks the contract; `errors` lists every fault."),
    "too_many_requests": (429, "The deployment is busy or the caller has used up a quota; try again later."),
    "internal_error": (500, "The scorer failed; this is a defect, not a fault of the request."),
    "unsupported": (501, "The request asks for something that this scorer cannot do; `errors` says what."),
    "not_ready": (503, "The scorer is not loaded yet, or is shutting down."),
}
"""Code of a problem -> (HTTP status, meaning)."""

FAULTS: Final[dict[str, str]] = {
    "duplicate_field": "`fields` names a field twice.",
    "duplicate_key": "The object has a key twice.",
    "empty": "`fields` or `rows` is an empty list.",
    "missing_field": "`fields` lacks an input of the scorer.",
    "missing_key": "The object lacks a key that is required.",
    "not_a_boolean": "A cell of a Bool field is not true or false.",
    "not_a_cell": "A cell is an array or an object.",
    "not_a_number": "A cell of a numeric field is not a number.",
    "not_a_time": "A cell of a Time64 field is not an ISO 8601 date or date-time.",
    "number_out_of_range": "A number is too large for a double.",
    "row_length": "A row has more or fewer cells than there are fields.",
    "unknown_key": "The object has a key that the contract does not know.",
    "unknown_output_field": "`includeFieldsInOutput` names a field that the request does not have.",
    "unknown_value": "A key has a value that is not one of those allowed.",
    "unsupported_contributions": "The scorer, or the deployment's settings, cannot give these contributions.",
    "unsupported_media": "Scoring of files is not supported.",
    "unsupported_out_of_distribution": "The artifact has no measure of its training rows.",
    "unsupported_prediction_intervals": "The scorer has no prediction intervals.",
    "wrong_type": "A key, a row or the body itself has the wrong JSON type.",
}
"""Code of an entry of `errors` -> meaning."""

NAMED: Final = 20
"""Faults of a request that a problem lists; the rest is counted."""

COUNTED: Final = 1000
"""Faults of one column, or of a request, after which only those are looked for that a problem lists."""


LONGEST: Final = 200
"""Characters of a field's name that a problem repeats; a caller's names may be of any length."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a request. Texts never repeat a cell's value, only what kind of value it is."""

    code: str
    detail: str
    field: str | None = None
    row: int | None = None
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of a problem's `errors`; members that say nothing are left out."""
        entry: dict[str, Any] = {"code": self.code}
        if self.field is not None:
            entry["field"] = self.field[:LONGEST]
        if self.row is not None:
            entry["row"] = self.row
        entry["detail"] = self.detail
        if self.hint:
            entry["hint"] = self.hint
        return entry


class Faults:
    """All faults of one request, in the order: the whole request first, then row by row.

    `named` is how many faults a problem lists. Only about `COUNTED` are looked for, since each costs time, so
    the count of the rest may be a lower bound; the problem then says "more than".
    """

    def __init__(self, named: int = NAMED) -> None:
        self.named = named
        self._general: list[Fault] = []
        self._cells: list[tuple[int, int, Fault]] = []
        self._unlisted = 0
        self._cut = False

    def __bool__(self) -> bool:
        return bool(self._general or self._cells)

    def __len__(self) -> int:
        return len(self._general) + len(self._cells) + self._unlisted

    def add(self, code: str, detail: str, field: str | None = None, hint: str = "") -> None:
        """Note a fault of the request as a whole."""
        if len(self._general) < self.named:
            self._general.append(Fault(code, detail, field, None, hint))
        else:
            self._unlisted += 1

    def add_at(self, row: int, position: int, fault: Fault) -> None:
        """Note a fault of the row `row` (0-based); `position` orders the faults within a row."""
        self._cells.append((row, position, fault))

    def more(self, count: int, cut: bool = False) -> None:
        """Note faults that need not be listed; `cut` if looking for them stopped early."""
        self._unlisted += max(0, count)
        self._cut |= cut

    def problem(self, example: dict[str, Any] | None = None) -> Problem:
        """Return the problem that lists these faults: 501 if all are wishes not supported, else 422."""
        self._cells.sort(key=lambda entry: entry[:2])
        listed = [*self._general, *(fault for _, _, fault in self._cells)][: self.named]
        first, count = listed[0], len(self)
        unsupported = all(fault.code.startswith("unsupported") for fault in listed) and count == len(listed)
        code = "unsupported" if unsupported else "invalid_request"
        detail, hint = first.detail, first.hint
        if count > 1:
            amount = f"more than {count - 1}" if self._cut else str(count)
            shown = "" if count == len(listed) and not self._cut else f" ({len(listed)} are listed)"
            detail = f"The request has {amount} faults{shown}; the first: {first.detail}"
        return refusal(code, detail, hint, [fault.to_dict() for fault in listed], example)


def refusal(
    code: str,
    detail: str = "",
    hint: str = "",
    errors: list[dict[str, Any]] | None = None,
    example: dict[str, Any] | None = None,
) -> Problem:
    """Return the problem with a code of the catalogue `PROBLEMS`, its status and, unless given, its detail.

    Raises:
        KeyError: the code is not in the catalogue.
    """
    status, meaning = PROBLEMS[code]
    return Problem(code, status, detail or meaning, hint, errors or [], example)
