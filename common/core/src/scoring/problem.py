"""The one error of this project: a fault as data, with what is wrong and what to do about it."""

from collections.abc import Mapping, Sequence
from typing import Any


class Problem(Exception):  # noqa: N818 -- the word of this project, see its documentation
    """A fault that a person or a client can act on.

    `code` is a stable identifier, `status` the HTTP status it maps to, `detail` says what is wrong and
    `hint` what to do next. `errors` lists every single fault when there are several, each a mapping with
    those of the keys `code`, `field`, `row`, `detail` and `hint` that apply. `example` is a request or a
    value that would be accepted.
    """

    def __init__(
        self,
        code: str,
        status: int,
        detail: str,
        hint: str = "",
        errors: Sequence[Mapping[str, Any]] = (),
        example: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.status = status
        self.detail = detail
        self.hint = hint
        self.errors: list[dict[str, Any]] = [dict(error) for error in errors]
        self.example: dict[str, Any] | None = None if example is None else dict(example)

    def __str__(self) -> str:
        return f"{self.detail} {self.hint}".strip()

    def __repr__(self) -> str:
        return f"Problem({self.code!r}, {self.status}, {self.detail!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            type(self),
            (self.code, self.status, self.detail, self.hint, self.errors, self.example),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give the problem as plain data; members that are empty are left out, except `code` and `detail`."""
        body: dict[str, Any] = {"code": self.code, "detail": self.detail}
        if self.hint:
            body["hint"] = self.hint
        if self.errors:
            body["errors"] = [_without_blanks(error) for error in self.errors]
        if self.example is not None:
            body["example"] = self.example
        return body


def _without_blanks(error: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in error.items() if value is not None and value != ""}
