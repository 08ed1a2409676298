"""The card of an artifact: what `scoring inspect` shows, as data and for a person."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from scoring_cli.console import columns
from scoring_cli.scorecard import SIMULATED, scorecard

if TYPE_CHECKING:
    from scoring import Artifact, Field

_SHOWN = 6  # categories of a field


def describe(artifact: "Artifact") -> dict[str, Any]:
    """Return what the artifact is as plain data, with its number of leaves and shares of missing cells."""
    body = artifact.describe()
    return {
        **body,
        "leaves": _leaves(artifact.forest),
        "missing": {
            name: known["missing"]
            for name, known in dict(artifact.baseline.get("fields", {})).items()
            if "missing" in known
        },
    }


def card(artifact: "Artifact") -> str:
    """Return the same for a person."""
    body = describe(artifact)
    labels = f", labels {', '.join(body['labels'])}" if body["labels"] else ""
    parts = [
        f"{body['name']}: {body['task']}, target {body['target']}{labels}",
        columns(
            [
                ("id", str(body["id"])),
                ("sha256", str(body["digest"])),
                ("size", f"{body['bytes']:,} bytes"),
                ("forest", _forest(body)),
                ("data", _data(body["data"])),
                (
                    "made with",
                    ", ".join(f"{k} {v}" for k, v in sorted(body["libraries"].items())) or "not known",
                ),
            ]
        ),
        f"Inputs ({len(artifact.manifest.schema.inputs)})",
        columns(_inputs(artifact.manifest.schema.inputs, body["missing"])),
        f"Outputs ({len(body['outputs'])})",
        columns([(output["name"], output["type"]) for output in body["outputs"]]),
        scorecard(body["metrics"]) or "Metrics: none are recorded.",
        *_notes(body["data"]),
    ]
    return "\n".join(parts)


def _leaves(forest: bytes) -> int:
    """Count the leaves of all trees of a forest in LightGBM's text format."""
    lines = (line for line in forest.splitlines() if line.startswith(b"num_leaves="))
    return sum(int(line.partition(b"=")[2]) for line in lines)


def _forest(body: Mapping[str, Any]) -> str:
    counts = f"{body['trees']:,} trees, {body['leaves']:,} leaves, {len(body['features']):,} features"
    return f"{counts} ({body['objective']})"


def _libraries(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items())) or "not known"


def _data(data: Mapping[str, Any]) -> str:
    if not data:
        return "not known"
    rows = data.get("rows")
    words = [str(data.get("source") or data.get("name") or "unnamed")]
    words += [f"{rows:,} rows"] if isinstance(rows, int) else []
    words += [f"sha256 {data['sha256']}"] if data.get("sha256") else []
    return ", ".join(words)


def _notes(data: Mapping[str, Any]) -> list[str]:
    notes = [f"Attribution: {data['attribution']}"] if data.get("attribution") else []
    if data.get("simulated"):
        notes.append(SIMULATED)
    return notes


def _inputs(fields: "Sequence[Field]", missing: Mapping[str, float]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("name", "type", "range or categories", "missing", "example")]
    for field in fields:
        share = f"{missing[field.name]:.1%}" if field.name in missing else "-"
        rows.append((field.name, field.type, _range(field), share, field.example))
    return rows


def _range(field: "Field") -> str:
    if field.categories is not None:
        rest = len(field.categories) - _SHOWN
        return ", ".join(field.categories[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    if field.minimum is None or field.maximum is None:
        return "-"
    return f"{field.minimum:g} to {field.maximum:g}"
