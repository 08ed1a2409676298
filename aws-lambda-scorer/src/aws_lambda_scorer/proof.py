"""The proof of a package: unpacked elsewhere, imported by an interpreter with nothing else, and scoring."""

import json
import os
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path
from typing import Any, Final

import scoring
from scoring import contract
from scoring.problem import Problem

_MODULES: Final = 230
"""Modules that importing the handler may load; a web framework or a data library alone has hundreds."""
_HEAVY: Final = ("lightgbm", "scipy", "pandas", "pyarrow", "boto3", "asyncio", "email", "pydantic")
_SCORE: Final = """
import json, sys, time
begun = time.perf_counter()
sys.path.insert(0, sys.argv[1])
from aws_lambda_scorer.handler import handle
loaded = time.perf_counter() - begun
body = open(sys.argv[2]).read()
event = {"httpMethod": "POST", "path": "/model/score", "headers": {"content-type": "application/json"},
         "requestContext": {"stage": "live"}, "body": body}
answer = handle(event, None)
cold = time.perf_counter() - begun
print(json.dumps({"answer": answer, "ms": [1e3 * loaded, 1e3 * cold], "modules": sorted(sys.modules)}))
"""


def needs_numpy(tree: Path, engine: Path | None, python: str) -> bool:
    """Tell whether the handler cannot be imported from a tree without numpy."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "task"
        shutil.copytree(tree, place)
        _replace(place, engine)
        code = "import sys; sys.path.insert(0, sys.argv[1]); from aws_lambda_scorer import handler"
        ended = _run(python, code, str(place))
    return ended.returncode != 0 and "numpy" in ended.stderr


def proved(folder: Path, archive: Path, engine: Path | None, python: str, with_numpy: bool) -> str:
    """Score the example from an archive and compare with the score here; returns what was seen.

    `engine` stands in for the archive's if that is for another processor; with numpy nothing can then be run.
    Raises Problem when the package does not do what it should.
    """
    if engine is not None and with_numpy:
        return "not run: numpy in it is for another processor"
    artifact, request = folder / "example" / "cooler.pipeline", folder / "example" / "request.json"
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch) / "task"
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(place)
        _replace(place, engine)
        ended = _run(python, _SCORE, str(place), str(request), PIPELINE_URI=str(artifact))
    if ended.returncode:
        raise _failed(f"it cannot be imported: {ended.stderr.strip()[-800:]}")
    seen: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    expected = contract.answer(scoring.load(artifact), request.read_bytes()).decode()
    if seen["answer"]["statusCode"] != 200 or seen["answer"]["body"] != expected:
        raise _failed(
            f"it answers the example with {seen['answer']['statusCode']} and not with the score here"
        )
    modules = seen["modules"]
    heavy = sorted({*_HEAVY, *(() if with_numpy else ("numpy",))} & set(modules))
    if heavy or (len(modules) > _MODULES and not with_numpy):
        raise _failed(
            f"importing it loads {len(modules)} modules, {', '.join(heavy) or 'too many'} among them"
        )
    loaded, cold = seen["ms"]
    stood_in = " with this machine's engine in place of the target's, which cannot run here" * (
        engine is not None
    )
    return (
        f"scores the example as here{stood_in}; import {loaded:.0f} ms, first score at {cold:.0f} ms, "
        f"{len(modules)} modules"
    )


def _replace(place: Path, engine: Path | None) -> None:
    if engine is not None:
        shutil.copyfile(engine, next((place / "scoring").glob("_engine*.so")))


def _run(python: str, code: str, *words: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.environ.get("PATH", ""), "SCORER_METRICS_NAMESPACE": "none", **variables}
    command = [python, "-I", "-S", "-B", "-c", code, *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _failed(detail: str) -> Problem:
    hint = "This is a fault of the template or of the core, not of your machine."
    return Problem("package_unproved", 500, f"The package is refused: {detail}.", hint)
