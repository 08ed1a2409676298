"""Bodies: the bytes of a request -> a JSON object whose members can be asked for with their types checked."""

import json
from collections import Counter
from typing import Any, Final

from scoring.cell import kind
from scoring.fault import Faults, refusal
from scoring.problem import Problem


class Body(dict[str, Any]):
    """A JSON object. A member that is null counts as absent. `twice` has the keys that stood repeatedly."""

    __slots__ = ("twice",)
    twice: tuple[str, ...]

    @classmethod
    def of(cls, pairs: list[tuple[str, Any]]) -> "Body":
        """Make the object of its members; the last of equal keys wins."""
        self = cls(pairs)
        self.twice = ()
        if len(self) != len(pairs):
            self.twice = tuple(
                name for name, count in Counter(name for name, _ in pairs).items() if count > 1
            )
        return self

    def list_of(self, name: str, faults: Faults, required: bool = True) -> list[Any] | None:
        """Return a member that is an array, not empty if it is required; None after noting what is wrong."""
        value = self.get(name)
        if type(value) is list:
            if value or not required:
                return value
            faults.add("empty", f"The list {name} is empty.", name, f"Send at least one of the {name}.")
        elif value is not None:
            faults.add("wrong_type", f"The key {name} is {kind(value)}, but an array is wanted.", name)
        elif required:
            faults.add("missing_key", f"The key {name} is missing.", name, f"Send {name} as an array.")
        return None

    def flag(self, name: str, faults: Faults) -> bool:
        """Return a member that is true or false, false if it is absent."""
        value = self.get(name)
        if value is not None and not isinstance(value, bool):
            faults.add("wrong_type", f"The key {name} is {kind(value)}, but true or false is wanted.", name)
        return value is True

    def text(self, name: str, faults: Faults) -> str | None:
        """Return a member that is text, None if it is absent."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        faults.add("wrong_type", f"The key {name} is {kind(value)}, but text is wanted.", name)
        return None


_DECODER: Final = json.JSONDecoder(object_pairs_hook=Body.of)


def decode(body: bytes) -> object:
    """Return the JSON document in a body, objects as `Body`; raises Problem `malformed_json`.

    The text must be UTF-8; a byte order mark is skipped. Bare NaN, Infinity and -Infinity are read as such.
    """
    try:
        text = body.decode("utf-8-sig" if body.startswith(b"\xef\xbb\xbf") else "utf-8")
    except UnicodeDecodeError as error:
        detail = f"The body is not UTF-8: byte {error.start} is wrong."
        raise refusal("malformed_json", detail, "Encode the JSON as UTF-8.") from None
    if not text or text.isspace():
        raise refusal("malformed_json", "The body is empty.", "Send a JSON object.")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        # The decoder's own words differ between Python versions; the place does not.
        detail = f"The body is not JSON: reading stopped at line {error.lineno}, column {error.colno}."
        hint = "Look there for a quote, a comma or a bracket that is missing or too many."
        raise refusal("malformed_json", detail, hint) from None
    except RecursionError:
        detail, hint = "The body is nested too deep.", "Send fields and rows as flat arrays."
        raise refusal("malformed_json", detail, hint) from None
    except ValueError:  # Python reads integers of at most 4300 digits
        detail, hint = "The body has an integer of too many digits.", "Send numbers that a double can hold."
        raise refusal("malformed_json", detail, hint) from None


def too_large(most: int) -> Problem:
    """Return the refusal of a body with more than `most` bytes."""
    detail = f"The body has more than {most} bytes."
    return refusal("body_too_large", detail, "Send the rows in several requests.")


def require_json(content_type: str | None) -> None:
    """Accept a Content-Type that is JSON, or none; raises Problem `unsupported_media_type` for others."""
    essence = (content_type or "application/json").partition(";")[0].strip().lower()
    if essence == "application/json" or (essence.startswith("application/") and essence.endswith("+json")):
        return
    hint = 'With curl, add -H "Content-Type: application/json".'
    raise refusal("unsupported_media_type", "The Content-Type is not application/json.", hint)
