"""Promise: a template that is copied alone works: its environment, its tests, its package, its recipe.

Each template is taken out of the checkout into an empty directory, which has a path with a blank. It makes an
environment of its own from the wheels that went along and the package index; its tests then run where no
network is but the loopback interface, if this system lets a test close it. Wheels of the project are built
once for all templates and kept, so a further template costs an environment and its tests.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from copies import run
from deployment.template import Template

CLOSED = """
import fcntl, os, socket, struct, sys
with socket.socket() as lo:  # the one interface that there is, which is down
    fcntl.ioctl(lo, 0x8914, struct.pack("16sh14x", b"lo", 0x41))
os.execvp(sys.argv[1], sys.argv[1:])
"""


def closed() -> tuple[str, ...]:
    """Words before a command that leave it the loopback interface alone; none where that cannot be done."""
    words = ("unshare", "--map-root-user", "--net", sys.executable, "-c", CLOSED)
    try:
        done = subprocess.run([*words, "true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return words if done.returncode == 0 else ()


def test_its_environment_is_its_own(copy: Path, template: Path) -> None:
    module = Template.read(template).name.replace("-", "_")
    names = f"{module}.__file__, scoring.__file__, sys.prefix"
    code = f"import {module}, scoring, sys; print({names}, sep=chr(10))"

    told = run(copy, ".venv/bin/python", "-c", code)

    own, core, prefix = told.splitlines()

    assert Path(own).is_relative_to(copy / "src")
    assert Path(core).is_relative_to(copy / ".venv")
    assert Path(prefix) == copy / ".venv"


def test_its_tests_pass_without_a_network(copy: Path) -> None:
    if not (words := closed()):
        print("The network cannot be closed here: the tests ran with it.", file=sys.stderr)

    told = run(copy, *words, "make", "test", "ARGS=-q -x -p no:cacheprovider")

    assert " passed" in told


def test_its_package_is_made(packaged: tuple[Path, str]) -> None:
    folder, _ = packaged

    assert [path for path in Template.read(folder).package.makes if not (folder / path).is_file()] == []


def test_its_recipe_is_valid(copy: Path, terraform_environment: dict[str, str]) -> None:
    terraform = shutil.which("terraform")
    assert terraform is not None
    folder = copy / "terraform"
    if "hashicorp/google" in (folder / "versions.tf").read_text() and not _mirrored(terraform_environment):
        pytest.skip("the provider google is in no mirror here")
    for words in (["init", "-backend=false", "-input=false"], ["validate"]):
        done = subprocess.run(
            [terraform, f"-chdir={folder}", *words, "-no-color"],
            env=terraform_environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr


def _mirrored(environment: dict[str, str]) -> bool:
    """Whether providers come from the registry, which has all, and not from a mirror of some."""
    return "filesystem_mirror" not in Path(environment["TF_CLI_CONFIG_FILE"]).read_text()
