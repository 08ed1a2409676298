"""Agreement of an artifact's members: each has the right shape, and they fit each other."""

from collections.abc import Mapping
from typing import Any

from scoring.distance import Distance
from scoring.forest import Header
from scoring.manifest import BINOMIAL, MULTINOMIAL, Manifest
from scoring.problem import Problem
from scoring.schema import listed

MANIFEST = "manifest.json"
FEATURES, FOREST = "features.json", "forest-0.txt"
BASELINE, SAMPLES = "baseline.json", "samples.json"
MEMBERS = (BASELINE, FEATURES, FOREST, SAMPLES)
"""What an artifact holds besides its manifest."""

PROBABILITY_OBJECTIVES = {
    BINOMIAL: frozenset({"binary", "cross_entropy"}),
    MULTINOMIAL: frozenset({"multiclass", "multiclassova"}),
}
"""Objectives, as LightGBM writes them, whose outputs are class probabilities."""

NO_SAMPLES: Mapping[str, Any] = {"rows": [], "raw": [], "output": []}


def refused(what: str, hint: str = "Pack it again with `scoring pack`.") -> Problem:
    """Make the problem of an artifact that must not be used."""
    return Problem("artifact_invalid", 503, f"The artifact is refused: {what}.", hint)


def check_graph(graph: Any, manifest: Manifest, header: Header) -> None:
    """Check that the graph reads the inputs of the manifest and feeds the forest. Raises Problem."""
    shape = isinstance(graph, dict) and all(
        isinstance(graph.get(key), list) for key in ("inputs", "names", "outputs")
    )
    if not shape:
        raise refused(f"its member {FEATURES!r} is no transform graph")
    if graph["inputs"] != list(manifest.schema.names):
        raise refused(
            f"the inputs of its manifest ({listed(manifest.schema.names)}) are not those of {FEATURES!r}"
            f" ({listed([str(name) for name in graph['inputs']])})"
        )
    if len(graph["outputs"]) != header.features:
        raise refused(
            f"{FEATURES!r} gives {len(graph['outputs'])} features, the forest wants {header.features}"
        )


def check_forest(manifest: Manifest, header: Header) -> None:
    """Check that the forest gives what the task and its labels ask for. Raises Problem."""
    expected = len(manifest.labels) if manifest.task == MULTINOMIAL else 1
    if header.outputs != expected:
        raise refused(
            f"the forest has {header.outputs} outputs, which does not fit the task {manifest.task}"
            f" with {len(manifest.labels)} labels"
        )
    fitting = PROBABILITY_OBJECTIVES.get(manifest.task)
    if fitting is not None and header.objective_name not in fitting:
        raise refused(
            f"the forest's objective {header.objective_name!r} gives no probabilities,"
            f" which does not fit the task {manifest.task}",
            "Pack it as a regression.",
        )


def check_baseline(baseline: Any, manifest: Manifest) -> None:
    """Check that the baseline describes inputs, and nothing else. Raises Problem."""
    if not isinstance(baseline, dict) or not isinstance(baseline.get("fields", {}), dict):
        raise refused(f"its member {BASELINE!r} is not an object with an object 'fields'")
    for name in baseline.get("fields", {}):
        if name not in manifest.schema.positions:
            raise refused(f"its member {BASELINE!r} describes {name!r}, which is not an input")
    try:
        Distance.of(baseline, manifest.schema.names)
    except ValueError as fault:
        raise refused(f"its member {BASELINE!r} is not usable: {fault}") from None


def check_samples(samples: Any, inputs: int, outputs: int) -> None:
    """Check the shape of samples.json. Raises Problem."""
    fault = refused(f"its member {SAMPLES!r} is not of the form rows, raw, output with a list for each row")
    if not isinstance(samples, dict) or set(samples) != set(NO_SAMPLES):
        raise fault
    for key, width, kind in (("rows", inputs, str), ("raw", outputs, float), ("output", outputs, float)):
        lines = samples[key]
        if not isinstance(lines, list) or len(lines) != len(samples["rows"]):
            raise fault
        for line in lines:
            if not isinstance(line, list) or len(line) != width:
                raise fault
            if not all(isinstance(item, kind) for item in line):
                raise fault
