"""Packaging: the builder is the template's own, and the wheels are this project's."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from deployment.package import as_options, missing_package, outdated_package, package
from deployment.template import Package, Template
from deployment.vendor import editable, vendor
from scoring.problem import Problem


@pytest.fixture
def tiny(template):
    return Template.read(template)


def only(template, *names, platforms=()):
    return replace(template, package=Package(None, (), names, platforms))


def test_a_package_is_made_measured_and_checked(tiny):
    said = []

    made = package(tiny, {"content": "x" * 500}, said.append)

    assert made.paths == (tiny.folder / "build" / "tiny.zip",)
    assert made.fits
    text = "\n".join(said)
    assert "MB  build/tiny.zip" in text
    assert "MB    tiny" in text
    assert "of 0.01 MB" in text
    assert missing_package(tiny) == []


def test_too_large_a_package_is_told(tiny):
    said = []

    made = package(replace(tiny, budget={"package_mb": 0.00001}), {}, said.append)

    assert not made.fits
    assert "OVER THE BUDGET" in said[-1]


def test_a_builder_that_makes_less_than_it_says_fails(tiny):
    with pytest.raises(Problem, match=r"ended without making build/tiny\.zip"):
        package(tiny, {"forget": "yes"}, print)


def test_a_missing_builder_is_told(tiny):
    with pytest.raises(Problem) as fault:
        package(replace(tiny, package=replace(tiny.package, builder="tiny_scorer.pakage")), {}, print)

    assert fault.value.code == "builder_missing"
    with pytest.raises(Problem, match="has no function package"):
        package(replace(tiny, package=replace(tiny.package, builder="tiny_scorer")), {}, print)


def test_the_copys_own_builder_is_taken_not_one_imported_before(tiny, tmp_path):
    package(tiny, {}, print)
    other = Path(shutil.copytree(tiny.folder, tmp_path / "other"))
    source = other / "src" / "tiny_scorer" / "package.py"
    source.write_text(source.read_text().replace('"nothing"', '"of the copy"'))

    package(Template.read(other), {}, print)

    with zipfile.ZipFile(other / "build" / "tiny.zip") as archive:
        assert archive.read("tiny/content.txt") == b"of the copy"
    assert "tiny_scorer" not in sys.modules


def test_a_package_older_than_its_sources_is_known(tiny):
    package(tiny, {}, print)
    assert outdated_package(tiny) == []

    later = (tiny.folder / "build" / "tiny.zip").stat().st_mtime + 10
    os.utime(tiny.folder / "src" / "tiny_scorer" / "package.py", (later, later))

    assert outdated_package(tiny) == ["build/tiny.zip"]


def test_a_template_for_another_core_is_refused(tiny):
    with pytest.raises(Problem, match="is written for scoring-core >=9"):
        package(replace(tiny, core=">=9"), {}, print)


def test_options_are_read():
    assert as_options(["arch=x86_64", "note=a=b"]) == {"arch": "x86_64", "note": "a=b"}
    with pytest.raises(Problem, match="'arch' is no option"):
        as_options(["arch"])


def test_a_copy_without_its_wheels_is_told_what_to_do(tiny):
    with pytest.raises(Problem) as fault:
        vendor(only(tiny, "scoring-imaginary"), print)

    assert fault.value.code == "vendor_missing"
    assert "no wheel of scoring-imaginary" in fault.value.detail
    assert "release archive" in fault.value.hint


def test_what_pyproject_asks_for_is_needed_too(tiny):
    (tiny.folder / "pyproject.toml").write_text(
        '[project]\nname = "x"\ndependencies = ["numpy>=1", "scoring-imaginary>=0.1,<0.2"]\n'
        '[dependency-groups]\ndev = [{include-group = "more"}]\nmore = ["scoring-imaginary"]\n'
    )

    with pytest.raises(Problem, match="no wheel of scoring-imaginary"):
        vendor(tiny, print)


def test_a_copy_needs_the_core_for_each_processor(tiny, monkeypatch):
    monkeypatch.setattr("deployment.vendor.editable", lambda name: None)
    template = only(tiny, "scoring-core", platforms=("x86_64", "aarch64"))
    (tiny.folder / "vendor").mkdir(exist_ok=True)
    (tiny.folder / "vendor" / "scoring_core-0.1.0-cp311-abi3-manylinux_2_17_x86_64.whl").touch()

    with pytest.raises(Problem, match="no wheel of scoring-core for aarch64"):
        vendor(template, print)


@pytest.mark.skipif(editable("scoring-deployment") is None, reason="scoring-deployment is not editable here")
def test_wheels_are_built_from_sources_once_and_alike(tiny, tmp_path, monkeypatch):
    said = []
    digests = []
    for cache in ("a", "b"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        old = os.umask(0o022 if cache == "a" else 0o077)
        try:
            (wheel,) = vendor(only(tiny, "scoring-deployment"), said.append)
        finally:
            os.umask(old)
        digests.append(hashlib.sha256(wheel.read_bytes()).hexdigest())
    assert digests[0] == digests[1]
    assert said == ["Building the wheel of scoring-deployment."] * 2

    stale = tiny.folder / "vendor" / "scoring_deployment-0.0.1-py3-none-any.whl"
    stale.touch()
    before = wheel.stat().st_mtime_ns
    assert vendor(only(tiny, "scoring-deployment"), said.append) == [wheel]

    assert len(said) == 2
    assert not stale.exists()
    assert wheel.stat().st_mtime_ns == before


@pytest.mark.skipif(editable("scoring-deployment") is None, reason="scoring-deployment is not editable here")
def test_a_wheel_that_cannot_be_built_is_told(tiny, tmp_path, monkeypatch):
    sources = tmp_path / "broken"
    sources.mkdir()
    (sources / "pyproject.toml").write_text('[project]\nname = "scoring-broken"\n')
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("deployment.vendor.editable", lambda name: sources)

    with pytest.raises(Problem) as fault:
        vendor(only(tiny, "scoring-broken"), print)

    assert fault.value.code == "wheel_not_built"
    assert not list((tmp_path / "cache" / "scoring" / "wheels").glob("*/*.whl"))


def test_the_module_packages_from_a_command_line(template):
    done = subprocess.run(
        [sys.executable, "-m", "deployment", "package", ".", "content=abc"],
        cwd=template,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{template / 'build' / 'tiny.zip'}\n"
