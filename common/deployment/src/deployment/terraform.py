"""Terraform, driven through python-terraform. Nothing else in this project knows python-terraform."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import python_terraform  # type: ignore[import-untyped]
from python_terraform import IsFlagged
from scoring.problem import Problem

from deployment import diagnosis
from deployment.process import Ended, run

OLDEST = (1, 7)
"""The oldest Terraform that recipes are written for."""

_GET = "Get Terraform 1.7 or later from https://developer.hashicorp.com/terraform/install."
_NOT_OURS = ("TF_CLI_ARGS", "TF_DATA_DIR", "TF_INPUT", "TF_WORKSPACE")  # they change what commands mean
_CHANGES = 2  # how `plan -detailed-exitcode` says that there is something to do


@dataclass(frozen=True)
class Change:
    """What a plan does to one resource."""

    address: str
    actions: tuple[str, ...]
    """Of create, update, delete; two of them for a replacement."""
    before: Any = None
    after: Any = None
    """Values of attributes, with the sensitive ones masked."""


@dataclass(frozen=True)
class Plan:
    """What Terraform would do, kept in a file to be applied as it is."""

    path: Path
    empty: bool
    changes: tuple[Change, ...]

    def count(self, action: str) -> int:
        """Count the changes in which an action occurs: create, update or delete."""
        return sum(action in change.actions for change in self.changes)


@dataclass(frozen=True)
class Step:
    """How far an apply has come."""

    address: str
    action: str
    """create, update, delete or read."""
    state: str
    """start, progress, complete or errored."""
    done: int
    total: int
    seconds: float


class _Command(python_terraform.Terraform):  # type: ignore[misc]
    """python-terraform with what Terraform 1.x broke in it repaired.

    Its methods make the command lines. Processes are run by `deployment.process` instead: the library cannot
    be given an environment, hides progress until the end, and leaves variables in temporary files when it is
    interrupted.
    """

    def __init__(self, program: str, folder: Path, runner: Callable[[list[str]], Ended]) -> None:
        self._runner = runner
        super().__init__(working_dir=str(folder), terraform_bin_path=program)

    def cmd(self, cmd: str, *args: str, **kwargs: Any) -> tuple[int, str, str]:
        """Run a command of Terraform; gives its exit code, stdout and stderr."""
        ended = self._runner(self.generate_cmd_string(cmd, *args, **kwargs))
        return ended.code, ended.out, ended.err

    def read_state_file(self, file_path: str | None = None) -> None:
        """Leave the state alone: the library parses it by itself, and only where it is a file."""

    def _generate_default_options(self, input_options: dict[str, Any]) -> dict[str, Any]:
        # The library adds a variables file to every command, which `apply PLAN` and `show` refuse.
        return {"input": False, "no_color": IsFlagged, **input_options}


class Terraform:
    """One recipe, with the state and the data of one deployment."""

    def __init__(
        self,
        folder: Path,
        *,
        state: Path | None = None,
        data: Path | None = None,
        environment: Mapping[str, str] | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:
        """Prepare to apply the recipe in `folder`, in place.

        `state` is the file of a local state (else it is where the recipe's backend says), `data` the folder
        for what `init` fetches and for the plan, `environment` that of Terraform, and `log` gets what
        Terraform says line by line. Of the folders of `state` and `data`, those that are missing are made
        for this user alone: both hold secrets.

        Raises Problem when Terraform is missing or too old.
        """
        self.folder = folder.resolve()
        self.state = None if state is None else state.resolve()
        self.data = (self.folder / ".terraform" if data is None else data).resolve()
        self._log = log
        self._secrets: set[str] = set()
        self._each: Callable[[str], None] | None = None
        given = os.environ if environment is None else environment
        self._environment = {
            **{name: value for name, value in given.items() if not name.startswith(_NOT_OURS)},
            "TF_DATA_DIR": str(self.data),
            "TF_IN_AUTOMATION": "1",
            "CHECKPOINT_DISABLE": "1",
        }
        if not self.folder.is_dir():
            raise Problem("recipe_missing", 400, f"There is no recipe folder {str(self.folder)!r}.", "")
        program = shutil.which("terraform", path=self._environment.get("PATH"))
        if program is None:
            raise Problem("terraform_missing", 500, "There is no `terraform` on the PATH.", _GET)
        self._command = _Command(program, self.folder, self._run)
        self.version = self._version()

    def init(self, backend_config: Path | None = None) -> None:
        """Fetch providers and open the state's backend; what an interrupted init left behind is replaced."""
        for folder in (self.data, self.data if self.state is None else self.state.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        settings = [str(backend_config.resolve())] if backend_config else None
        # Without reconfigure=None the library passes -reconfigure, which forgets where the state was.
        options = {"backend_config": settings, "reconfigure": None}
        code, out, err = self._command.init(**options)
        left = [self.data / name for name in ("providers", "modules")]
        if code and any(path.exists() for path in left):
            for path in left:
                shutil.rmtree(path, ignore_errors=True)
            code, out, err = self._command.init(**options)
        if code:
            raise self._problem("init", out, err)
        for line in out.splitlines():
            self._say(line)

    def plan(
        self, variables: Mapping[str, Any], *, destroy: bool = False, var_files: Sequence[Path] = ()
    ) -> Plan:
        """Find out what an apply, or a destroy, would change; raises Problem with Terraform's errors."""
        path = self.data / "plan.bin"
        path.unlink(missing_ok=True)
        with self._variables_file(variables) as file, self._following(self._message):
            files = [*(str(each.resolve()) for each in var_files), str(file)]
            code, out, err = self._command.plan(
                destroy=IsFlagged if destroy else None,
                json=IsFlagged,
                out=str(path),
                var_file=files,
                state=self._state(),
                lock_timeout="5s",
            )
        if code not in (0, _CHANGES):
            self._learn(path)
            raise self._problem("plan", out, err)
        document = self._show(str(path))
        self._secrets |= diagnosis.secrets_of(document)
        return Plan(path, code == 0, tuple(_changes(document)))

    def apply(self, plan: Plan, progress: Callable[[Step], None] | None = None) -> None:
        """Do what a plan says; raises Problem, and what was done by then is in the state."""
        total = sum(len(change.actions) for change in plan.changes)  # a replacement is two steps
        with self._following(_Steps(total, self._message, progress)):
            code, out, err = self._command.apply(
                str(plan.path), skip_plan=True, json=IsFlagged, state=self._state(), lock_timeout="5s"
            )
        if code:
            self._learn(self.state)
            raise self._problem("apply", out, err)
        plan.path.unlink(missing_ok=True)

    def outputs(self) -> dict[str, Any]:
        """Give the values of the outputs, of the sensitive ones too; {} when nothing is applied."""
        return {name: output["value"] for name, output in self.described_outputs().items()}

    def described_outputs(self) -> dict[str, dict[str, Any]]:
        """Give the outputs with their `value`, `type` and whether they are `sensitive`."""
        # `output(name)` of the library fails with TypeError, and it swallows errors: so the bare command.
        code, out, err = self._command.cmd("output", json=IsFlagged, no_color=IsFlagged, state=self._state())
        if code:
            raise self._problem("output", out, err)
        outputs: dict[str, dict[str, Any]] = json.loads(out)
        self._secrets |= diagnosis.secrets_of_outputs(outputs)
        return outputs

    def resources(self) -> list[str]:
        """List the addresses of what is there; [] when nothing is."""
        if self.state is not None and not self.state.exists():
            return []
        code, out, err = self._command.cmd("state list", state=self._state())
        if code and "No state file was found" not in err:
            raise self._problem("state list", out, err)
        return [] if code else out.split("\n")[:-1]

    def destroy(
        self,
        variables: Mapping[str, Any],
        progress: Callable[[Step], None] | None = None,
        var_files: Sequence[Path] = (),
    ) -> None:
        """Remove everything that the recipe made; raises Problem."""
        # A saved plan, as the library's destroy() passes -force, which Terraform no longer knows.
        plan = self.plan(variables, destroy=True, var_files=var_files)
        if not plan.empty:
            self.apply(plan, progress)

    def workspace(self, name: str) -> None:
        """Work in the backend's workspace of that name, made if need be; raises Problem."""
        code, out, err = self._command.cmd("workspace select", name, or_create=True)
        if code:
            raise self._problem("workspace select", out, err)

    def push_state(self, source: Path) -> None:
        """Copy a local state into the backend that the recipe names; raises Problem if that has another."""
        code, out, err = self._command.cmd("state push", str(source.resolve()))
        if code:
            raise self._problem("state push", out, err)

    def _state(self) -> str | None:
        return None if self.state is None else str(self.state)

    def _version(self) -> str:
        code, out, err = self._command.cmd("version", json=IsFlagged)
        try:
            version = str(json.loads(out)["terraform_version"])
            numbers = tuple(int(part) for part in version.split("-")[0].split(".")[:2])
        except (ValueError, KeyError, TypeError):
            raise self._problem("version", out, err or f"It ended with code {code}.") from None
        if numbers < OLDEST:
            raise Problem(
                "terraform_old", 500, f"Terraform {version} is too old: recipes need 1.7 or later.", _GET
            )
        return version

    def _run(self, words: list[str]) -> Ended:
        return run(words, self.folder, self._environment, self._each)

    def _show(self, path: str | None) -> dict[str, Any]:
        words = [] if path is None else [path]
        code, out, err = self._command.cmd("show", *words, json=IsFlagged, no_color=IsFlagged)
        if code:
            raise self._problem("show", out, err)
        document: dict[str, Any] = json.loads(out)
        return document

    def _learn(self, source: Path | None) -> None:
        """Find out what is secret in a plan, also a failed one, or in the state: errors may repeat it."""
        if source is not None and not source.exists():
            return
        try:
            self._secrets |= diagnosis.secrets_of(self._show(None if source is None else str(source)))
        except Problem:
            return  # the error that is about to be reported matters more
        finally:
            if source is not None and source != self.state:
                source.unlink()

    def _problem(self, words: str, out: str, err: str) -> Problem:
        return diagnosis.failed(words, out, err, self._secrets)

    def _say(self, text: str) -> None:
        if self._log is not None and text.strip():
            self._log(diagnosis.masked(diagnosis.plain(text), self._secrets))

    def _message(self, body: Mapping[str, Any]) -> None:
        if body.get("type") not in ("diagnostic", "version"):
            self._say(str(body.get("@message", "")))

    @contextmanager
    def _following(self, take: Callable[[Mapping[str, Any]], None]) -> Iterator[None]:
        def each(line: str) -> None:
            body = diagnosis.event(line)
            if body:
                take(body)

        self._each = each
        try:
            yield
        finally:
            self._each = None

    @contextmanager
    def _variables_file(self, variables: Mapping[str, Any]) -> Iterator[Path]:
        """Write variables to a file for this user alone, while the block lasts: command lines are public."""
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=self.data, suffix=".tfvars.json") as file:  # mode 0600
            json.dump(dict(variables), file)
            file.flush()
            yield Path(file.name)


class _Steps:
    """Counts the resources that an apply is done with."""

    def __init__(
        self,
        total: int,
        message: Callable[[Mapping[str, Any]], None],
        progress: Callable[[Step], None] | None,
    ) -> None:
        self._total, self._message, self._progress = total, message, progress
        self._done = 0

    def __call__(self, body: Mapping[str, Any]) -> None:
        self._message(body)
        kind, _, state = str(body.get("type")).partition("_")
        if kind != "apply" or self._progress is None:
            return
        hook = body["hook"]
        action = str(hook.get("action", ""))
        self._done += state == "complete" and action != "read"  # a plan's changes are no reads
        address = str(hook["resource"]["addr"])
        seconds = float(hook.get("elapsed_seconds", 0))
        total = max(self._total, self._done)
        self._progress(Step(address, action, state, self._done, total, seconds))


def _changes(document: Mapping[str, Any]) -> Iterator[Change]:
    for resource in document.get("resource_changes", ()):
        change = resource["change"]
        actions = tuple(change["actions"])
        if actions not in (("no-op",), ("read",)):
            before = _hidden(change.get("before"), change.get("before_sensitive"))
            after = _hidden(change.get("after"), change.get("after_sensitive"))
            yield Change(str(resource["address"]), actions, before, after)


def _hidden(value: Any, marks: Any) -> Any:
    """Mask the parts of a value that are marked as sensitive."""
    if marks is True:
        return diagnosis.HIDDEN
    if isinstance(marks, dict) and isinstance(value, dict):
        return {name: _hidden(part, marks.get(name)) for name, part in value.items()}
    if isinstance(marks, list) and isinstance(value, list):
        padded = [*marks, *[None] * (len(value) - len(marks))]
        return [_hidden(part, mark) for part, mark in zip(value, padded, strict=False)]
    return value
