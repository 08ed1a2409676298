"""Where the columns of a pipeline that is being packed come from, and what is known about them so far."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scoring.problem import Problem
from scoring.schema import BOOL, FLOAT64, INT64, STR


@dataclass(eq=False)
class Source:
    """An input column; the transforms that read it tell what it holds."""

    name: str
    type: str | None = None
    """What the transforms tell; None when they tell nothing."""
    categories: list[str] | None = None
    """Texts in the order of their codes; grows as transforms mention more of them."""
    low: float | None = None
    high: float | None = None

    def code(self, category: str) -> int:
        """Give the code of a text, a new one if it has none yet."""
        if self.categories is None:
            self.require(STR)
            self.categories = []
        if category not in self.categories:
            self.categories.append(category)
        return self.categories.index(category)

    @property
    def filler(self) -> Any:
        """A value that the column may have: its first category, or 0."""
        return self.categories[0] if self.categories else 0.0

    def require(self, type_: str) -> None:
        """Note that a transform reads this column as text (Str) or as numbers; raises Problem if both."""
        if self.type is None or (self.type == FLOAT64 and type_ != STR):
            self.type = type_
        elif (self.type == STR) != (type_ == STR):
            raise unsupported(
                f"The column {self.name!r} is read as text by one transform and as numbers by another",
                "Give each column one kind of value.",
            )

    def ignore(self) -> None:
        """Note that nothing reads this column, so that its cells may hold anything."""
        self.type, self.categories = STR, []

    def span(self, low: float, high: float) -> None:
        """Note a range of usual values, unless one is known."""
        if self.low is None and np.isfinite(low) and np.isfinite(high):
            self.low, self.high = float(low), float(high)


@dataclass(frozen=True)
class Column:
    """A column of the graph; with `source` it still holds that input's own cells."""

    number: int
    name: str
    source: Source | None = None


def category_type(categories: Sequence[Any], where: str) -> str:
    """Tell the type of fitted categories, missing values aside; raises Problem for mixed or other kinds."""
    kinds = {_kind(category) for category in categories if not is_missing(category)}
    for kind in (STR, BOOL, INT64, FLOAT64):
        if kinds <= {kind} or (kind == FLOAT64 and kinds <= {INT64, FLOAT64}):
            return kind
    raise unsupported(
        f"{where} has categories of different kinds or kinds that an artifact does not carry",
        "Use texts, or numbers, for all categories of a column.",
    )


def category_text(category: Any) -> str:
    """Write a category as a cell."""
    if isinstance(category, bool | np.bool_):
        return "true" if category else "false"
    return str(category) if isinstance(category, str) else repr(np.asarray(category).item())


def is_missing(value: Any) -> bool:
    """Tell whether a fitted value stands for "missing": None, NaN or pandas' NA."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def unsupported(detail: str, hint: str) -> Problem:
    """Make the problem of a model that an artifact cannot carry."""
    return Problem("model_not_supported", 400, f"{detail}.", hint)


def _kind(category: Any) -> str:
    if isinstance(category, str):
        return STR
    if isinstance(category, bool | np.bool_):
        return BOOL
    if isinstance(category, int | np.integer):
        return INT64
    return FLOAT64 if isinstance(category, float | np.floating) else type(category).__name__
