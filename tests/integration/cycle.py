"""The life of a deployment, the same for every template: applied, changed, rolled back, destroyed.

The tests of a target play a `Life` on whatever stands for the target, and inherit `Cycle`, which asks the
same five questions of all of them. `tests/contract/test_cycle.py` sees that every template has such tests.
"""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from deployment.template import Template
from deployment.terraform import Change, Terraform

Variables = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """What was seen of one apply."""

    changes: tuple[Change, ...]
    outputs: dict[str, Any]
    answers: str
    """sha256 of the artifact that answers."""
    again: tuple[Change, ...]
    """What a second plan would still change."""
    seen: Any
    seconds: float


class Life:
    """One deployment of a template, from the first apply until it is destroyed where the `with` block ends.

    `answering` takes the outputs and tells at the target which artifact answers, by its sha256. `there` tells
    what exists at the target, the user's own things among it. `look` is asked for more after each apply, and
    what it gives is kept in the stage.
    """

    def __init__(
        self,
        template: Path,
        terraform: Terraform,
        variables: Variables,
        other: Path,
        *,
        answering: Callable[[dict[str, Any]], str],
        there: Callable[[], Any],
        look: Callable[[], Any] = lambda: None,
    ) -> None:
        """Take the variables of the first apply, and another artifact that takes the place of the first."""
        self.template = Template.read(template)
        self.terraform = terraform
        self.variables = variables
        self.paths = (Path(variables["pipeline_path"]), other)
        self.digests = tuple(hashlib.sha256(path.read_bytes()).hexdigest() for path in self.paths)
        self.stages: dict[str, Stage] = {}
        self._answering, self._there, self._look = answering, there, look

    def __enter__(self) -> "Life":
        self.before = self._there()
        self.terraform.init()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terraform.destroy(self.variables)
        self.after = self._there()
        self.resources = self.terraform.resources()

    @property
    def changed(self) -> Variables:
        """The variables with the other artifact, as the driver gives them."""
        kept = {"kept_pipeline_paths": [str(self.paths[0])]} if self.template.rollback == "release" else {}
        return {**self.variables, "pipeline_path": str(self.paths[1]), **kept}

    @property
    def back(self) -> Variables:
        """The variables that go back to the first release, as the driver gives them."""
        if self.template.rollback == "pipeline":
            return self.variables
        return {**self.changed, "release": self.stages["apply"].outputs["release"]}

    def play(self) -> None:
        """Apply, change the artifact alone, and roll back."""
        self.step("apply", self.variables)
        self.step("change", self.changed)
        self.step("rollback", self.back)

    def step(self, name: str, variables: Variables) -> None:
        """Apply, look, and plan again."""
        began = time.monotonic()
        plan = self.terraform.plan(variables)
        self.terraform.apply(plan)
        seconds = time.monotonic() - began
        outputs = self.terraform.outputs()
        answers, seen = self._answering(outputs), self._look()
        again = self.terraform.plan(variables).changes
        self.stages[name] = Stage(plan.changes, outputs, answers, again, seen, seconds)


class Cycle:
    """The promise: a target's `TestCycle` inherits it, beside a fixture `life` with the template's name."""

    def test_apply(self, life: Life) -> None:
        stage = life.stages["apply"]

        assert {action for change in stage.changes for action in change.actions} == {"create"}
        assert stage.answers == stage.outputs["pipeline_digest"] == life.digests[0]

    def test_plan(self, life: Life) -> None:
        assert {name: stage.again for name, stage in life.stages.items() if stage.again} == {}

    def test_change(self, life: Life) -> None:
        stage, first = life.stages["change"], life.stages["apply"].outputs

        assert life.digests[1] != life.digests[0]
        assert stage.answers == stage.outputs["pipeline_digest"] == life.digests[1]
        for name in ("url", "api_key"):
            assert stage.outputs.get(name) == first.get(name), "callers go on as before"

    def test_rollback(self, life: Life) -> None:
        stage = life.stages["rollback"]

        assert stage.answers == life.digests[0]
        if life.template.rollback == "release":
            assert stage.outputs["release"] == life.stages["apply"].outputs["release"]

    def test_destroy(self, life: Life) -> None:
        assert life.resources == []
        assert life.after == life.before, "what was the user's is there as before, and nothing else"
