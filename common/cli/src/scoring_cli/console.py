"""The console: results on stdout, talk on stderr, progress on a terminal only."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from scoring import Problem

Step = Callable[[str, int, int], None]
"""Told the stage in words, the steps done and the steps in all (0: not known)."""

_RED, _YELLOW, _BOLD = "1;31", "33", "1"


def emit(text: str) -> None:
    """Print a result to stdout."""
    sys.stdout.write(text + "\n")


def say(text: str = "") -> None:
    """Print talk to stderr."""
    sys.stderr.write(text + "\n")


def warn(text: str) -> None:
    """Print to stderr what the user should not overlook."""
    say(f"{_painted('Warning:', _YELLOW, sys.stderr)} {text}")


def next_command(*words: str) -> None:
    """Print the command to type next to stderr; arguments are quoted for a shell."""
    say(f"Next: {_painted(shlex.join(words), _BOLD, sys.stderr)}")


def show_problem(problem: "Problem") -> None:
    """Print a problem to stderr: what is wrong, where, and what to do."""
    say(f"{_painted('Error:', _RED, sys.stderr)} {problem.detail}")
    for error in problem.errors:
        place = [f"{unit} {error[unit]}" for unit in ("line", "row") if error.get(unit) is not None]
        where = ", ".join([*place, *([str(error["field"])] if error.get("field") else [])])
        hint = f" {error['hint']}" if error.get("hint") and error["hint"] not in problem.hint else ""
        say(f"  {where or error.get('code', '')}: {error.get('detail', '')}{hint}")
    if problem.hint:
        say(f"What to do: {problem.hint}")


def columns(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Lay out rows of text as aligned columns, one line each."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join((indent + line).rstrip() for line in lines)


@contextlib.contextmanager
def progress() -> Iterator[Step]:
    """Give a function that shows progress on stderr if that is a terminal, and nothing otherwise."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _show_nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    shown = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*shown, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage, completed=done, total=total or None)

        yield step


def _show_nothing(stage: str, done: int, total: int) -> None:
    """Take a step without a word."""


def _painted(text: str, style: str, stream: TextIO) -> str:
    """Colour text for a terminal, unless NO_COLOR is set (https://no-color.org)."""
    if not stream.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{style}m{text}\x1b[0m"
