"""Deploying: from a template and an artifact to an address that answers."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import scoring
from scoring.problem import Problem
from scoring.scorer import Scorer

from deployment.console import Console
from deployment.home import Home, Place
from deployment.package import missing_package, outdated_package, package
from deployment.recipe import Recipe
from deployment.record import Record, now
from deployment.search import find_template
from deployment.template import Template
from deployment.work import Work


@dataclass(frozen=True)
class Order:
    """What is to be deployed, where, and how."""

    template: str
    """A directory, or the name of a template."""
    pipeline: Path | None = None
    """The artifact; None: the one that is deployed already."""
    name: str | None = None
    """None: the template's name."""
    settings: tuple[str, ...] = ()
    """Variables of the recipe, name=value; they are remembered."""
    var_files: tuple[Path, ...] = ()
    backend_config: Path | None = None
    full: bool = False
    """Whether to show every attribute of the plan."""
    test: bool = True
    """Whether to test the deployment."""


def deploy(order: Order, console: Console, environment: Mapping[str, str] | None = None) -> Record:
    """Check, package, plan, ask, apply, test and remember; raises Problem.

    Run again after an interruption or a failure, it goes on from what is there.
    """
    environment = os.environ if environment is None else environment
    template = find_template(order.template)
    name = order.name or template.name
    place = Home.find(environment).place(name)
    with place.lock("deploy"):
        found = place.read()
        record = _begin(name, template) if found is None else _again(found, template, console)
        recipe = Recipe.read(template.recipe)
        record.variables.update(recipe.values(order.settings))
        for known in [known for known in record.variables if known not in recipe.variables]:
            console.say(f"The recipe has no variable {known} any more: it is left out.")
            del record.variables[known]
        scorer, path = _artifact(order.pipeline, place, record, console.say)
        if order.var_files:
            record.var_files = [place.keep_file(file, i) for i, file in enumerate(order.var_files)]
        if order.backend_config is not None:
            record.backend_config = str(order.backend_config.resolve())
        try:
            _package(template, console.say)
            work = Work(place, record, template, recipe, console, environment)
            terraform = work.open()
            if record.variables:
                told = ", ".join(f"{key}={value}" for key, value in sorted(record.variables.items()))
                console.say(f"Settings, remembered for {name}: {told}.")
            variables = work.variables(path, {})
            plan = work.plan(terraform, variables, order.full)
            if not plan.empty:
                console.confirm(f"Apply this plan to {name!r}?")
        except BaseException:
            if found is None and not place.state.exists():
                place.remove()
            raise
        work.carry_out(terraform, plan, variables, (scorer.digest, None), scorer, order.test)
    return record


def _begin(name: str, template: Template) -> Record:
    time = now()
    return Record(
        name=name,
        template=template.name,
        folder=str(template.folder),
        interface=template.interface,
        rollback=template.rollback,
        created=time,
        changed=time,
    )


def _again(record: Record, template: Template, console: Console) -> Record:
    if record.template != template.name:
        raise Problem(
            "name_taken",
            409,
            f"The deployment {record.name!r} was made with the template {record.template}.",
            "Choose another name, or destroy that deployment first.",
        )
    if record.state != "ready":
        how = f"failed ({record.error.partition(':')[0]})" if record.error else "was interrupted"
        console.say(f"The last run on {record.name} {how}. Going on from there.")
    record.folder, record.interface = str(template.folder), template.interface
    record.rollback = template.rollback
    return record


def _artifact(
    pipeline: Path | None, place: Place, record: Record, say: Callable[[str], None]
) -> tuple[Scorer, Path]:
    """Load and verify the artifact; gives its scorer and the copy that is kept."""
    if pipeline is None:
        digest = record.attempted[0] if record.attempted else record.digest
        if digest is None or not place.artifact(digest).is_file():
            raise Problem(
                "pipeline_missing",
                400,
                "Which artifact is to be deployed?",
                "Name it with --pipeline FILE.pipeline; `scoring experiment` and `scoring pack` make one.",
            )
        pipeline = place.artifact(digest)
    scorer = scoring.load(pipeline)
    report = scorer.verify()
    if not report.ok:
        raise Problem(
            "artifact_unsound",
            400,
            f"{str(pipeline)!r} is not sound: {' '.join(report.faults)}",
            "`scoring verify` says more. Pack or train it again.",
        )
    say(f"Artifact {scorer.name}, sha256 {scorer.digest[:12]}: sound, {report.rows} sample rows agree.")
    return scorer, place.keep(scorer.artifact.data)


def _package(template: Template, say: Callable[[str], None]) -> None:
    missing = missing_package(template)
    if missing:
        say(f"Packaging, as there is no {', '.join(missing)} yet.")
    elif outdated := outdated_package(template):
        say(f"Packaging, as {', '.join(outdated)} is older than the template's sources.")
    else:
        return
    package(template, {}, say)
