"""Options: what the JSON contract says in members, said in the query by the other formats.

| Query | Member of a JSON request |
| --- | --- |
| `include=a,b` (or repeated) | `includeFieldsInOutput` |
| `idField=name` | `idField`; it is included without being named in `include` |
| `contributions=original` or `transformed` | `requestShapleyValueType` |
| `outOfDistribution=true` | `requestOutOfDistribution` |
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from scoring.fault import Faults
from scoring.spelling import nearest, quoted

SCORE: Final = ("include", "idField", "contributions", "outOfDistribution")
CONTRIBUTION: Final = ("contributions",)

_KINDS: Final = {"original": "ORIGINAL", "transformed": "TRANSFORMED"}
_MEMBERS: Final = {
    "include": "includeFieldsInOutput",
    "idField": "idField",
    "contributions": "requestShapleyValueType",
    "outOfDistribution": "requestOutOfDistribution",
}
_FLAGS: Final = {"true": True, "false": False}


def members(query: Mapping[str, Sequence[str]], contributions: bool, lenient: bool = False) -> dict[str, Any]:
    """Return the members of a JSON request that a query stands for, without fields and rows.

    Raises:
        Problem: `invalid_request` with all that is wrong: names that are not known (unless `lenient`), names
            given twice, values that are not allowed.
    """
    allowed = CONTRIBUTION if contributions else SCORE
    faults, found = Faults(), dict[str, Any]()
    for name, values in query.items():
        if name not in allowed:
            if not lenient:
                close = nearest(name, allowed)
                hint = f"Did you mean {close}?" if close else f"The options are {', '.join(allowed)}."
                faults.add("unknown_key", f"The query has {quoted(name)}, which is not known.", name, hint)
        elif name != "include" and len(values) > 1:
            faults.add("duplicate_key", f"The query has {name} twice.", name, "Send it once.")
    include = [field for value in query.get("include", ()) for field in value.split(",") if field]
    if not contributions:
        if identifier := _one(query, "idField"):
            found["idField"] = identifier
            include.append(identifier)
        if include:
            found["includeFieldsInOutput"] = include
        flag = _choice(query, "outOfDistribution", _FLAGS, faults)
        if flag is not None:
            found["requestOutOfDistribution"] = flag
    kind = _choice(query, "contributions", _KINDS, faults)
    if kind is not None:
        found["requestShapleyValueType"] = kind
    elif contributions and not faults:
        hint = f"Add ?contributions={' or '.join(_KINDS)} to the path."
        faults.add("missing_key", "The query lacks contributions.", "contributions", hint)
    if faults:
        raise faults.problem()
    return found


def none(query: Mapping[str, Sequence[str]], lenient: bool = False) -> None:
    """Refuse these options beside a JSON body, which has members for them; they would have no effect.

    Raises:
        Problem: `invalid_request`, unless `lenient`.
    """
    faults = Faults()
    for name in query if not lenient else ():
        if name in SCORE:
            detail = f"The query has {name}, but the body is JSON."
            faults.add("unknown_key", detail, name, f"Send {_MEMBERS[name]} in the body.")
    if faults:
        raise faults.problem()


def _one(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    values = query.get(name)
    return values[-1] if values else None


def _choice(query: Mapping[str, Sequence[str]], name: str, allowed: Mapping[str, Any], faults: Faults) -> Any:
    value = _one(query, name)
    if value is None:
        return None
    if value.lower() not in allowed:
        faults.add("unknown_value", f"The query has a value of {name} that is not allowed.", name,
                   f"Send {' or '.join(allowed)}.")  # fmt: skip
    return allowed.get(value.lower())
