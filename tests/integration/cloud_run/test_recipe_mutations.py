"""Break the recipe as people break recipes: what shows it, and what nothing here shows."""

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from standin import mirror
from standin.bindings import NEWEST
from standin.mutations import MUTATIONS, Mutation

Environment = dict[str, str]
Judge = Callable[[Path, str, str], str]
VARIABLES = {
    "api_key_source": "generated",
    "domain": "scores.example.com",
    "image": f"europe-west1-docker.pkg.dev/my-project-123/scorers/cooler@sha256:{'0' * 64}",
    "invokers": ["allUsers"],
    "name": "cooler",
    "pipeline_path": "../example/cooler.pipeline",
    "project": "my-project-123",
    "repository": "scorers",
}


@pytest.fixture(scope="module")
def judge(
    standins: Callable[[str], Path],
    google_environments: Callable[[str], Environment],
    cloud_run_api: Callable[[Path], dict[str, Any]],
) -> Iterator[Judge]:
    """Plans or applies a recipe, and reads a plan as the API would; gives the errors, or ""."""
    environment = google_environments(NEWEST.version)
    with ExitStack() as stack:
        ledger = Path(environment["STANDIN_LEDGER"]).with_name("unused.json")
        attached = stack.enter_context(mirror.running(standins(NEWEST.version), ledger))

        def run(folder: Path, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
            command = ["terraform", *words, "-no-color"]
            return subprocess.run(
                command, cwd=folder, env={**environment, **more}, capture_output=True, text=True, check=False
            )

        def first_error(folder: Path, by: str, slow: str) -> str:
            (folder / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))
            if by == "apply":
                # The recipe's own processes: what is made has to be forgotten with the folder.
                own = {"STANDIN_LEDGER": str(folder / "ledger.json"), "STORAGE_EMULATOR_HOST": ""}
                own |= {"STANDIN_SLOW": slow} if slow else {}
                assert run(folder, "init", "-input=false").returncode == 0
                done = run(folder, "apply", "-auto-approve", "-input=false", **own)
                return done.stderr if done.returncode else ""
            near = {"TF_REATTACH_PROVIDERS": attached}
            done = run(folder, "plan", "-input=false", "-out=plan.bin", **near)
            if done.returncode == 0:
                done = run(folder, "show", "-json", "plan.bin", **near)
            if done.returncode:
                return done.stderr
            (folder / "plan.json").write_text(done.stdout)
            return str(cloud_run_api(folder / "plan.json").get("error", ""))

        yield first_error


@pytest.fixture
def folder(tmp_path: Path, recipe_copy: Callable[[Path], Path]) -> Iterator[Path]:
    yield recipe_copy(tmp_path / "copy") / "terraform"
    shutil.rmtree(tmp_path / "copy")


def test_the_recipe_itself_has_nothing_to_show(judge: Judge, folder: Path) -> None:
    assert judge(folder, "plan", "") == ""
    assert judge(folder, "apply", "") == ""


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.what.replace(" ", "_"))
def test_breaking_it_is_shown(judge: Judge, folder: Path, mutation: Mutation) -> None:
    path = folder / mutation.file
    before = path.read_text()
    assert mutation.old in before, f"{mutation.file} has changed: it lacks what {mutation.what!r} replaces"
    path.write_text(before.replace(mutation.old, mutation.new, 1))

    error = " ".join(judge(folder, mutation.by, mutation.slow).replace("\u2502", " ").split())

    if mutation.shown:
        assert mutation.shown in error
    else:
        assert error == "", "it is shown now: say by what, and take away why it would survive"


def test_most_are_shown_and_why_the_others_are_not(capsys: pytest.CaptureFixture[str]) -> None:
    survivors = [mutation for mutation in MUTATIONS if not mutation.shown]
    shown = len(MUTATIONS) - len(survivors)
    with capsys.disabled():
        print(f"\n{shown} of {len(MUTATIONS)} ways to break the recipe are shown; not these:")
        for mutation in survivors:
            print(f"  {mutation.what}: {mutation.survives}")
    assert all(mutation.survives for mutation in survivors)
    assert len(MUTATIONS) >= 25
    assert shown >= 20
