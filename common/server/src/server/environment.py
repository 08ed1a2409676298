"""The environment: settings that a container or a service unit gives as variables.

Next to those of the contract (`scoring.settings.from_environment`) there is one for every number of
`server.settings`: `SCORER_CAPACITY_` and `SCORER_PATIENCE_` with the attribute's name in capitals, such as
`SCORER_CAPACITY_CONNECTIONS`, and `SCORER_WATCH_SECONDS`, `SCORER_DRAIN_SECONDS`, `SCORER_GRACE_SECONDS` and
`SCORER_HANG_SECONDS`. The variables of OpenTelemetry say whether there are spans (`server.spans`).
"""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final

from scoring.settings import from_environment as contract_from_environment

from server import spans
from server.settings import Capacity, Patience

_SECONDS: Final = ("watch_seconds", "drain_seconds", "grace_seconds", "hang_seconds")


def from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the attributes of `server.settings.Settings` that variables may set.

    Raises:
        ValueError: a variable has a value that it may not have; the message names both.
    """
    found: dict[str, Any] = {"contract": contract_from_environment(environ)}
    capacity = {
        field.name: int(_number(environ, f"SCORER_CAPACITY_{field.name.upper()}", field.default, whole=True))
        for field in fields(Capacity)
    }
    patience = {
        field.name: _number(environ, f"SCORER_PATIENCE_{field.name.upper()}", field.default)
        for field in fields(Patience)
    }
    found |= {"capacity": Capacity(**capacity), "patience": Patience(**patience)}
    for name in _SECONDS:
        if environ.get(f"SCORER_{name.upper()}", "").strip():
            found[name] = _number(environ, f"SCORER_{name.upper()}", 0.0)
    found["spans"] = spans.wanted(environ)
    return found


def _number(environ: Mapping[str, str], name: str, default: Any, whole: bool = False) -> float:
    text = environ.get(name, "").strip()
    if not text:
        return float(default)
    digits = text if whole else text.replace(".", "", 1)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 16):
        kind = "a whole number" if whole else "a number"
        raise ValueError(f"The environment variable {name} is {text!r}; it may be {kind} from 0 up.")
    return float(text)
