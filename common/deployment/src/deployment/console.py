"""What the driver says to a person: lines on stderr, questions, and progress."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from scoring.problem import Problem

from deployment.terraform import Plan, Step

_DOING = {"create": "creating", "update": "changing", "delete": "removing", "read": "reading"}
_DONE = {"create": "created", "update": "changed", "delete": "removed", "read": "read"}
_SIGNS: dict[tuple[str, ...], str] = {("create",): "+", ("update",): "~", ("delete",): "-"}


class Console:
    """Talks on stderr and asks on the terminal."""

    def __init__(self, yes: bool = False) -> None:
        self.yes = yes

    def say(self, text: str = "") -> None:
        """Print a line."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def confirm(self, question: str) -> None:
        """Ask and go on at a yes; raises Problem at a no, and where there is nobody to ask."""
        if self.yes:
            return
        if not sys.stdin.isatty():
            raise Problem(
                "not_confirmed",
                400,
                "There is no terminal to ask on, so nothing was changed.",
                "Read the plan above; --yes goes ahead without asking.",
            )
        sys.stderr.write(f"{question} Only yes goes ahead: ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            raise Problem("declined", 400, "Nothing was changed.", "Answer yes to go ahead.")

    def show_plan(self, plan: Plan, full: bool = False) -> None:
        """Print what a plan would do, a line a change; with `full` also the attributes."""
        replaced = sum(len(change.actions) > 1 for change in plan.changes)
        counts = [
            (plan.count("create") - replaced, "to create"),
            (plan.count("update"), "to change"),
            (replaced, "to replace"),
            (plan.count("delete") - replaced, "to remove"),
        ]
        told = ", ".join(f"{count} {what}" for count, what in counts if count)
        self.say(f"Plan: {told or ('nothing to do' if plan.empty else 'only outputs change')}.")
        for change in plan.changes:
            self.say(f"  {_SIGNS.get(change.actions, '±')} {change.address}")
            for line in _attributes(change.before, change.after) if full else ():
                self.say(f"      {line}")

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[Step], None]]:
        """Show how far an apply is: a bar on a terminal, a line a resource in a pipe."""
        if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
            yield self._line
            return
        from rich.console import Console as Screen
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        shown = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*shown, console=Screen(stderr=True), transient=True) as bar:
            task = bar.add_task(title, total=None)

            def step(step: Step) -> None:
                doing = _DOING.get(step.action, step.action)
                what = f"{title}: {doing} {step.address}" if step.state in ("start", "progress") else title
                bar.update(task, description=what, completed=step.done, total=step.total or None)

            yield step

    def _line(self, step: Step) -> None:
        if step.state == "complete":
            done = _DONE.get(step.action, step.action)
            self.say(f"  {step.done}/{step.total} {done} {step.address} ({step.seconds:.0f} s)")
        elif step.state == "errored":
            self.say(f"  failed: {step.address}")


def _attributes(before: object, after: object) -> Iterator[str]:
    old = before if isinstance(before, dict) else {}
    new = after if isinstance(after, dict) else {}
    for name in sorted({*old, *new}):
        if old.get(name) != new.get(name):
            known = repr(new[name]) if name in new else "removed, or known after the apply"
            yield f"{name}: {old.get(name)!r} -> {known}" if name in old else f"{name}: {known}"
