"""The entry point of the `scoring` command: its options, its commands, and how it ends."""

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from scoring_cli import __version__
from scoring_cli.commands import (
    data,
    deploy,
    deployments,
    destroy,
    experiment,
    inspect,
    keys,
    logs,
    new,
    new_template,
    pack,
    package,
    rollback,
    sample,
    score,
    serve,
    smoke,
    sql,
    verify,
)

_DEBUG = "--debug"

app = typer.Typer(
    name="scoring",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: it reads as well and starts three times as fast
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_DEPLOYING = (new, new_template, package, deploy, deployments, smoke, logs, rollback, destroy)
for _module in (data, experiment, pack, inspect, verify, sample, score, serve, keys, *_DEPLOYING):
    _name = _module.__name__.rpartition(".")[2].replace("_", "-")
    app.command(_name, short_help=_module.SUMMARY, epilog=_module.EXAMPLES)(_module.command)
app.add_typer(sql.app, name="sql")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scoring {__version__}")
        raise typer.Exit


@app.callback(
    epilog="""Examples:

\b
  scoring experiment cooler.csv --target cond -o cooler.pipeline --report cooler.html
  scoring pack model.txt -o cooler.pipeline
  scoring score cooler.pipeline new.csv -o scores.csv
  scoring deploy aws-lambda-scorer --pipeline cooler.pipeline --name cooler

`scoring COMMAND --help` explains a command. Results go to stdout, everything else to stderr. Exit codes:
0 well, 1 a problem (what, where and what to do are said), 2 wrong usage, 130 stopped by Ctrl-C."""
)
def _scoring(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop."),
    ] = False,
    debug: Annotated[
        bool, typer.Option(_DEBUG, help="Show the traceback of an error; may stand behind the command too.")
    ] = False,
) -> None:
    """From a table to a scoring pipeline, its report, and scores.

    An experiment trains a LightGBM scoring pipeline and freezes it in one file, the artifact (*.pipeline). A
    model that is trained already is packed into one. The artifact is inspected, verified and scored with
    here, and deployed with the templates: the answers are the same to the last bit.
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command line and leave the process with its exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = _DEBUG in given
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # so that drafts are removed
    try:
        app([word for word in given if word != _DEBUG], prog_name="scoring")
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush at exit
        sys.exit(1)
    except Exception as error:
        if debug:
            raise
        _report(error)
        sys.exit(1)
    sys.exit(0)


def _report(error: Exception) -> None:
    from scoring import Problem

    from scoring_cli.console import say, show_problem

    if isinstance(error, Problem):
        show_problem(error)
    else:
        say(f"Error: {type(error).__name__}: {error}")
        say("What to do: this is a defect; run the command again with --debug and report what it prints.")
