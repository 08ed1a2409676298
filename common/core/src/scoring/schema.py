"""The schema of a scoring pipeline: names, types, categories and missing tokens of its inputs and outputs."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from scoring.problem import Problem
from scoring.spelling import nearest

BOOL, INT32, INT64 = "Bool", "Int32", "Int64"
FLOAT32, FLOAT64 = "Float32", "Float64"
STR, TIME64 = "Str", "Time64"
TYPES = (BOOL, INT32, INT64, FLOAT32, FLOAT64, STR, TIME64)

MISSING_TOKENS = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "?")

UNSEEN = -1.0
"""What a category that the field does not know becomes."""

_KEYS = {"name", "type", "missing", "categories", "example", "min", "max"}
_TRUTH = {"true": 1.0, "t": 1.0, "yes": 1.0, "false": 0.0, "f": 0.0, "no": 0.0}


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """Word a hint that names the closest known name; empty when none is close."""
    close = nearest(name, names)
    return "" if close is None else f"Did you mean {close!r}?"


def number(text: str) -> float | None:
    """Read a decimal number or a truth word; None when the text is neither.

    Python's float grammar without underscores; true/t/yes and false/f/no in any case are 1 and 0.
    """
    try:
        return None if "_" in text else float(text)
    except ValueError:
        return _TRUTH.get(text.lower())


@dataclass(frozen=True)
class Field:
    """One column: its name, its type and how its cells are read.

    A field with `categories` reaches the engine as the category's position in that list, others as a number.
    """

    name: str
    type: str = FLOAT64
    missing: tuple[str, ...] = MISSING_TOKENS
    """Cell texts that mean "no value"."""
    categories: tuple[str, ...] | None = None
    """Known categories in the order of their codes; always there for Str, possible for numbers and Bool."""
    example: str = ""
    """A cell as a client would write it."""
    minimum: float | None = None
    maximum: float | None = None

    def __post_init__(self) -> None:
        for fault in _field_faults(self):
            raise Problem("schema_invalid", 400, *fault)

    @cached_property
    def codes(self) -> dict[str, int]:
        """Codes by category text; empty for a field without categories."""
        return {category: code for code, category in enumerate(self.categories or ())}

    @cached_property
    def codes_by_number(self) -> dict[float, int]:
        """Codes by the category's number, for fields with categories that are no Str; else empty."""
        if self.type == STR or self.categories is None:
            return {}
        return {_as_number(category): code for code, category in enumerate(self.categories)}

    def code(self, text: str) -> float:
        """Encode a cell that is not missing: the category's code as float, or `UNSEEN`.

        Str compares text exactly; other types compare numbers, so that "1" and "1.0" are the same category.
        """
        found = self.codes.get(text)
        if found is None and self.type != STR:
            value = number(text)
            found = None if value is None else self.codes_by_number.get(value)
        return UNSEEN if found is None else float(found)

    def to_dict(self) -> dict[str, Any]:
        """Give the field as the manifest has it."""
        body: dict[str, Any] = {"name": self.name, "type": self.type, "missing": list(self.missing)}
        if self.categories is not None:
            body["categories"] = list(self.categories)
        body["example"] = self.example
        body["min"] = self.minimum
        body["max"] = self.maximum
        return body

    @classmethod
    def from_dict(cls, body: Any, where: str = "field") -> "Field":
        """Read a field from the manifest's shape; raises Problem naming the key that is wrong."""
        if not isinstance(body, Mapping):
            raise _shape(where, "is not an object")
        for key in body:
            if key not in _KEYS:
                raise _shape(f"{where}.{key}", "is not a key of a field", did_you_mean(str(key), _KEYS))
        minimum = _optional_number(body.get("min"), f"{where}.min")
        maximum = _optional_number(body.get("max"), f"{where}.max")
        categories = body.get("categories")
        missing = body.get("missing")
        return cls(
            name=_text(body.get("name"), f"{where}.name"),
            type=_text(body.get("type"), f"{where}.type"),
            missing=MISSING_TOKENS if missing is None else _texts(missing, f"{where}.missing"),
            categories=None if categories is None else _texts(categories, f"{where}.categories"),
            example=_text(body.get("example", ""), f"{where}.example"),
            minimum=minimum,
            maximum=maximum,
        )


