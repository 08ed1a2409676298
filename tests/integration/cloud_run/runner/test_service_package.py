"""`make package`: the real Dockerfile, built by a real engine, pushed by digest to a registry."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from deployment.package import package
from deployment.template import Template

OFFICIAL_BASE_MB = 48.0
"""What the official base weighs, packed; a substitute stands for it here, so what is added is measured."""


def test_the_image_is_within_its_budget(packaged: Any, root: Path) -> None:
    budget = Template.read(packaged.folder).budget["image_mb"]
    added = packaged.image["bytes_without_base"] / 1e6
    print(f"\nthe image adds {added:.1f} MB to its base")

    assert OFFICIAL_BASE_MB + added < budget


def test_it_is_pushed_by_digest_and_whole(packaged: Any) -> None:
    place, _, digest = packaged.image["reference"].partition("@")
    manifest = json.loads(packaged.registry.manifests[digest])

    assert place == f"{packaged.registry.host}/scorers/gcp-cloud-run-scorer"
    assert f"sha256:{hashlib.sha256(packaged.registry.manifests[digest]).hexdigest()}" == digest
    parts = [manifest["config"], *manifest["layers"]]
    assert [part["digest"] for part in parts if part["digest"] not in packaged.registry.blobs] == []


def test_the_image_is_run_by_nobody_and_lists_its_libraries(packaged: Any, container_engine: Any) -> None:
    tag = packaged.image["tag"]
    known = container_engine.image(tag)["Config"]
    listed = json.loads(container_engine.podman("run", "--rm", "--entrypoint", "cat", tag, "/app/sbom.json"))

    assert known["User"] == "10001:10001"
    assert {"scoring-core", "scoring-server", "numpy", "uvicorn"} <= {
        each["name"] for each in listed["components"]
    }
    assert listed == json.loads((packaged.folder / "build" / "sbom-amd64.json").read_text())
    heavy = {"lightgbm", "scipy", "pandas", "scikit-learn", "fastapi", "google-cloud-storage"}
    assert not heavy & {each["name"] for each in listed["components"]}


def test_the_same_inputs_make_the_same_image(packaged: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    before = packaged.image
    shutil.rmtree(packaged.folder / "build")
    monkeypatch.setenv("BUILDAH_ISOLATION", "chroot")

    package(Template.read(packaged.folder), packaged.options, print)

    assert json.loads((packaged.folder / "build" / "image.json").read_text()) == before
