"""Destroying: what the recipe made goes, and so does what is remembered of it."""

import os
from collections.abc import Mapping

from scoring.problem import Problem

from deployment import record as states
from deployment.console import Console
from deployment.home import Home
from deployment.recipe import Recipe
from deployment.record import now
from deployment.search import template_of
from deployment.work import Work


def destroy(
    name: str, console: Console, full: bool = False, environment: Mapping[str, str] | None = None
) -> None:
    """Show what goes, ask, remove it and forget the deployment; raises Problem.

    After an interruption or a failure the same call goes on. What is not in Terraform's state, such as a
    bucket of the user's own, stays.
    """
    environment = os.environ if environment is None else environment
    home = Home.find(environment)
    place, _ = home.find_record(name)
    with place.lock("destroy"):
        _, record = home.find_record(name)
        template = template_of(record)
        work = Work(place, record, template, Recipe.read(template.recipe), console, environment)
        terraform = work.open()
        plan = work.plan(terraform, record.applied or {"name": name}, full, destroy=True)
        if not plan.empty:
            console.confirm(f"Remove all this? The deployment {name!r} is gone then.")
        record.state, record.error, record.changed = states.DESTROYING, None, now()
        place.write(record)
        try:
            if not plan.empty:
                with console.progress("Removing") as step:
                    terraform.apply(plan, step)
            left = terraform.resources()
            if left:
                raise Problem(
                    "not_destroyed",
                    500,
                    f"Terraform has left {len(left)} resources of {name!r}: {', '.join(left[:5])}.",
                    "Run the same command again.",
                )
        except Problem as fault:
            record.error, record.changed = f"{fault.code}: {fault.detail}", now()
            place.write(record)
            raise
        place.remove()
    console.say(f"{name} is gone: {len(plan.changes)} resources were removed.")
