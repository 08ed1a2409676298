"""The whole way: deploy, smoke, deploy another pipeline, roll back, destroy; requests reach the service.

The driver runs the recipe's own score_command, as a person would paste it: curl speaks TLS to the name that
the service was given, which leads to the front end here, with a token from a `gcloud` that stands in for
Google's.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scoring
from deployment.console import Console
from deployment.deploy import Order, deploy
from deployment.destroy import destroy
from deployment.home import Home
from deployment.inspection import check
from deployment.rollback import rollback
from local_cloud_run.cloud import CloudRun, certificate
from local_cloud_run.state import StateFile

ME = "user:me@example.com"
TOKEN = "eyJhbGciOi.a-token.of-mine"
NAME = "cooler"


@dataclass(frozen=True)
class Desk:
    """A person's machine, with a cloud that leads nowhere but here."""

    cloud: CloudRun
    environment: dict[str, str]
    template: Path
    console: Console
    settings: tuple[str, ...]

    def deploy(self, pipeline: Path) -> Any:
        order = Order(str(self.template), pipeline, NAME, self.settings)
        return deploy(order, self.console, self.environment)


@pytest.fixture(params=["process", "podman"])
def desk(
    request: pytest.FixtureRequest,
    template: Path,
    shell_environment: dict[str, str],
    storage: str,
    tmp_path: Path,
) -> Iterator[Desk]:
    engine = request.getfixturevalue(f"{request.param}_engine")
    if shutil.which("curl") is None or shutil.which("openssl") is None:
        pytest.skip("curl or openssl is not installed, so the score command cannot be run")
    programs = tmp_path / "bin"
    programs.mkdir()
    gcloud = programs / "gcloud"
    gcloud.write_text(f'#!/bin/sh\n[ "$*" = "auth print-identity-token" ] && echo {TOKEN}\n')
    gcloud.chmod(0o755)
    environment = {
        **shell_environment,
        "PATH": f"{programs}:{shell_environment['PATH']}",
        "CURL_HOME": str(tmp_path),
        "SCORING_HOME": str(tmp_path / "home"),
    }
    settings = ["project=my-project-123", f'invokers=["{ME}"]', "api_key_source=generated"]
    folder = template
    if request.param == "podman":
        packaged = request.getfixturevalue("packaged")
        settings.append(f"image={packaged.image['reference']}")
    place = Home.find(environment).place(NAME)
    state = StateFile(folder / "terraform", place.state, place.data, environment)
    front = certificate(tmp_path)
    with CloudRun(engine, state, storage, tokens={TOKEN: ME}, certificate=front) as cloud:
        rules = [f'connect-to = "::127.0.0.1:{cloud.port}"', f'cacert = "{tmp_path}/certificate.pem"']
        (tmp_path / ".curlrc").write_text("\n".join([*rules, 'noproxy = "*"', ""]))
        yield Desk(cloud, environment, folder, Console(yes=True), tuple(settings))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another pipeline."""
    import lightgbm

    random = np.random.default_rng(5)
    table = random.normal(size=(300, 3))
    booster = lightgbm.train({"verbose": -1, "num_threads": 1}, lightgbm.Dataset(table, table[:, 0]), 5)
    path = tmp_path_factory.mktemp("other") / "other.pipeline"
    scoring.pack(booster, path)
    return path


def test_deploy_smoke_roll_back_and_destroy(
    desk: Desk, pipeline: Path, other: Path, capfd: pytest.CaptureFixture[str], google_environment: Any
) -> None:
    first = desk.deploy(pipeline)
    (instance,) = desk.cloud.instances
    assert first.state == "ready"
    assert instance.revision.name == first.outputs["release"]
    assert "byte for byte" in capfd.readouterr().err

    second = desk.deploy(other)
    newer = second.outputs["release"]
    assert newer != first.outputs["release"]
    assert second.outputs["pipeline_digest"] == scoring.load(other).digest
    assert {each.revision.name for each in desk.cloud.instances} == {newer}
    assert instance.code == 0, "what the old revision had at work was finished, and it ended by itself"

    back = rollback(NAME, desk.console, environment=desk.environment)
    assert back.outputs["release"] == first.outputs["release"]
    assert back.outputs["pipeline_digest"] == scoring.load(pipeline).digest
    assert {each.revision.name for each in desk.cloud.instances} == {first.outputs["release"]}

    check(NAME, desk.console, desk.environment)

    again = desk.deploy(pipeline)  # the settings and the artifact of the first one: the same revision
    assert again.outputs["release"] == first.outputs["release"]

    told = capfd.readouterr().err
    key = next(iter(desk.cloud._secrets.values()))
    assert key not in told
    assert key not in json.dumps(again.to_dict())

    destroy(NAME, desk.console, environment=desk.environment)
    assert Home.find(desk.environment).names() == []
