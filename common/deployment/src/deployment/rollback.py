"""Rolling back: the release before the last one answers again."""

import os
from collections.abc import Mapping
from pathlib import Path

import scoring
from scoring.problem import Problem

from deployment.console import Console
from deployment.home import Home
from deployment.recipe import Recipe
from deployment.record import Record, Release
from deployment.search import template_of
from deployment.work import Work


def rollback(
    name: str,
    console: Console,
    to: str | None = None,
    full: bool = False,
    test: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Record:
    """Go back to the last sound release that is not the current one, or to the one that `to` names.

    `to` is a release or the beginning of a digest. A second rollback goes back to where the first came from.
    Raises Problem, also when there is nothing to go back to.
    """
    environment = os.environ if environment is None else environment
    home = Home.find(environment)
    place, _ = home.find_record(name)
    with place.lock("rollback"):
        _, record = home.find_record(name)
        target = _target(record, to)
        console.say(f"{name} goes back to {target}.")
        template = template_of(record)
        work = Work(place, record, template, Recipe.read(template.recipe), console, environment)
        kept = place.artifact(target.digest)
        if not kept.is_file():
            raise Problem(
                "artifact_gone",
                404,
                f"The artifact {target.digest[:12]} of that release is no longer at {str(kept)!r}.",
                "Deploy it again with --pipeline.",
            )
        scorer = scoring.load(kept)
        terraform = work.open()
        variables = work.variables(_applied(record, kept), _release(record, target), target.digest)
        plan = work.plan(terraform, variables, full)
        if not plan.empty:
            console.confirm(f"Apply this plan to {name!r}?")
        work.carry_out(terraform, plan, variables, target.key, scorer, test)
    return record


def _target(record: Record, to: str | None) -> Release:
    if to is None:
        found = record.earlier()
    else:
        named = (
            each
            for each in reversed(record.history)
            if each.release == to or (len(to) >= 6 and each.digest.startswith(to))
        )
        found = next(named, None)
    if found is None:
        others = [f"{each}" for each in record.history if each.key != record.attempted]
        raise Problem(
            "nothing_earlier",
            409,
            f"There is no earlier release of {record.name!r} to go back to."
            if to is None
            else f"{record.name!r} has no release {to!r}.",
            f"There are: {'; '.join(others)}." if others else "Deploy another artifact first.",
        )
    return found


def _applied(record: Record, kept: Path) -> Path:
    """Name the artifact to apply: where releases are switched, the newest one stays where it is."""
    if record.rollback == "release" and record.attempted is not None and record.attempted[1] is not None:
        newest = Path(str(record.applied.get("pipeline_path", kept)))
        return newest if newest.is_file() else kept
    return kept


def _release(record: Record, target: Release) -> dict[str, str]:
    if record.rollback != "release":
        return {}
    if target.release is None:
        raise Problem(
            "nothing_earlier", 409, f"The release of {target} has no name in the recipe's outputs.", ""
        )
    return {"release": target.release}
