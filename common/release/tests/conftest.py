"""A small repository that can be released, and a release of the checkout itself."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from deployment import vendor
from release.publication import publish

ROOT = Path(__file__).parents[3]
FILES = {
    "pyproject.toml": """
        [project]
        name = "small-workspace"
        version = "1.2.0"
        [tool.uv.workspace]
        members = ["common/*", "*-scorer"]
        [tool.release.licences]
        allowed = ["MIT", "Apache-2.0"]
        """,
    "common/part/pyproject.toml": """
        [project]
        name = "small-part"
        version = "1.2.0"
        dependencies = []
        """,
    "common/part/src/part/__init__.py": '__version__ = "1.2.0"\n',
    "common/tool/pyproject.toml": """
        [project]
        name = "small-tool"
        version = "1.2.0"
        classifiers = ["Private :: Do Not Upload"]
        dependencies = ["small-part>=1.2,<2"]
        """,
    "tiny-scorer/pyproject.toml": """
        [project]
        name = "tiny-scorer"
        version = "1.2.0"
        dependencies = ["small-part>=1.2,<2"]
        """,
    "tiny-scorer/template.toml": """
        name = "tiny-scorer"
        target = "nowhere"
        core = ">=1.2,<2"
        interface = "http"
        auth = "none"
        emulators = []
        rollback = "pipeline"
        """,
    "tiny-scorer/compose.yaml": "image: tiny-scorer:1.2.0\n",
    "LICENSE": "All yours.\n",
    "CHANGELOG.md": """
        # Changelog

        ## [1.2.0] - unreleased

        ### Added

        * A part.

        ## [1.1.0] - 2026-01-31

        ### Fixed

        * Another.
        """,
}


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=T", "-c", "user.email=t@example.invalid", "-c", "commit.gpgsign=false"]
    dated = {"GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}
    subprocess.run(
        ["git", "-C", str(folder), *who, *words], env={**os.environ, **dated}, check=True, capture_output=True
    )


def _plain(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines()) + "\n"


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of two packages and a template, committed."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    root = tmp_path / "small"
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_plain(text))
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "all")
    return root


@pytest.fixture
def changed(small: Path) -> Callable[[str, str, str], Path]:
    """Replace a text in a file of the small repository and commit that."""

    def change(name: str, old: str, new: str) -> Path:
        path = small / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))
        git(small, "commit", "-q", "-a", "-m", "change")
        return small

    return change


@pytest.fixture(scope="session")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This checkout as it is, committed somewhere else."""
    if vendor.editable(vendor.CORE) is None:
        pytest.skip("a release is made of a checkout, and the core is not installed from one here")
    listing = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listing.returncode:
        pytest.skip("not a git checkout, so what belongs to the repository is unknown")
    root = tmp_path_factory.mktemp("snapshot") / "checkout"
    for name in filter(None, listing.stdout.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, root / name)
    git(root.parent, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "all")
    return root


@pytest.fixture(scope="session")
def made(snapshot: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a release of the snapshot; wheels that packaging built before are taken."""
    return publish(snapshot, tmp_path_factory.mktemp("dist"), lambda _: None, kept=vendor.cache())
