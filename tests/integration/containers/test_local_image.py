"""The local template's Dockerfile, built unchanged, and its image, run as the README and compose.yaml say."""

import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import scoring
import yaml

IMAGE = "localhost/local-rest-scorer:test"


@pytest.fixture(scope="module")
def template(packaged: Callable[[str], Path]) -> Path:
    return packaged("local-rest-scorer")


@pytest.fixture(scope="module")
def image(
    container_engine: Any, python_image: str, template: Path, record_testsuite_property: Any
) -> Iterator[str]:
    container_engine.build(template, IMAGE)
    size, base = (container_engine.image(name)["Size"] / 1e6 for name in (IMAGE, python_image))
    record_testsuite_property("local-rest-scorer image MB", f"{size:.0f}")
    print(f"local-rest-scorer: {size:.0f} MB, of which the base image is {base:.0f} MB", file=sys.stderr)
    assert size - base < 150
    yield IMAGE
    container_engine.remove(IMAGE)


@pytest.fixture
def keys(tmp_path: Path) -> tuple[Path, str]:
    made = subprocess.run(
        [sys.executable, "-m", "server", "keys", "test"], capture_output=True, text=True, check=True
    )
    path = tmp_path / "keys"
    path.write_text(made.stdout)
    path.chmod(0o644)  # as a secret of compose is, for the image's own user
    return path, made.stderr.split()[-1]


@pytest.fixture
def answering(
    container_engine: Any, image: str, template: Path, keys: tuple[Path, str], free_port: int
) -> Any:
    """A running container and a function that asks it."""
    mounts = {template / "example/cooler.pipeline": "/artifact.pipeline", keys[0]: "/run/secrets/api_keys"}
    environment = {"HOST": "127.0.0.1", "PORT": str(free_port), "API_KEYS_FILE": "/run/secrets/api_keys"}
    options = ("--memory", "512m", "--memory-swap", "512m", "--pids-limit", "256")
    with container_engine.run(image, environment=environment, mounts=mounts, options=options) as container:
        container.wait(lambda: ask(free_port, "/readyz")[0] == 200)
        yield container, lambda path, body=None, key=None: ask(free_port, path, body, key)


def ask(port: int, path: str, body: bytes | None = None, key: str | None = None) -> tuple[int, bytes]:
    headers = {"content-type": "application/json"} | ({} if key is None else {"x-api-key": key})
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read()
    except OSError:
        return 0, b""


def test_it_scores_as_the_library_does_and_asks_for_the_key(answering, template, keys):
    _, ask = answering
    body = (template / "example/request.json").read_bytes()
    expected = scoring.load(template / "example/cooler.pipeline").score_json(body)

    assert ask("/model/score", body, keys[1]) == (200, expected)
    assert ask("/model/score", body)[0] == 401


def test_it_is_healthy_has_no_rights_and_ends_with_0(answering):
    container, _ = answering

    assert container.healthy()
    status = Path(f"/proc/{container.pid}/status").read_text()
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(lines["Uid"].split()) == {"10001"}
    assert int(lines["CapEff"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    for path in ("/opt/scorer/new", "/new", "/artifact.pipeline"):
        words = ["-c", f"open({path!r}, 'a')"]
        done = container.engine.attempt("exec", container.name, "/opt/scorer/bin/python", *words)
        assert "Read-only file system" in done.stderr or "Permission denied" in done.stderr, (path, done)
    assert container.stop() == 0
    assert '"cut": 0' in container.logs()


def test_what_is_missing_is_said(container_engine, image, template, free_port):
    environment = {"PORT": str(free_port)}
    with container_engine.run(image, environment=environment) as container:
        container_engine.podman("wait", container.name)
        assert "no artifact" in container.logs()
        assert container.inspect()["State"]["ExitCode"] == 1
    mounts = {template / "example/cooler.pipeline": "/artifact.pipeline"}
    environment["API_KEYS_FILE"] = "/run/secrets/none"
    with container_engine.run(image, environment=environment, mounts=mounts) as container:
        container_engine.podman("wait", container.name)
        assert "cannot be read" in container.logs()


def test_the_image_says_what_it_is(container_engine, image):
    found = container_engine.image(image)

    config = found["Config"]
    assert config["User"] == "10001:10001"
    assert config["Entrypoint"][0].endswith("python")
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert found["Healthcheck"]["Test"][0] == "CMD"
    assert not any("KEY=" in variable for variable in config["Env"])


def test_compose_is_as_strict_as_the_run_here(template):
    (service,) = yaml.safe_load((template / "compose.yaml").read_text())["services"].values()

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert all(volume["read_only"] for volume in service["volumes"])
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["environment"]["API_KEYS_FILE"] == f"/run/secrets/{service['secrets'][0]}"
