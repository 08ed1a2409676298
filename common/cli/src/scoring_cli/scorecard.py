"""Metrics as a table for a person: validation with its spread over folds, test with its interval."""

from collections.abc import Mapping
from typing import Any

from scoring_cli.console import columns

SIMULATED = "SIMULATED: a simulator made the data up; the metrics say nothing about real data."

_PARTS = ("validation", "test")


def scorecard(metrics: Mapping[str, Any]) -> str:
    """Lay out metrics as `experiment.report.metrics` gives them, and single numbers besides; "" for none."""
    parts = {part: metrics[part] for part in _PARTS if isinstance(metrics.get(part), Mapping)}
    blocks = []
    if parts:
        counts = ", ".join(f"{part['rows']:,} {name} rows" for name, part in parts.items() if "rows" in part)
        blocks.append(f"Metrics ({counts})" if counts else "Metrics")
        blocks.append(columns(_table(metrics, parts)))
    plain = [
        (str(name).replace("_", " "), _number(value))
        for name, value in metrics.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    if plain:
        blocks += [columns(plain)] if parts else ["Metrics", columns(plain)]
    return "\n".join(blocks)


def _table(metrics: Mapping[str, Any], parts: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, ...]]:
    level = dict(metrics.get("interval", {})).get("level", 0.95)
    names = dict.fromkeys(
        name for part in parts.values() for name, entry in part.items() if isinstance(entry, Mapping)
    )
    rows: list[tuple[str, ...]] = [
        ("metric", "validation (mean ± sd over folds)", f"test [{level:.0%} interval]")
    ]
    rows += [(name, *(_entry(parts.get(part, {}).get(name), part) for part in _PARTS)) for name in names]
    return rows


def _entry(entry: Any, part: str) -> str:
    if not isinstance(entry, Mapping) or entry.get("value") is None:
        return "-"
    if part == "validation" and entry.get("fold_mean") is not None:
        spread = entry.get("fold_sd")
        return _number(entry["fold_mean"]) + (f" ± {_number(spread)}" if spread is not None else "")
    if entry.get("low") is None or entry.get("high") is None:
        return _number(entry["value"])
    return f"{_number(entry['value'])} [{_number(entry['low'])}, {_number(entry['high'])}]"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
