"""Deployments of the local recipe: real Terraform, real processes, on the loopback interface."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pytest
import scoring
from deployment.terraform import Plan, Terraform


@pytest.fixture(scope="session")
def template(packaged: Callable[[str], Path]) -> Path:
    """A packaged copy of the template."""
    return packaged("local-rest-scorer")


@pytest.fixture(scope="session")
def other_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An artifact that answers otherwise than the template's example."""
    random = np.random.default_rng(3)
    X = random.normal(size=(300, 3))
    parameters = {"objective": "binary", "num_leaves": 7, "num_threads": 1, "verbose": -1}
    data = lightgbm.Dataset(X, (X[:, 0] > X[:, 1]).astype(int), feature_name=["a", "b", "c"])
    path = tmp_path_factory.mktemp("pipelines") / "other.pipeline"
    scoring.pack(lightgbm.train(parameters, data, 8), path, name="other", labels=["no", "yes"], target="y")
    return path


@dataclass
class Deployment:
    """One recipe with its state; `variables` are those of the last apply."""

    terraform: Terraform
    home: Path
    lines: list[str]
    environment: dict[str, str]
    variables: dict[str, Any] = field(default_factory=dict)

    @property
    def place(self) -> Path:
        return self.home / str(self.variables["name"])

    def plan(self, **changes: Any) -> Plan:
        self.variables |= changes
        return self.terraform.plan(self.variables)

    def apply(self, **changes: Any) -> dict[str, Any]:
        self.terraform.apply(self.plan(**changes))
        return self.terraform.outputs()

    def terraform_command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Terraform as a person would."""
        environment = {**self.environment, "TF_DATA_DIR": str(self.terraform.data)}
        return subprocess.run(
            ["terraform", *words],
            cwd=self.terraform.folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    def words(self, *words: str) -> subprocess.CompletedProcess[str]:
        given = [f"-var={name}={value}" for name, value in self.variables.items()]
        return self.terraform_command(
            *words, "-no-color", "-input=false", f"-state={self.terraform.state}", *given
        )

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.place / "state.json").read_text())
        return found

    def pids(self) -> list[int]:
        """The processes of this deployment, by their command lines."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if b"local_rest_scorer" in words and str(self.home).encode() in words:
                    found.append(int(entry.name))
        return found


@pytest.fixture
def deployment(
    template: Path, terraform_environment: dict[str, str], tmp_path: Path, free_port: int
) -> Iterator[Deployment]:
    lines: list[str] = []
    terraform = Terraform(
        template / "terraform", state=tmp_path / "state" / "terraform.tfstate", data=tmp_path / "data",
        environment=terraform_environment, log=lines.append,
    )  # fmt: skip
    terraform.init()
    made = Deployment(terraform, tmp_path / "servers", lines, terraform_environment)
    made.variables = {
        "name": "cooler", "pipeline_path": str(template / "example/cooler.pipeline"), "port": free_port,
        "state_dir": str(made.home), "workers": 1,
    }  # fmt: skip
    yield made
    terraform.destroy(made.variables)
    assert not made.pids()


def ask(url: str, path: str, body: bytes | None = None, key: str | None = None) -> tuple[int, bytes]:
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, body, headers), timeout=20) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except urllib.error.URLError:
        return 0, b""


def shell(command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.run(["sh", "-c", command], env=environment, capture_output=True, check=False)


def wait(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.fixture
def tools() -> "type[Tools]":
    return Tools


class Tools:
    """Functions that tests share; under importlib mode test modules cannot import this one."""

    ask = staticmethod(ask)
    shell = staticmethod(shell)
    wait = staticmethod(wait)
