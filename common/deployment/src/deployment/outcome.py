"""What a person is told at the end of a command, and what to type next."""

import shlex
from collections.abc import Sequence
from typing import Any

from deployment.record import Record


def deployed(record: Record, command: str = "scoring") -> list[str]:
    """Say where a deployment answers, where its key is, how to score, and what comes next."""
    name = shlex.quote(record.name)
    show = f"{command} deployments {name} --show-key"
    lines = [f"url      {record.url}"] if record.url else []
    if record.digest:
        lines.append(f"digest   {record.digest}")
    score = record.outputs.get("score_command")
    if score and "API_KEY" in str(score):
        lines.append(f'key      export API_KEY="$({show})"')
    if score:
        lines.append(f"score    {score}")
    return [*lines, *_next(name, command)]


def _next(name: str, command: str) -> Sequence[str]:
    words = (("test", "smoke"), ("logs", "logs"), ("undo", "rollback"), ("remove", "destroy"))
    return [f"{what:<8} {command} {word} {name}" for what, word in words]


def table(deployments: Sequence[dict[str, Any]]) -> list[str]:
    """Lay out deployments as a table, one line each."""
    rows = [("NAME", "STATE", "AGE", "DIGEST", "TEMPLATE", "URL")]
    for each in deployments:
        state = f"{each['state']} (interrupted)" if each.get("interrupted") else str(each["state"])
        digest = str(each.get("digest") or "-")[:12]
        texts = (each.get("age"), digest, each.get("template"), each.get("url"))
        rows.append((each["name"], state, *(str(text or "-") for text in texts)))
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def card(each: dict[str, Any]) -> list[str]:
    """Lay out one deployment."""
    shown = ("name", "state", "error", "template", "folder", "url", "digest", "release", "created", "changed")
    lines = [f"{name:<9}{each[name]}" for name in (*shown, "backend") if each.get(name)]
    lines += [f"{'set':<9}{name}={value}" for name, value in each["variables"].items()]
    for past in reversed(each["history"]):
        named = f"release {past['release']}, " if past["release"] else ""
        lines.append(f"{'history':<9}{past['at']}  {named}{past['digest'][:12]}")
    if each.get("score_command"):
        lines.append(f"{'score':<9}{each['score_command']}")
    return lines
