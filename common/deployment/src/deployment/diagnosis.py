"""What Terraform says when it fails, as a problem: its own words, without colours, boxes and secrets."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from scoring.problem import Problem

HIDDEN = "(sensitive value)"

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_BOX = re.compile(r"^[╷│╵]\s?", re.MULTILINE)
_LOCK = re.compile(r"^\s*(ID|Path|Operation|Who|Created):[ \t]*(\S.*)$", re.MULTILINE)
_SHORTEST = 6  # a shorter value guards nothing, and would blank out words of every text
_MOST = 2000  # characters of a text that no diagnostic explains


def plain(text: str) -> str:
    """Remove colours and the frames that Terraform draws around messages."""
    return _BOX.sub("", _COLOUR.sub("", text)).strip()


def masked(text: str, secrets: Iterable[str]) -> str:
    """Put a word in the place of every secret in a text."""
    for secret in sorted(secrets, key=len, reverse=True):
        for form in {secret, json.dumps(secret)[1:-1]}:
            text = text.replace(form, HIDDEN)
    return text


def secrets_of(document: Mapping[str, Any]) -> set[str]:
    """Collect the sensitive texts of a plan or state, as `terraform show -json` gives them."""
    declared = document.get("configuration", {}).get("root_module", {}).get("variables", {})
    given = document.get("variables") or {}
    hidden = [name for name, variable in declared.items() if variable.get("sensitive") and name in given]
    found: set[str] = set().union(*(_texts(given[name].get("value")) for name in hidden))
    for part in (document, document.get("prior_state") or {}):
        for values in (part.get("planned_values"), part.get("values")):
            if values:
                for output in dict(values.get("outputs") or {}).values():
                    if output.get("sensitive"):
                        found |= _texts(output.get("value"))
                found |= _of_module(values.get("root_module") or {})
    return found


def secrets_of_outputs(outputs: Mapping[str, Mapping[str, Any]]) -> set[str]:
    """Collect the texts of sensitive outputs, as `terraform output -json` gives them."""
    return set().union(*(_texts(output.get("value")) for output in outputs.values() if output["sensitive"]))


def events(text: str) -> list[dict[str, Any]]:
    """Read the lines of Terraform's machine-readable output; other lines are left out."""
    found = (event(line) for line in text.splitlines())
    return [each for each in found if each]


def event(line: str) -> dict[str, Any]:
    """Read one such line; {} when it is none."""
    if not line.startswith("{"):
        return {}
    try:
        body = json.loads(line)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def failed(words: str, out: str, err: str, secrets: Iterable[str]) -> Problem:
    """Say why `terraform WORDS` failed."""
    faults = [
        body["diagnostic"]
        for body in events(out)
        if body.get("type") == "diagnostic" and body["diagnostic"].get("severity") == "error"
    ]
    texts = [_diagnostic(fault) for fault in faults] or _plain_errors(err or out)
    texts = list(dict.fromkeys(masked(plain(text), secrets) for text in texts))
    whole = "\n".join(texts)
    if "Error acquiring the state lock" in whole:
        return _locked(whole)
    places = [_place(fault) for fault in faults] or [""] * len(texts)
    errors = [
        {"field": place or "terraform", "detail": text}
        for place, text in zip(places, texts, strict=False)
        if len(texts) > 1
    ]
    first = texts[0] if texts else "It gave no reason."
    more = f" And {len(texts) - 1} more." if len(texts) > 1 else ""
    return Problem(
        "terraform_failed",
        500,
        f"`terraform {words}` failed. {first}{more}",
        "Mend that and run the same command again; it goes on from what was made already.",
        errors,
    )


def _locked(text: str) -> Problem:
    held = dict(_LOCK.findall(text))
    who = held.get("Who", "somebody")
    doing = held.get("Operation", "").removeprefix("OperationType").lower() or "at work"
    since = f" since {held['Created']}" if held.get("Created") else ""
    unlock = f" `terraform force-unlock {held['ID']}` in the recipe's folder" if held.get("ID") else ""
    return Problem(
        "state_locked",
        409,
        f"The deployment's state is locked by {who} ({doing}){since}.",
        "Wait until that run has ended. If it died, and nobody else works on this deployment,"
        f"{unlock or ' remove the lock'} and run this command again.",
    )


def _diagnostic(fault: Mapping[str, Any]) -> str:
    where = _place(fault)
    detail = str(fault.get("detail") or "").strip()
    summary = str(fault.get("summary") or "").strip().rstrip(".")
    return f"{summary}{f' ({where})' if where else ''}: {detail}" if detail else f"{summary}."


def _place(fault: Mapping[str, Any]) -> str:
    """Name where it is: the resource, and the file and line of the recipe."""
    spot = fault.get("range") or {}
    line = f"{spot['filename']}:{spot['start']['line']}" if spot.get("filename") else ""
    return ", ".join(filter(None, (str(fault.get("address") or ""), line)))


def _plain_errors(text: str) -> list[str]:
    """Split the text that Terraform writes for people into its errors, or take the end of it."""
    parts = re.split(r"^Error: ", plain(text), flags=re.MULTILINE)
    errors = [" ".join(part.split())[:_MOST] for part in parts[1:]]
    # `init` opens with a paragraph that says no more than that there are errors.
    told = [error for error in errors if not error.startswith("Terraform encountered problems")] or errors
    tail = plain(text)[-_MOST:]
    return told or ([tail] if tail else [])


def _of_module(module: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for resource in module.get("resources") or ():
        found |= _marked(resource.get("values"), resource.get("sensitive_values"))
    for child in module.get("child_modules") or ():
        found |= _of_module(child)
    return found


def _marked(value: Any, marks: Any) -> set[str]:
    """Collect the texts of a value at the places that are marked as sensitive."""
    if marks is True:
        return _texts(value)
    if isinstance(marks, dict) and isinstance(value, dict):
        return set().union(*(_marked(value.get(name), mark) for name, mark in marks.items()))
    if isinstance(marks, list) and isinstance(value, list):
        return set().union(*(_marked(part, mark) for part, mark in zip(value, marks, strict=False)))
    return set()


def _texts(value: Any) -> set[str]:
    if isinstance(value, str):
        return {value} if len(value) >= _SHORTEST else set()
    parts: Sequence[Any] = ()
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list):
        parts = value
    return set().union(*(_texts(part) for part in parts))
