"""Promise: a template stays as small and as light as its manifest says: bytes, and seconds of processor time.

Budgets guard against growth that nobody has decided. They are no claims about speed: each leaves several
times what was measured, and what is measured is the work that was done, not how long a busy machine took.
"""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from deployment.template import Template

REQUESTS = 400


@pytest.fixture
def budget(template: Path) -> dict[str, float]:
    return dict(Template.read(template).budget)


@pytest.fixture
def endpoint(template: Path, serve: Any) -> Any:
    """The template's app with its own example, started for this module alone."""
    if not Path("/proc/self/task").exists():
        pytest.skip("this system does not tell the processor time of other processes")
    return serve(template, template / "example" / "cooler.pipeline")


def test_the_package_is_within_its_budget(packaged: tuple[Path, str], budget: dict[str, float]) -> None:
    folder, told = packaged
    made = [folder / path for path in Template.read(folder).package.makes]

    size = sum(path.stat().st_size for path in made)

    assert size < budget["package_mb"] * 1e6
    assert "OVER THE BUDGET" not in told


def test_starting_is_within_its_budget(template: Path, endpoint: Any, budget: dict[str, float]) -> None:
    got = endpoint.send("POST", "/model/score", (template / "example" / "request.json").read_bytes())

    spent = endpoint.cpu_seconds()
    print(f"\n{template.name}: {spent:.2f} s of processor time until the first answer", file=sys.stderr)
    assert got.status == 200
    assert 0 < spent < budget["start_cpu_s"]


def test_a_request_is_within_its_budget(template: Path, endpoint: Any, budget: dict[str, float]) -> None:
    document = json.loads((template / "example" / "request.json").read_bytes())
    body = json.dumps({**document, "rows": document["rows"][:1]}).encode()
    before = endpoint.cpu_seconds()
    for _ in range(REQUESTS):
        assert endpoint.send("POST", "/model/score", body).status == 200

    spent = (endpoint.cpu_seconds() - before) / REQUESTS * 1e3

    print(f"\n{template.name}: {spent:.3f} ms of processor time a request", file=sys.stderr)
    assert 0 < spent < budget["request_cpu_ms"]
