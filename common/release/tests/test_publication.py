"""A release of this very checkout: whole, right, and the same bytes when it is made again."""

import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import scoring
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from deployment import vendor
from release.publication import publish

ROOT = Path(__file__).parents[3]
VERSION = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
TEMPLATES = sorted(path.parent.name for path in ROOT.glob("*/template.toml"))
MACHINES = {"x86_64": 62, "aarch64": 183}
"""EM_X86_64 and EM_AARCH64 of ELF's header."""


def bill(made: Path) -> Any:
    return json.loads((made / "sbom.cdx.json").read_text())


def test_it_has_an_archive_for_each_template_and_a_wheel_for_each_package(made: Path) -> None:
    archives = {path.name for path in made.glob("*.tar.gz")}
    wheels = {path.name.split("-")[0] for path in made.glob("*.whl")}
    others = {path.name for path in made.iterdir() if path.suffix not in {".gz", ".whl"}}

    assert made.name == VERSION
    assert archives == {f"{name}-{VERSION}.tar.gz" for name in TEMPLATES}
    assert wheels == {
        "scoring_core", "scoring_experiment", "scoring_server", "scoring_deployment", "scoring_sql",
        "scoring_cli",
    }  # fmt: skip
    assert others == {"LICENSE", "LICENCES.md", "NOTES.md", "SHA256SUMS", "sbom.cdx.json"}


def test_sha256sum_agrees_and_misses_nothing(made: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("there is no sha256sum here")
    done = subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"],
        cwd=made,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    named = {line.split("  ")[1] for line in (made / "SHA256SUMS").read_text().splitlines()}
    assert named == {path.name for path in made.iterdir()} - {"SHA256SUMS"}


@pytest.mark.parametrize("machine", sorted(MACHINES))
def test_the_core_is_there_for_both_processors(made: Path, machine: str) -> None:
    (wheel,) = made.glob(f"scoring_core-{VERSION}-cp311-abi3-manylinux_2_17_{machine}.whl")
    with zipfile.ZipFile(wheel) as archive:
        (engine,) = (name for name in archive.namelist() if name.endswith(".so"))
        head = archive.read(engine)[:20]

    assert head[:4] == b"\x7fELF"
    assert struct.unpack("<H", head[18:20]) == (MACHINES[machine],)


@pytest.mark.parametrize("name", TEMPLATES)
def test_an_archive_is_the_template_with_its_wheels(made: Path, name: str, tmp_path: Path) -> None:
    with tarfile.open(made / f"{name}-{VERSION}.tar.gz") as archive:
        archive.extractall(tmp_path, filter="data")
    folder = tmp_path / f"{name}-{VERSION}"
    carried = {path.name: path.read_bytes() for path in (folder / "vendor").glob("*.whl")}

    wanted = tomllib.loads((folder / "template.toml").read_text())["package"]["vendor"]
    assert {each.split("-")[0] for each in carried} == {each.replace("-", "_") for each in wanted}
    assert len([each for each in carried if each.startswith("scoring_core-")]) == len(MACHINES)
    assert all(content == (made / each).read_bytes() for each, content in carried.items())
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (folder / "Makefile").read_bytes() == (ROOT / name / "Makefile").read_bytes()
    assert not [
        path for path in folder.rglob("*") if path.name in {"build", ".venv", "__pycache__", ".terraform"}
    ]
    if name == "sql-scorer":
        assert (folder / "vendor" / "scoring_core-native.tar.gz").is_file(), (
            "the extension cannot be built of it"
        )


def test_an_unpacked_template_scores_with_what_it_carries(made: Path, tmp_path: Path) -> None:
    name = "aws-lambda-scorer"
    with tarfile.open(made / f"{name}-{VERSION}.tar.gz") as archive:
        archive.extractall(tmp_path / "a place", filter="data")
    folder = tmp_path / "a place" / f"{name}-{VERSION}"
    uv = vendor.find_uv(ROOT)
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "MAKEFLAGS", "MFLAGS"}
    environment = {key: text for key, text in os.environ.items() if key not in dropped}
    environment["PATH"] = os.pathsep.join([str(Path(uv).parent), environment["PATH"]])
    environment["UV_PYTHON"] = sys.executable

    def run(*words: str) -> str:
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("make", "build/ready")
    code = (
        "import pathlib, scoring, aws_lambda_scorer; print(scoring.__file__); "
        "example = pathlib.Path('example'); scorer = scoring.load(example / 'cooler.pipeline'); "
        "print(scorer.score_json((example / 'request.json').read_bytes()).decode())"
    )
    place, answer = run(".venv/bin/python", "-c", code).strip().split("\n", 1)

    assert Path(place).is_relative_to(folder / ".venv")
    example = ROOT / name / "example"
    expected = scoring.load(example / "cooler.pipeline").score_json((example / "request.json").read_bytes())
    assert answer.encode() == expected.strip()


def test_the_bill_is_valid_and_names_every_file_with_its_digest(made: Path) -> None:
    text = (made / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None

    components = bill(made)["components"]
    digests = {each["bom-ref"]: each["hashes"][0]["content"] for each in components if each.get("hashes")}
    files = [path for path in made.iterdir() if path.suffix in {".gz", ".whl"}]
    assert digests == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_the_bill_names_what_is_needed_with_version_licence_and_purl(made: Path) -> None:
    components = {each["name"]: each for each in bill(made)["components"]}
    numpy = components["numpy"]

    assert numpy["purl"] == f"pkg:pypi/numpy@{numpy['version']}"
    assert "BSD-3-Clause" in json.dumps(numpy["licenses"])
    assert [each["name"] for each in components.values() if not each.get("licenses")] == []
    assert "scoring-release" not in components
    assert "pytest" not in components


def test_the_bills_graph_leads_from_the_release_to_everything(made: Path) -> None:
    document = bill(made)
    edges = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}
    reached, waiting = set(), [document["metadata"]["component"]["bom-ref"]]
    while waiting:
        each = waiting.pop()
        if each not in reached:
            reached.add(each)
            waiting += edges[each]

    assert {each["bom-ref"] for each in document["components"]} <= reached


def test_notes_and_licences_are_the_versions(made: Path) -> None:
    assert (made / "NOTES.md").read_text().startswith(f"# {VERSION}\n\n### Added\n")
    numpy = next(
        line for line in (made / "LICENCES.md").read_text().splitlines() if line.startswith("| numpy |")
    )
    assert "https://" in numpy
    assert next(each["version"] for each in bill(made)["components"] if each["name"] == "numpy") in numpy


def test_a_second_release_has_the_same_bytes(made: Path, snapshot: Path, tmp_path: Path) -> None:
    # Wheels of the core take minutes to build: those are built again only where that is asked for.
    whole = "release" in os.environ.get("SCORING_TIERS", "").split(",")
    kept = tmp_path / "kept"
    for place in [] if whole else vendor.cache().glob(f"{vendor.CORE}-*"):
        shutil.copytree(place, kept / place.name)
    os.utime(snapshot / "LICENSE", (1, 1))
    told: list[str] = []

    again = publish(snapshot, tmp_path / "dist", told.append, kept=kept)

    assert len([line for line in told if line.startswith("Building")]) == (7 if whole else 5)
    sums = [(place / "SHA256SUMS").read_text().splitlines() for place in (again, made)]
    assert sums[0] == sums[1]
