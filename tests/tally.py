"""The tally of a run of pytest: how each tier of tests ended, and which promises the templates keep.

It is printed at the end of the run, and written to the directory that SCORING_TALLY names, a file for each
tier, from which `tests/summary.py` makes the table at the end of `make test`. What was said of promises goes
to build/promises.json, for `templates/promises.py`.
"""

import importlib.util
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

VARIABLE = "SCORING_TALLY"
INTEGRATION = ("tests", "integration")
CONTRACT = ("tests", "contract")
CYCLE = "::TestCycle::"


@dataclass
class Tier:
    """How the tests of one tier ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    """What the tests took, one after the other."""
    reasons: dict[str, int] = field(default_factory=dict)


class Tally:
    """A plugin of the process that tells about a run; with xdist that is the one which runs no tests."""

    def __init__(self, config: pytest.Config, root: Path) -> None:
        """Prepare for one run of the tests of a checkout."""
        self.root = root
        self.ended: dict[str, tuple[str, str]] = {}
        """How each test ended, and why if it was skipped."""
        self.seconds: dict[str, float] = {}
        self.templates: dict[str, str] = {}
        named = any("::" in word for word in config.args)
        self.narrowed = named or bool(
            config.option.keyword or config.option.markexpr or config.option.maxfail
        )
        self.cells: dict[tuple[str, str], tuple[str, tuple[str, ...]]] = {}
        self.stale: list[str] = []

    def pytest_deselected(self) -> None:
        """Note that not all of the tests run."""
        self.narrowed = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be loaded, or leaves itself out."""
        if report.failed or report.skipped:
            self.ended[report.nodeid] = report.outcome, _reason(report)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test: the first that does not pass tells how the test ended."""
        tier = tier_of(report.nodeid)
        self.seconds[tier] = self.seconds.get(tier, 0.0) + report.duration
        if isinstance(template := dict(report.user_properties).get("template"), str):
            self.templates[report.nodeid] = template
        before = self.ended.get(report.nodeid, ("passed", ""))[0]
        if report.failed or before == "passed":
            self.ended[report.nodeid] = report.outcome, _reason(report)

    def tiers(self) -> dict[str, Tier]:
        """Count by tier."""
        found: dict[str, Tier] = {}
        for nodeid, (outcome, reason) in self.ended.items():
            name = tier_of(nodeid)
            tier = found.setdefault(name, Tier(seconds=self.seconds.get(name, 0.0)))
            setattr(tier, outcome, getattr(tier, outcome) + 1)
            if outcome == "skipped":
                tier.reasons[reason] = tier.reasons.get(reason, 0) + 1
        return found

    def said(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """Give how the tests of each promise ended for each template."""
        found: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for nodeid, template in self.templates.items():
            if (promise := promise_of(nodeid)) is not None:
                found.setdefault((promise, template), []).append(self.ended[nodeid])
        return found

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write what was counted, and fail a run that says otherwise of promises than the documents."""
        if folder := os.environ.get(VARIABLE):
            place = Path(folder)
            place.mkdir(parents=True, exist_ok=True)
            for name, tier in self.tiers().items():
                _write(place / f"{name}.json", {"tier": name, **asdict(tier)})
        if not (said := self.said()):
            return
        promises = _promises(self.root)
        self.cells = {pair: promises.judged(outcomes) for pair, outcomes in said.items()}
        if not self.narrowed and not session.shouldstop:
            promises.keep(self.cells)
            self.stale = promises.differing(self.cells)
            if self.stale and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print the promises, and what is stale."""
        if not self.cells:
            return
        terminalreporter.section("promises of the templates")
        for line in _promises(self.root).plain(self.cells):
            terminalreporter.line(line)
        for line in self.stale:
            terminalreporter.line(f"templates/README.md is stale: {line}. Run `make tables`.", red=True)


def tier_of(nodeid: str) -> str:
    """Return the tier of a test: contract, a directory of the integration tests, or unit."""
    parts = Path(nodeid.split("::")[0]).parts
    if parts[:2] == CONTRACT:
        return "contract"
    if parts[:2] == INTEGRATION:
        return parts[2] if len(parts) > 3 else "integration"
    return "unit"


def promise_of(nodeid: str) -> str | None:
    """Return the promise that a test is about: a contract test's file, or the cycle of a target's tests."""
    path = Path(nodeid.split("::")[0])
    if path.parts[:2] == CONTRACT:
        return path.stem.removeprefix("test_").replace("_", " ")
    return "cycle" if path.parts[:2] == INTEGRATION and CYCLE in nodeid else None


def template_of(item: pytest.Item) -> str | None:
    """Return the name of the template that a test has as its parameter."""
    given = getattr(getattr(item, "callspec", None), "params", {})
    value = given.get("template", given.get("life") if CYCLE in item.nodeid else None)
    return value.name if isinstance(value, Path) else value


def _reason(report: "pytest.TestReport | pytest.CollectReport") -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    return ""


def _promises(root: Path) -> ModuleType:
    """Load templates/promises.py, which judges and writes the table."""
    specification = importlib.util.spec_from_file_location("promises", root / "templates" / "promises.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _write(path: Path, document: Any) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(json.dumps(document, indent=1), "utf-8")
    draft.replace(path)
