"""The artifact: a scoring pipeline frozen in one file that shows when it was tampered with."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from scoring.agreement import (
    BASELINE,
    FEATURES,
    FOREST,
    MANIFEST,
    MEMBERS,
    NO_SAMPLES,
    SAMPLES,
    check_baseline,
    check_forest,
    check_graph,
    check_samples,
    refused,
)
from scoring.archive import MAX_BYTES, read_archive, write_archive
from scoring.document import read_document, write_document
from scoring.draft import drafted
from scoring.forest import read_header, slim
from scoring.manifest import Manifest, output_fields, pipeline_id
from scoring.problem import Problem
from scoring.schema import Field, Schema


@dataclass(frozen=True, eq=False)
class Artifact:
    """A scoring pipeline with everything that travels with it. Immutable; made by `create` or `read`."""

    manifest: Manifest
    features: bytes
    """The transform graph, JSON."""
    forest: bytes
    """The forest, in LightGBM's text format."""
    baseline: Mapping[str, Any]
    """The training distribution, for drift and out-of-distribution flags; may be empty."""
    samples: Mapping[str, Any]
    """`rows` of cell texts in schema order; `raw` and `output`, a list a row, as the engine gives them."""
    path: Path | None = None
    """Where it was read from or written to last."""

    @classmethod
    def create(
        cls,
        *,
        name: str,
        task: str,
        target: str,
        labels: Sequence[str] = (),
        inputs: Sequence[Field],
        features: bytes,
        forest: str,
        baseline: Mapping[str, Any] | None = None,
        samples: Mapping[str, Any] | None = None,
        libraries: Mapping[str, str] | None = None,
        metrics: Mapping[str, Any] | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> "Artifact":
        """Put an artifact together; the forest's text is slimmed, the id and all digests are computed.

        Raises Problem when the parts do not fit each other.
        """
        parts = {
            FEATURES: features,
            FOREST: slim(forest).encode(),
            BASELINE: write_document(dict(baseline or {})),
            SAMPLES: write_document(dict(samples or NO_SAMPLES)),
        }
        manifest = Manifest(
            id=pipeline_id(parts[FEATURES], parts[FOREST]),
            name=name,
            task=task,
            target=target,
            labels=tuple(labels),
            schema=Schema(tuple(inputs), output_fields(task, target, labels)),
            members={member: hashlib.sha256(part).hexdigest() for member, part in parts.items()},
            libraries=dict(libraries or {}),
            metrics=dict(metrics or {}),
            data=dict(data or {}),
        )
        return _assemble({**parts, MANIFEST: manifest.to_bytes()}, None)

    @classmethod
    def read(cls, source: str | os.PathLike[str] | bytes) -> "Artifact":
        """Read an artifact from a file or from its bytes; raises Problem saying why it is refused."""
        path = None if isinstance(source, bytes) else Path(source)
        data = source if isinstance(source, bytes) else _read_file(Path(source))
        artifact = _assemble(read_archive(data), path)
        artifact.__dict__["data"] = data  # the bytes as found, so that the digest is that of the file
        return artifact

    @cached_property
    def data(self) -> bytes:
        """The artifact's file, byte for byte."""
        return write_archive(
            {
                MANIFEST: self.manifest.to_bytes(),
                FEATURES: self.features,
                FOREST: self.forest,
                BASELINE: write_document(dict(self.baseline)),
                SAMPLES: write_document(dict(self.samples)),
            }
        )

    @cached_property
    def digest(self) -> str:
        """The file's sha256 in hexadecimal."""
        return hashlib.sha256(self.data).hexdigest()

    def write(self, path: str | os.PathLike[str]) -> "Artifact":
        """Write the file, whole or not at all, and return the artifact with its new path."""
        target = Path(path)
        with drafted(target) as draft:
            draft.write_bytes(self.data)
        written = Artifact(self.manifest, self.features, self.forest, self.baseline, self.samples, target)
        written.__dict__["data"] = self.data
        return written

    def describe(self) -> dict[str, Any]:
        """Tell what the artifact is as plain data, for people and for `--json`."""
        header = read_header(self.forest.decode())
        manifest = self.manifest.to_dict()
        return {
            "path": None if self.path is None else str(self.path),
            "digest": self.digest,
            "bytes": len(self.data),
            **{key: manifest[key] for key in ("id", "format", "name", "task", "target", "labels")},
            **{key: manifest[key] for key in ("inputs", "outputs", "libraries", "metrics", "data")},
            "objective": header.objective_name,
            "trees": self.forest.count(b"\nTree="),
            "features": read_document(self.features, FEATURES)["names"],
            "samples": len(self.samples["rows"]),
            "baseline": sorted(self.baseline),
            "members": [
                {"name": name, "bytes": size, "sha256": self.manifest.members[name]}
                for name, size in ((FEATURES, len(self.features)), (FOREST, len(self.forest)))
            ],
        }


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise Problem(
            "artifact_missing",
            503,
            f"There is no artifact at {str(path)!r}.",
            "Check the path; `scoring experiment` and `scoring pack` make one.",
        ) from None
    except (OSError, ValueError) as fault:  # ValueError: a path with a null character
        raise Problem(
            "artifact_missing",
            503,
            f"The artifact at {str(path)!r} cannot be read: {getattr(fault, 'strerror', fault)}.",
            "Check that it is a file and that you may read it.",
        ) from None
    if len(data) > MAX_BYTES:
        raise refused(f"it is larger than {MAX_BYTES} bytes")
    return data


def _assemble(parts: Mapping[str, bytes], path: Path | None) -> Artifact:
    """Check that the parts are complete, untouched and fit each other."""
    if MANIFEST not in parts:
        raise refused(f"it has no member {MANIFEST!r}", "Is it an artifact? `scoring pack` makes one.")
    manifest = Manifest.from_bytes(parts[MANIFEST])  # first, for a newer format may have other members
    _check_members(parts, manifest)
    try:
        header = read_header(parts[FOREST].decode())
    except UnicodeDecodeError:
        raise refused(f"its member {FOREST!r} is not valid UTF-8") from None
    except Problem as problem:
        raise refused(f"its member {FOREST!r} is not usable: {problem.detail}") from None
    graph = read_document(parts[FEATURES], FEATURES)
    baseline = read_document(parts[BASELINE], BASELINE)
    samples = read_document(parts[SAMPLES], SAMPLES)
    check_graph(graph, manifest, header)
    check_forest(manifest, header)
    check_baseline(baseline, manifest)
    check_samples(samples, len(manifest.schema), header.outputs)
    return Artifact(manifest, parts[FEATURES], parts[FOREST], baseline, samples, path)


def _check_members(parts: Mapping[str, bytes], manifest: Manifest) -> None:
    for name in MEMBERS:
        if name not in parts:
            raise refused(f"it has no member {name!r}")
        if name not in manifest.members:
            raise refused(f"its manifest has no digest of {name!r}")
    for name in sorted({*parts, *manifest.members} - {MANIFEST, *MEMBERS}):
        raise refused(f"it has an unexpected member {name!r}")
    for name in MEMBERS:
        if hashlib.sha256(parts[name]).hexdigest() != manifest.members[name]:
            raise Problem(
                "artifact_tampered",
                503,
                f"The artifact is refused: its member {name!r} is not what was packed (its digest differs).",
                "Do not trust it; fetch the artifact again or pack the model again.",
            )
    if manifest.id != pipeline_id(parts[FEATURES], parts[FOREST]):
        raise Problem(
            "artifact_tampered",
            503,
            "The artifact is refused: the id in its manifest is not that of its features and forest.",
            "Do not trust it; fetch the artifact again or pack the model again.",
        )