@dataclass(frozen=True)
class Schema:
    """The inputs of a scoring pipeline in the order of its columns, and its outputs."""

    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...] = field(default=())

    def __post_init__(self) -> None:
        for kind, fields in (("input", self.inputs), ("output", self.outputs)):
            seen: set[str] = set()
            for item in fields:
                if item.name in seen:
                    raise Problem(
                        "schema_invalid",
                        400,
                        f"The schema has two {kind} fields named {item.name!r}.",
                        "Give every field its own name.",
                    )
                seen.add(item.name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the inputs in order."""
        return tuple(item.name for item in self.inputs)

    @cached_property
    def positions(self) -> dict[str, int]:
        """Position of each input by name."""
        return {name: position for position, name in enumerate(self.names)}

    def __len__(self) -> int:
        return len(self.inputs)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.inputs)

    def __getitem__(self, name: str) -> Field:
        """Find an input by name; raises Problem with the nearest name when there is none."""
        position = self.positions.get(name)
        if position is None:
            raise Problem(
                "unknown_field",
                400,
                f"There is no input field {name!r}.",
                did_you_mean(name, self.names) or f"The inputs are {listed(self.names)}.",
            )
        return self.inputs[position]

    def to_dict(self) -> dict[str, Any]:
        """Give the schema as plain data, as the manifest has it."""
        return {
            "inputs": [item.to_dict() for item in self.inputs],
            "outputs": [{"name": item.name, "type": item.type} for item in self.outputs],
        }

    @classmethod
    def from_dict(cls, body: Any, where: str = "schema") -> "Schema":
        """Read a schema from `{"inputs": [...], "outputs": [...]}`; raises Problem naming a wrong key."""
        if not isinstance(body, Mapping):
            raise _shape(where, "is not an object")
        inputs = _items(body.get("inputs"), f"{where}.inputs")
        outputs = _items(body.get("outputs", []), f"{where}.outputs")
        return cls(
            tuple(Field.from_dict(item, f"{where}.inputs[{i}]") for i, item in enumerate(inputs)),
            tuple(Field.from_dict(item, f"{where}.outputs[{i}]") for i, item in enumerate(outputs)),
        )


def listed(names: Sequence[str], most: int = 8) -> str:
    """Write names for a message, leaving out the tail of a long list."""
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _field_faults(item: Field) -> Iterator[tuple[str, str]]:
    name, bounds = item.name, [bound for bound in (item.minimum, item.maximum) if bound is not None]
    if not name or any(ord(letter) < 32 for letter in name):
        yield f"A field is named {name!r}.", "A name is not empty and has no control characters."
    if item.type not in TYPES:
        hint = did_you_mean(item.type, TYPES) or f"The types are {', '.join(TYPES)}."
        yield f"Field {name!r} has the type {item.type!r}, which does not exist.", hint
    if not all(map(math.isfinite, bounds)):
        yield (
            f"Field {name!r} has a bound that is not finite.",
            "Give finite numbers, or leave it out.",
        )
    if len(bounds) == 2 and bounds[0] > bounds[1]:
        yield f"Field {name!r} has a min above its max.", "Swap them, or leave them out."
    if item.categories is None:
        if item.type == STR:
            yield (
                f"Field {name!r} is a Str without categories.",
                "List the categories in the order of their codes.",
            )
        return
    if item.type == TIME64:
        yield f"Field {name!r} is a Time64 with categories.", "Make it a Str, or leave the categories out."
    if len(set(item.categories)) != len(item.categories):
        yield f"Field {name!r} lists a category twice.", "List each category once."
    if item.type != STR:
        values = [number(category) for category in item.categories]
        for category, value in zip(item.categories, values, strict=True):
            if value is None or math.isnan(value):
                yield (
                    f"Field {name!r} is {item.type}, but its category {category!r} is no number.",
                    "Make it a Str, or write the categories as numbers.",
                )
        if len(set(values)) != len(values):
            yield f"Field {name!r} lists two categories with the same number.", "List each number once."


def _as_number(category: str) -> float:
    value = number(category)
    assert value is not None, category
    return value


def _shape(where: str, what: str, hint: str = "") -> Problem:
    return Problem("schema_invalid", 400, f"{where} {what}.", hint)


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise _shape(where, "is missing" if value is None else "is not a string")
    return value


def _items(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise _shape(where, "is missing" if value is None else "is not a list")
    return list(value)


def _texts(value: Any, where: str) -> tuple[str, ...]:
    return tuple(_text(item, f"{where}[{i}]") for i, item in enumerate(_items(value, where)))


def _optional_number(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _shape(where, "is not a number")
    return float(value)
