"""`python -m deployment`: the driver without the scoring command, as the templates' Makefiles use it."""

import argparse
import json
import shlex
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from scoring.problem import Problem

from deployment import inspection, outcome
from deployment.console import Console
from deployment.deploy import Order, deploy
from deployment.destroy import destroy
from deployment.package import as_options, package
from deployment.rollback import rollback
from deployment.search import find_template

_COMMAND = "python -m deployment"
_PASTED = f"{shlex.quote(sys.executable)} -m deployment"  # works outside of the environment, too


def main(words: Sequence[str] | None = None) -> int:
    """Run a command line; gives the exit code: 0 well, 1 a problem, 2 wrong usage, 130 interrupted."""
    given = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _run(given)
    except Problem as problem:
        show(problem)
        return 1
    except KeyboardInterrupt:
        return 130


def show(problem: Problem) -> None:
    """Print a problem to stderr: what is wrong, and what to do."""
    lines = [f"Error: {problem.detail}"]
    lines += [
        f"  {error.get('field', '')}: {error.get('detail', '')} {error.get('hint', '')}".rstrip()
        for error in problem.errors
    ]
    if problem.hint:
        lines.append(f"What to do: {problem.hint}")
    sys.stderr.write("\n".join(lines) + "\n")


def _run(given: argparse.Namespace) -> int:
    console = Console(yes=getattr(given, "yes", False))
    lines: list[str] = []
    match given.command:
        case "package":
            made = package(find_template(given.template), as_options(given.options), console.say)
            lines = [str(path) for path in made.paths]
        case "deploy":
            order = Order(
                given.template,
                given.pipeline,
                given.name,
                tuple(given.var),
                tuple(given.var_file),
                given.backend_config,
                given.plan,
                not given.no_smoke,
            )
            lines = outcome.deployed(deploy(order, console), _PASTED)
        case "rollback":
            record = rollback(given.name, console, given.to, given.plan, not given.no_smoke)
            lines = outcome.deployed(record, _PASTED)
        case "destroy":
            destroy(given.name, console, given.plan)
        case "smoke":
            inspection.check(given.name, console)
        case "logs":
            return inspection.logs(given.name, tuple(given.extra))
        case _:
            lines = _look(given, console)
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return 0


def _look(given: argparse.Namespace, console: Console) -> list[str]:
    if given.name is None:
        found = inspection.listing()
        if not found:
            console.say("There are no deployments yet.")
        return [json.dumps(found, indent=2)] if given.json else outcome.table(found) if found else []
    if given.show_key:
        return [inspection.api_key(given.name)]
    one = inspection.find(given.name)
    return [json.dumps(one, indent=2)] if given.json else outcome.card(one)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_COMMAND, description="Deployments of scoring pipelines.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    packaging = commands.add_parser("package", help="make what a recipe needs")
    packaging.add_argument("template", help="a template's directory or name")
    packaging.add_argument("options", nargs="*", metavar="name=value", help="options of the builder")
    deploying = commands.add_parser("deploy", help="package, plan, ask, apply and test")
    deploying.add_argument("template", help="a template's directory or name")
    deploying.add_argument("--pipeline", type=Path, metavar="FILE", help="the artifact")
    deploying.add_argument("--name", help="name of the deployment")
    deploying.add_argument("--var", action="append", default=[], metavar="K=V", help="a recipe's variable")
    deploying.add_argument("--var-file", action="append", default=[], type=Path, metavar="FILE")
    deploying.add_argument("--backend-config", type=Path, metavar="FILE", help="settings of the backend")
    back = commands.add_parser("rollback", help="go back to the release before")
    back.add_argument("--to", metavar="RELEASE", help="a release, or the beginning of a digest")
    gone = commands.add_parser("destroy", help="remove a deployment")
    for each in (back, gone):
        each.add_argument("name")
    for each in (deploying, back, gone):
        each.add_argument("--yes", "-y", action="store_true", help="do not ask")
        each.add_argument("--plan", action="store_true", help="show the plan with every attribute")
    for each in (deploying, back):
        each.add_argument("--no-smoke", action="store_true", help="do not test the deployment")
    commands.add_parser("smoke", help="compare scores there and here").add_argument("name")
    logging = commands.add_parser("logs", help="show the logs")
    logging.add_argument("name")
    logging.add_argument("extra", nargs=argparse.REMAINDER, help="more arguments of the logs command")
    looking = commands.add_parser("list", aliases=["deployments"], help="show deployments")
    looking.add_argument("name", nargs="?")
    looking.add_argument("--json", action="store_true")
    looking.add_argument("--show-key", action="store_true", help="print the API key and nothing else")
    return parser


if __name__ == "__main__":
    sys.exit(main())
