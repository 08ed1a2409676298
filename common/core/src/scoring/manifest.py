"""The manifest of an artifact: what the pipeline is, reads and writes, and the digests of its parts."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scoring.document import read_document, write_document
from scoring.problem import Problem
from scoring.schema import FLOAT64, Field, Schema, did_you_mean

FORMAT = 1
REGRESSION, BINOMIAL, MULTINOMIAL = "regression", "binomial", "multinomial"
TASKS = (REGRESSION, BINOMIAL, MULTINOMIAL)

_KEYS = [
    "data",
    "format",
    "id",
    "inputs",
    "labels",
    "libraries",
    "members",
    "metrics",
    "name",
    "outputs",
    "target",
    "task",
]


@dataclass(frozen=True)
class Manifest:
    """What `manifest.json` says, already checked."""

    id: str
    """UUID that depends on the features and the forest alone: the same pipeline has the same id."""
    name: str
    task: str
    """regression, binomial or multinomial."""
    target: str
    labels: tuple[str, ...]
    """Classes in the order of the outputs; empty for regression."""
    schema: Schema
    members: Mapping[str, str]
    """sha256 in hexadecimal of every other member of the artifact."""
    libraries: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give the manifest as plain data, as the file has it."""
        return {
            "format": FORMAT,
            "id": self.id,
            "name": self.name,
            "task": self.task,
            "target": self.target,
            "labels": list(self.labels),
            **self.schema.to_dict(),
            "libraries": dict(self.libraries),
            "members": dict(self.members),
            "metrics": dict(self.metrics),
            "data": dict(self.data),
        }

    def to_bytes(self) -> bytes:
        """Write the manifest as JSON that a person can read."""
        return write_document(self.to_dict(), indent=1)

    @classmethod
    def from_bytes(cls, data: bytes) -> "Manifest":
        """Read and check a manifest; raises Problem that names every key that is wrong."""
        body = read_document(data, "manifest.json")
        if not isinstance(body, dict):
            raise _refused([("manifest.json", "is not a JSON object")])
        _check_format(body.get("format"))
        known = ("format", *_SHAPES)
        faults: list[tuple[str, str]] = [
            (key, f"is not a key of a manifest. {did_you_mean(key, known)}".removesuffix(". "))
            for key in body
            if key not in known
        ]
        for key, wrong in _SHAPES.items():
            if key not in body:
                faults.append((key, "is missing"))
            elif wrong(body[key]):
                faults.append((key, wrong(body[key])))
        if faults:
            raise _refused(faults)
        try:
            schema = Schema.from_dict(body, "manifest.json")
        except Problem as problem:
            raise _refused([("inputs", f"cannot be used: {problem.detail}")]) from None
        faults = _disagreements(body, schema)
        if faults:
            raise _refused(faults)
        return cls(
            id=body["id"],
            name=body["name"],
            task=body["task"],
            target=body["target"],
            labels=tuple(body["labels"]),
            schema=schema,
            members=body["members"],
            libraries=body["libraries"],
            metrics=body["metrics"],
            data=body["data"],
        )


def output_fields(task: str, target: str, labels: Sequence[str]) -> tuple[Field, ...]:
    """List the output columns: the target itself for regression, else `target.label` for each class."""
    names = [target] if task == REGRESSION else [f"{target}.{label}" for label in labels]
    return tuple(Field(name, FLOAT64) for name in names)


def pipeline_id(features: bytes, forest: bytes) -> str:
    """Derive the id of a scoring pipeline: a version 5 UUID (RFC 9562) of the sha256 of its two parts."""
    from uuid import NAMESPACE_OID, uuid5

    digest = hashlib.sha256(features)
    digest.update(forest)
    return str(uuid5(NAMESPACE_OID, digest.hexdigest()))


def _check_format(found: Any) -> None:
    if found == FORMAT and not isinstance(found, bool):
        return
    if isinstance(found, int) and not isinstance(found, bool) and found > FORMAT:
        raise Problem(
            "artifact_too_new",
            503,
            f"The artifact is refused: it was made by a newer version (its format is {found},"
            f" this version reads {FORMAT}).",
            "Upgrade scoring-core.",
        )
    if isinstance(found, int) and not isinstance(found, bool):
        raise Problem(
            "artifact_too_old",
            503,
            f"The artifact is refused: its format {found} is no longer supported"
            f" (this version reads {FORMAT}).",
            "Pack the model again with this version.",
        )
    raise _refused([("format", "is missing" if found is None else "is not a whole number")])


def _refused(faults: Sequence[tuple[str, str]]) -> Problem:
    said = "; ".join(f"{key!r} {what}" for key, what in faults)
    return Problem(
        "artifact_invalid",
        503,
        f"The artifact is refused: in its manifest {said}.",
        "Pack it again with `scoring pack`.",
        [{"code": "artifact_invalid", "field": key, "detail": what} for key, what in faults],
    )


def _not_text(value: Any) -> str:
    return "" if isinstance(value, str) and value else "is not a string, or empty"


def _not_texts(value: Any) -> str:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return "is not a list of strings"
    return "" if len(set(value)) == len(value) else "lists a string twice"


def _not_text_map(value: Any) -> str:
    good = isinstance(value, dict) and all(isinstance(item, str) for item in value.values())
    return "" if good else "is not an object of strings"


def _not_list(value: Any) -> str:
    return "" if isinstance(value, list) and value else "is not a list, or empty"


def _not_object(value: Any) -> str:
    return "" if isinstance(value, dict) else "is not an object"


def _not_task(value: Any) -> str:
    return "" if value in TASKS else f"is not one of {', '.join(TASKS)}"


_SHAPES: dict[str, Callable[[Any], str]] = {
    "id": _not_text,
    "name": _not_text,
    "task": _not_task,
    "target": _not_text,
    "labels": _not_texts,
    "inputs": _not_list,
    "outputs": _not_list,
    "libraries": _not_text_map,
    "members": _not_text_map,
    "metrics": _not_object,
    "data": _not_object,
}


def _disagreements(body: Mapping[str, Any], schema: Schema) -> list[tuple[str, str]]:
    faults = []
    count = len(body["labels"])
    fitting = {REGRESSION: count == 0, BINOMIAL: count == 2, MULTINOMIAL: count >= 2}
    if not fitting[body["task"]]:
        faults.append(("labels", f"has {count} labels, which does not fit the task {body['task']}"))
    expected = output_fields(body["task"], body["target"], body["labels"])
    if [(item.name, item.type) for item in schema.outputs] != [(item.name, item.type) for item in expected]:
        faults.append(("outputs", "does not follow from the task, target and labels"))
    return faults
