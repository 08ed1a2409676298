"""`scoring deploy`: from a template and an artifact to an address that answers."""

from pathlib import Path
from typing import Annotated

import typer

from scoring_cli.console import emit

SUMMARY = "Deploy an artifact with a template."

EXAMPLES = """Examples:

\b
  scoring deploy aws-lambda-scorer --pipeline cooler.pipeline --name cooler
  scoring deploy aws-lambda-scorer --pipeline cooler.pipeline --name cooler --var memory_mb=512 --yes
  scoring deploy ./my-scorer --pipeline cooler.pipeline --var-file production.tfvars --plan

Deploying under a name that exists changes that deployment; its settings are remembered. After an
interruption or a failure the same command goes on."""


def command(
    template: Annotated[
        str,
        typer.Argument(metavar="TEMPLATE", help="A template's directory, or the name of one near here."),
    ],
    pipeline: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The artifact, *.pipeline; the deployed one unless said."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of the deployment; the template's unless said.")
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="A variable of the recipe; lists and maps are JSON. Repeatable."),
    ] = None,
    var_file: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Variables in Terraform's format, secrets too. Repeatable."),
    ] = None,
    backend_config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Settings of the backend that the recipe's backend.tf names."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Go ahead without asking.")] = False,
    plan: Annotated[bool, typer.Option("--plan", help="Show every attribute of the plan.")] = False,
    no_smoke: Annotated[bool, typer.Option("--no-smoke", help="Leave the test of the scores out.")] = False,
) -> None:
    """Deploy an artifact: check it, package, show the plan, ask, apply, and compare scores there and here.

    Prints where it answers, where the key is, how to score, and what to type next. State and artifacts are
    kept in $SCORING_HOME, by default ~/.local/state/scoring.
    """
    from deployment import outcome
    from deployment.console import Console
    from deployment.deploy import Order, deploy

    order = Order(
        template,
        pipeline,
        name,
        tuple(var or ()),
        tuple(var_file or ()),
        backend_config,
        full=plan,
        test=not no_smoke,
    )
    for line in outcome.deployed(deploy(order, Console(yes))):
        emit(line)
