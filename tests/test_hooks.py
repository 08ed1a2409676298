"""The hooks of a commit: the tree as it is passes each of them, and each refuses what it is there for.

They run in a copy of the checkout, which is a repository of its own, with this checkout's environment.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
HOOKS = [
    hook
    for repository in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    for hook in repository["hooks"]
]
DROPPED = ("GIT_", "PRE_COMMIT", "MAKE", "MFLAGS", "TF_", "PYTEST_")
WRONG = {  # hook -> a file, what is added to its end, and what the hook then says
    "style": ("common/core/src/scoring/problem.py", "import os, sys\n", "F401"),
    "spelling": ("docs/contract.md", "\nA request is reci" + "eved.\n", "==> received"),
    "imports": ("common/core/src/scoring/problem.py", "import lightgbm\n", "scoring.problem -> lightgbm"),
    "recipes": ("templates/skeleton/terraform/main.tf", 'locals {\n  a="b"\n}\n', 'a="b"'),
    "types": ("common/core/src/scoring/problem.py", 'WRONG: int = "text"\n', "problem.py"),
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what belongs to the repository, as a repository, with this checkout's environment."""
    copy = tmp_path_factory.mktemp("hooks") / "checkout"
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip("not a git checkout, so what belongs to the repository is unknown")
    for name in filter(None, told.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    for path in [*copy.rglob("pyproject.toml"), *copy.glob("common/core/*.py"), *copy.rglob("native/*")]:
        os.utime(path, (0, 0))  # older than the environment, which is this checkout's and stays as it is
    (copy / ".venv").symlink_to(BIN.parent)
    if (ROOT / ".mypy_cache").is_dir():
        shutil.copytree(ROOT / ".mypy_cache", copy / ".mypy_cache")
    uv = copy / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\necho 'the environment is not to be changed' >&2\nexit 1\n")
    uv.chmod(0o755)
    for words in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *words], cwd=copy, check=True, env=environment(copy))
    return copy


def environment(copy: Path, **more: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if not name.startswith(DROPPED)}
    sources = [*copy.glob("common/*/src"), *copy.glob("*-scorer/src"), *copy.glob("templates/*/src")]
    own = {
        "PATH": os.pathsep.join([str(copy / ".uv" / "bin"), os.environ["PATH"]]),
        "PRE_COMMIT_HOME": str(copy.parent / "hooks"),
        "PYTHONPATH": os.pathsep.join(map(str, sources)),  # import-linter reads what would be imported
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**kept, **own, **more}


def commit(copy: Path, *hooks: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run hooks over all files as a commit would."""
    command = [str(BIN / "pre-commit"), "run", "--all-files", "--color", "never", "--verbose", *hooks]
    return subprocess.run(
        command,
        cwd=copy,
        env=environment(copy, **more),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )


def test_every_hook_has_a_file_that_it_refuses() -> None:
    assert [hook["id"] for hook in HOOKS] == list(WRONG)


def test_hooks_run_what_make_runs(checkout: Path) -> None:
    assert {hook["entry"] for hook in HOOKS} == {f"make {name}" for name in WRONG}
    done = subprocess.run(
        ["make", "--dry-run", "lint", "types"], cwd=checkout, env=environment(checkout),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    single = subprocess.run(
        ["make", "--dry-run", *WRONG], cwd=checkout, env=environment(checkout),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sorted(done.stdout.splitlines()) == sorted(single.stdout.splitlines())


def test_the_tree_passes(checkout: Path, terraform_environment: dict[str, str]) -> None:
    done = commit(checkout, TF_CLI_CONFIG_FILE=terraform_environment["TF_CLI_CONFIG_FILE"])

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == len(HOOKS)


@pytest.mark.parametrize("hook", WRONG)
def test_a_hook_refuses(checkout: Path, hook: str) -> None:
    name, added, told = WRONG[hook]
    if hook == "recipes" and shutil.which("terraform") is None:
        pytest.skip("terraform is not installed, so the hook checks nothing")
    path = checkout / name
    before = path.read_text()
    path.write_text(before + added)
    try:
        done = commit(checkout, hook)
    finally:
        path.write_text(before)

    assert done.returncode == 1, done.stdout + done.stderr
    assert told in done.stdout
