"""Packaging without an engine, with wrong options, and the list of libraries."""

import json
from pathlib import Path

import pytest
from gcp_cloud_run_scorer.package import package
from gcp_cloud_run_scorer.sbom import bill
from scoring.problem import Problem


def test_without_an_engine_it_says_what_to_do(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CONTAINER_ENGINE", raising=False)
    with pytest.raises(Problem) as caught:
        package(template, {})

    assert caught.value.code == "engine_missing"
    assert "docker is not installed; podman is not installed; buildah is not installed" in caught.value.detail
    assert "`image`" in caught.value.hint


def test_an_engine_that_does_not_work_is_told_from_one_that_is_not_there(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "podman"
    broken.write_text("#!/bin/sh\necho no daemon >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CONTAINER_ENGINE", str(broken))
    with pytest.raises(Problem, match="podman does not work \\(no daemon\\)"):
        package(template, {})


@pytest.mark.parametrize(("options", "code"), [
    ({"tag": "latest"}, "option_unknown"),
    ({"arch": "riscv64"}, "option_invalid"),
    ({"engine": "kaniko"}, "engine_unknown"),
])  # fmt: skip
def test_wrong_options(template: Path, options: dict[str, str], code: str) -> None:
    with pytest.raises(Problem) as caught:
        package(template, options)

    assert caught.value.code == code


def test_the_bill_is_cyclonedx_without_dates(tmp_path: Path) -> None:
    for name, licence in (
        ("b_b", "License-Expression: MIT"),
        ("a", "Classifier: License :: OSI Approved :: X"),
    ):
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{licence}\n\n")
        (folder / "RECORD").write_text("")

    made = bill(tmp_path)

    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    assert [each["purl"] for each in made["components"]] == ["pkg:pypi/a@1.0", "pkg:pypi/b-b@1.0"]
    assert made["components"][0]["licenses"] == [{"expression": "LicenseRef-X"}]
    assert made["components"][1]["licenses"] == [{"expression": "MIT"}]
    assert json.dumps(made) == json.dumps(bill(tmp_path))
