"""Looking at deployments: what there is, whether it answers, what it logs, and its key."""

import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import scoring
from scoring.problem import Problem

from deployment.console import Console
from deployment.home import Home, Place
from deployment.recipe import Recipe
from deployment.record import APPLYING, DESTROYING, Record
from deployment.search import template_of
from deployment.smoke import smoke
from deployment.terraform import Terraform
from deployment.work import Work

_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def listing(environment: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """List the deployments as plain data; one whose record cannot be read has state `unreadable`."""
    home = Home.find(os.environ if environment is None else environment)
    found = []
    for name in home.names():
        place = home.place(name)
        try:
            record = place.read()
        except Problem as fault:
            found.append({"name": name, "state": "unreadable", "error": fault.detail})
            continue
        if record is not None:
            found.append(describe(place, record))
    return found


def describe(place: Place, record: Record) -> dict[str, Any]:
    """Give a deployment as plain data, without secrets."""
    busy = place.busy()
    return {
        "name": record.name,
        "state": record.state,
        "interrupted": record.state in (APPLYING, DESTROYING) and not busy and record.error is None,
        "busy": busy,
        "error": record.error,
        "template": record.template,
        "folder": record.folder,
        "url": record.url,
        "digest": record.digest,
        "release": record.history[-1].release if record.history else None,
        "created": record.created,
        "changed": record.changed,
        "age": age(record.changed),
        "backend": record.backend,
        "variables": record.variables,
        "score_command": record.outputs.get("score_command"),
        "logs_command": record.outputs.get("logs_command"),
        "history": [
            {"digest": each.digest, "release": each.release, "at": each.at} for each in record.history
        ],
    }


def find(name: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Give one deployment as plain data; raises Problem with the nearest name."""
    return describe(*Home.find(os.environ if environment is None else environment).find_record(name))


def age(time: str) -> str:
    """Say how long ago a time of the record is."""
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()))
    size, unit = next(((size, unit) for size, unit in _UNITS if seconds >= size), (1, "s"))
    return f"{seconds // size} {unit}"


def api_key(name: str, environment: Mapping[str, str] | None = None) -> str:
    """Read the API key of a deployment from Terraform's state; raises Problem when it has none."""
    key = _outputs(name, os.environ if environment is None else environment).get("api_key")
    if not key:
        raise Problem("no_key", 404, f"{name!r} has no API key.", "Its template does without one.")
    return str(key)


def check(name: str, console: Console, environment: Mapping[str, str] | None = None) -> None:
    """Smoke-test a deployment; raises Problem when it does not answer as the artifact does here."""
    environment = os.environ if environment is None else environment
    place, record = Home.find(environment).find_record(name)
    digest = record.attempted[0] if record.attempted else record.digest
    kept = None if digest is None else place.artifact(digest)
    if kept is None or not kept.is_file():
        raise Problem(
            "not_deployed", 409, f"{name!r} was never applied to the end.", "Run `scoring deploy` again."
        )
    outputs = _outputs(name, environment)
    smoke(record.interface, outputs, scoring.load(kept), console.say, environment, wait=10.0)


def logs(name: str, extra: tuple[str, ...] = (), environment: Mapping[str, str] | None = None) -> int:
    """Run the recipe's logs_command with `extra` arguments in the foreground; gives its exit code."""
    environment = os.environ if environment is None else environment
    _, record = Home.find(environment).find_record(name)
    command = record.outputs.get("logs_command")
    if not command:
        raise Problem("no_logs", 404, f"{name!r} has no logs_command.", "Deploy it to the end first.")
    words = [*shlex.split(str(command)), *extra]  # no shell: what a log is called cannot run anything
    program = shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        raise Problem(
            "program_missing",
            500,
            f"The program {words[0]!r} is not on the PATH.",
            "Install it.",
        )
    return subprocess.run([program, *words[1:]], env=dict(environment), check=False).returncode


def _outputs(name: str, environment: Mapping[str, str]) -> dict[str, Any]:
    place, record = Home.find(environment).find_record(name)
    template = template_of(record)
    if record.backend is None:
        if not place.state.is_file():
            raise Problem("not_deployed", 409, f"{name!r} is not applied.", "Run `scoring deploy` again.")
        terraform = Terraform(template.recipe, state=place.state, data=place.data, environment=environment)
    else:
        with place.lock("reading the outputs"):
            quiet = Console(yes=True)
            work = Work(place, record, template, Recipe.read(template.recipe), quiet, environment)
            terraform = work.open()
    return terraform.outputs()
