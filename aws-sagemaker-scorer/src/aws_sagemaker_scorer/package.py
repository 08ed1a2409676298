"""Packaging: `build/package.zip`, all that the image imports, and model data, the same bytes each time.

Options: `arch` (x86_64 or aarch64, as the endpoint's instances are) and `pipeline`, the artifact whose model
data are made; the example by default.

Our own wheels come from vendor/, never from an index, where anybody may have taken their names. Others have
the versions that are installed here, which are those that were tested.
"""

import importlib.metadata
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from deployment.vendor import find_uv
from scoring.draft import drafted
from scoring.problem import Problem

from aws_sagemaker_scorer.model_data import model_data

PACKAGE: Final = "build/package.zip"

_ARCHS: Final = ("x86_64", "aarch64")
_PLACEHOLDER: Final = "aws_sagemaker_scorer/placeholder.pipeline"
_PYTHON: Final = "3.11"
"""The Python of the Dockerfile's base."""
_LEFT_OUT: Final = re.compile(
    r"(^|/)(tests?|__pycache__|include|f2py)/|^bin/|^\.lock$|\.(pyi|pxd|h|c|a|pyc)$|"
    r"dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_.*)$"
)
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first that a zip archive can name


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make what `terraform apply` needs of the template in `folder`; return the files.

    Raises:
        Problem: an option is not known, a wheel is missing, or the libraries cannot be installed.
    """
    unknown = sorted(set(options) - {"arch", "pipeline"})
    if unknown:
        detail = f"There is no option {', '.join(unknown)}."
        raise Problem("option_unknown", 400, detail, "There are arch and pipeline.")
    arch = options.get("arch", "x86_64")
    if arch not in _ARCHS:
        raise Problem("option_invalid", 400, f"arch is {arch!r}.", f"It can be {' or '.join(_ARCHS)}.")
    example = folder / "example" / "cooler.pipeline"
    made = model_data(Path(options.get("pipeline") or example), folder / "build" / "models")
    target = folder / PACKAGE
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        _install(folder, tree, Path(scratch) / "versions.txt", arch)
        members = dict(_members(tree)) | dict(_members(folder / "src"))
        members[_PLACEHOLDER] = example.read_bytes()
        with drafted(target) as draft:
            _write(members, draft)
    return [target, *made]


def _install(folder: Path, tree: Path, versions: Path, arch: str) -> None:
    """Install what the template depends on into the directory `tree`, for Linux on a processor."""
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = [
        _own(folder, each, arch) if each.startswith("scoring-") else each for each in project["dependencies"]
    ]
    versions.write_text("".join(sorted(set(_tested()))), "utf-8")
    command = [
        *(find_uv(folder), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(tree)),
        *("--python-version", _PYTHON, "--python-platform", f"{arch}-manylinux_2_28"),
        *("--only-binary", ":all:", "--constraints", str(versions)),
        *("--find-links", str(folder / "vendor")),
        *wanted,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        detail = f"The libraries cannot be installed: {done.stderr.strip()[-1500:]}"
        raise Problem("package_failed", 500, detail, "Check vendor/ and the package index.")


def _tested() -> Iterator[str]:
    """Give the versions of other people's distributions that are installed here, as constraints."""
    for found in importlib.metadata.distributions():
        if not found.name.startswith("scoring-") and not found.name.endswith("-scorer"):
            yield f"{found.name}=={found.version}\n"


def _own(folder: Path, requirement: str, arch: str) -> str:
    """Return the very wheel in vendor/ that a requirement of ours means."""
    stem = re.split(r"[<>=!~ ]", requirement)[0].replace("-", "_")
    for pattern in (f"{stem}-*-any.whl", f"{stem}-*{arch}.whl"):
        for wheel in sorted((folder / "vendor").glob(pattern), reverse=True):
            return str(wheel)
    detail = f"vendor/ has no wheel of {stem} for {arch}."
    raise Problem("vendor_missing", 400, detail, "Run `make package`, which puts it there.")


def _members(tree: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and not _LEFT_OUT.search(name):
            yield name, path.read_bytes()


def _write(members: Mapping[str, bytes], target: Path) -> None:
    """Write an archive whose bytes depend on its members alone."""
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, members[name], compresslevel=6)
