"""What a recipe declares: its variables with their types, and where its state is."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.problem import Problem
from scoring.spelling import nearest

OWN = ("kept_pipeline_paths", "name", "pipeline_path")
"""Variables that the driver sets by itself."""

_VARIABLE = re.compile(r'^[ \t]*variable[ \t]+"([^"]*)"[ \t]*\{', re.MULTILINE)
_BACKEND = re.compile(r'\bbackend[ \t]+"([^"]*)"[ \t]*\{|\bcloud[ \t]*\{')
_CREDENTIAL = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|token|credentials?|(api|access|private|secret|account)_key)$"
)
_HEREDOC = re.compile(r"<<-?(\w+)[^\n]*\n.*?^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE)
_NESTS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}


@dataclass(frozen=True)
class Variable:
    """A variable of a recipe."""

    name: str
    type: str
    """Its type expression, such as string or list(string); any if it has none."""
    sensitive: bool
    needed: bool
    """Whether it has no default."""


@dataclass(frozen=True)
class Recipe:
    """The variables of a recipe and the kind of its backend."""

    variables: Mapping[str, Variable]
    backend: str | None

    @classmethod
    def read(cls, folder: Path) -> "Recipe":
        """Read the `*.tf` files of a recipe; raises Problem when there are none."""
        files = sorted(folder.glob("*.tf"))
        if not files:
            raise Problem(
                "recipe_missing", 400, f"{str(folder)!r} holds no recipe.", "A recipe is *.tf files."
            )
        variables: dict[str, Variable] = {}
        backend = None
        for path in files:
            text = path.read_text(encoding="utf-8")
            bare = _without_texts(text)
            variables |= {each.name: each for each in _variables(text, bare)}
            for found in _BACKEND.finditer(bare):
                backend = text[found.start(1) : found.end(1)] if found.group(1) is not None else "cloud"
        return cls(variables, backend)

    def values(self, settings: Sequence[str]) -> dict[str, Any]:
        """Read settings `name=value` as the variables' types ask; raises Problem listing every fault."""
        values: dict[str, Any] = {}
        faults = []
        for setting in settings:
            name, equals, text = setting.partition("=")
            name = name.strip()
            try:
                if not equals:
                    raise Problem("setting_invalid", 400, f"{setting!r} is no setting.", "Write name=value.")
                values[name] = self._value(name, text)
            except Problem as fault:
                faults.append({"field": name, "detail": fault.detail, "hint": fault.hint})
        if len(faults) == 1:
            raise Problem("setting_invalid", 400, faults[0]["detail"], faults[0]["hint"])
        if faults:
            raise Problem("setting_invalid", 400, f"{len(faults)} settings are wrong.", "", faults)
        return values

    def _value(self, name: str, text: str) -> Any:
        self.check_name(name)
        variable = self.variables[name]
        if variable.sensitive or _CREDENTIAL.search(name):
            raise Problem(
                "setting_secret",
                400,
                f"{name} is a secret, and command lines can be read by others.",
                "Write it to a file that only you can read, and name that with --var-file.",
            )
        return _typed(variable, text)

    def check_name(self, name: str) -> None:
        """Raise Problem with the nearest name unless the user may set a variable of this name."""
        if name in OWN:
            raise Problem(
                "setting_invalid", 400, f"{name} is set by the command itself.", "See --name and --pipeline."
            )
        if name not in self.variables:
            mine = sorted(set(self.variables) - set(OWN))
            close = nearest(name, mine)
            raise Problem(
                "setting_unknown",
                400,
                f"The recipe has no variable {name!r}.",
                f"Did you mean {close!r}?" if close else f"It has {', '.join(mine)}.",
            )


