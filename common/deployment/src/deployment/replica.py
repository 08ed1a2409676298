"""A replica: one template taken out of the monorepo, with all that it needs to work alone."""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import scoring
from scoring.problem import Problem

from deployment.package import vendored
from deployment.template import Template
from deployment.vendor import vendor

EXAMPLE = "example/cooler.pipeline"

_MADE = {"build", ".venv", ".uv", ".terraform", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_STATE = (".tfstate", ".tfstate.backup", ".tfvars", ".lock.hcl", ".pyc")


def replicate(template: Template, target: Path, pipeline: Path | None, say: Callable[[str], None]) -> Path:
    """Copy a template to `target`, a directory that is not there yet or is empty; gives its path.

    What was made in the template (packages, environments, Terraform's state) stays behind; the wheels of this
    project go along. With `pipeline`, the copy's Makefile deploys that artifact when it is told no other.
    The copy appears whole or not at all.

    Raises:
        Problem: the target is taken, the artifact cannot be read, or a wheel cannot be built.
    """
    target = target.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise Problem(
            "target_taken", 409, f"{str(target)!r} exists and is not empty.", "Name another directory."
        )
    if target.is_relative_to(template.folder):
        raise Problem(
            "target_taken", 409, f"{str(target)!r} lies in the template.", "Name a directory outside of it."
        )
    artifact = None if pipeline is None else scoring.load(pipeline).artifact.data
    carried = [*vendor(template, say), *vendored(template)]
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
        draft = Path(scratch) / target.name
        lay(template, draft, carried)
        if artifact is not None and pipeline is not None:
            _default(draft, pipeline.name, artifact)
        if target.exists():
            target.rmdir()
        draft.replace(target)
    return target


def lay(template: Template, folder: Path, carried: Iterable[Path]) -> None:
    """Copy what was written of a template to a folder, and these files to its vendor/."""
    for source in sources(template.folder):
        copy = folder / source.relative_to(template.folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    (folder / "vendor").mkdir(parents=True, exist_ok=True)
    for path in carried:
        shutil.copy(path, folder / "vendor" / path.name)


def sources(folder: Path) -> Iterator[Path]:
    """Give the files of a template that were written, not made: those that git knows, where it knows any."""
    command = ["git", "-C", str(folder), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = None
    if shutil.which("git") is not None:
        listing = subprocess.run(command, capture_output=True, text=True, check=False)
    if listing is not None and listing.returncode == 0 and listing.stdout:
        names = sorted(name for name in listing.stdout.split("\0") if name)
        yield from (folder / name for name in names if (folder / name).is_file())
        return
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        made = _MADE & set(inside.parts) or (inside.parts[0] == "vendor" and path.suffix == ".whl")
        if path.is_file() and not made and not path.name.endswith(_STATE):
            yield path


def _default(draft: Path, name: str, artifact: bytes) -> None:
    """Put an artifact into a copy and make it the one that the Makefile takes."""
    (draft / name).write_bytes(artifact)
    makefile = draft / "Makefile"
    text = makefile.read_text(encoding="utf-8")
    makefile.write_text(text.replace(f"PIPELINE ?= {EXAMPLE}", f"PIPELINE ?= {name}"), encoding="utf-8")