def _typed(variable: Variable, text: str) -> Any:
    kind = re.split(r"[ (]", variable.type, maxsplit=1)[0]
    if kind == "string":
        return text
    try:
        value = json.loads(text)
    except ValueError:
        if kind == "any":
            return text
        value = None if text.strip() == "null" else ...
    shapes: dict[str, type | tuple[type, ...]] = {
        "number": (int, float), "bool": bool, "list": list, "set": list, "tuple": list,
        "map": dict, "object": dict,
    }  # fmt: skip
    right = (
        value is None or kind == "any" or (value is not ... and isinstance(value, shapes.get(kind, object)))
    )
    if not right or (kind == "number" and isinstance(value, bool)):
        examples = {"number": "3", "bool": "true", "map": '{"team": "pumps"}', "object": '{"team": "pumps"}'}
        example = examples.get(kind, '["one", "two"]')
        raise Problem(
            "setting_invalid",
            400,
            f"{variable.name} is a {variable.type}; {text!r} is none.",
            f"Write it as in --var '{variable.name}={example}'.",
        )
    return value


def _variables(text: str, bare: str) -> Iterator[Variable]:
    for found in _VARIABLE.finditer(bare):
        body = slice(found.end(), _close(bare, found.end()))
        attributes = dict(_attributes(text[body], bare[body]))
        yield Variable(
            text[found.start(1) : found.end(1)],
            re.sub(r"\s+", " ", attributes.get("type", "any")),
            attributes.get("sensitive") == "true",
            "default" not in attributes,
        )


def _attributes(text: str, bare: str) -> Iterator[tuple[str, str]]:
    """Give the attributes of a block with their expressions, not those of blocks within it."""
    place = 0
    pattern = re.compile(r"[ \t]*(\w+)[ \t]*(=(?!=)|\{)")
    while place < len(bare):
        found = pattern.match(bare, place)
        if found and found.group(2) == "=":
            end = _line_end(bare, found.end())
            yield found.group(1), text[found.end() : end].strip()
            place = end + 1
        elif found:
            place = _close(bare, found.end()) + 1
        else:
            newline = bare.find("\n", place)
            place = len(bare) if newline < 0 else newline + 1


def _close(bare: str, place: int) -> int:
    """Find the bracket that closes the one before `place`."""
    depth = 1
    for position in range(place, len(bare)):
        depth += _NESTS.get(bare[position], 0)
        if depth == 0:
            return position
    return len(bare)


def _line_end(bare: str, place: int) -> int:
    """Find the end of an expression: of its line, or of the last one if brackets are open."""
    depth = 0
    for position in range(place, len(bare)):
        depth += _NESTS.get(bare[position], 0)
        if depth == 0 and bare[position] == "\n":
            return position
    return len(bare)


def _without_texts(text: str) -> str:
    """Blank out comments and what is inside quotes, so that every character left is code at its old place."""
    text = _HEREDOC.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)
    made, place = list(text), 0
    while place < len(text):
        end = _text_end(text, place)
        if end > place:
            quoted = text[place] == '"'
            for position in range(place + quoted, end - quoted):
                if made[position] != "\n":
                    made[position] = " "
        place = max(end, place + 1)
    return "".join(made)


def _text_end(text: str, place: int) -> int:
    """Give the end of the comment or quoted text that begins at `place`; `place` itself if none does."""
    if text[place] == "#" or text.startswith("//", place):
        end = text.find("\n", place)
        return len(text) if end < 0 else end
    if text.startswith("/*", place):
        end = text.find("*/", place)
        return len(text) if end < 0 else end + 2
    if text[place] != '"':
        return place
    depth, position = 0, place + 1  # in "${lookup(x, "y")}" the inner quotes do not end the text
    while position < len(text):
        character = text[position]
        if character == "\\":
            position += 1
        elif text.startswith(("${", "%{"), position):
            depth += 1
            position += 1
        elif depth and character == '"':
            position = _text_end(text, position) - 1
        elif depth and character == "}":
            depth -= 1
        elif character == '"':
            return position + 1
        position += 1
    return len(text)
