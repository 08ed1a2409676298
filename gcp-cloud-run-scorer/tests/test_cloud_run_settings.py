"""The environment that Cloud Run gives -> the server's settings, or a problem that says what is wrong."""

import hashlib
import stat
from pathlib import Path

import pytest
from gcp_cloud_run_scorer.service import settings
from scoring.problem import Problem
from server.keys import Keys


def test_cloud_runs_contract_is_obeyed(cloud: dict[str, str], pipeline: Path, tmp_path: Path) -> None:
    made = settings(cloud, tmp_path)

    assert (made.host, made.port, made.workers, made.path) == ("0.0.0.0", 8123, 1, pipeline)
    assert made.drain_seconds + made.grace_seconds < 10
    assert made.watch_seconds == made.hang_seconds == 0
    assert made.guarded
    assert made.labels == (("service", "cooler"), ("revision", "cooler-1"))


def test_on_a_host_of_ones_own_it_is_the_local_server(pipeline: Path, tmp_path: Path) -> None:
    made = settings(
        {"PIPELINE_PATH": str(pipeline), "PORT": "", "API_KEYS_FILE": "", "WORKERS": ""}, tmp_path
    )

    assert (made.host, made.port, made.workers, made.keys) == ("127.0.0.1", 8080, 1, None)
    assert (made.form, made.labels, made.guarded) == (None, (), False)


def test_the_environment_may_set_it_otherwise(cloud: dict[str, str], tmp_path: Path) -> None:
    made = settings({**cloud, "SCORER_GRACE_SECONDS": "3", "WORKERS": "2", "SCORER_MAX_ROWS": "7"}, tmp_path)

    assert (made.grace_seconds, made.workers, made.contract.limits.rows) == (3.0, 2, 7)


def test_keys_are_kept_as_digests(cloud: dict[str, str], tmp_path: Path) -> None:
    made = settings({**cloud, "API_KEY": "first-key\nsecond-key\n"}, tmp_path)

    assert made.keys is not None
    text = made.keys.read_text()
    assert "first-key" not in text
    assert hashlib.sha256(b"first-key").hexdigest() in text
    assert stat.S_IMODE(made.keys.stat().st_mode) & 0o077 == 0
    keys = Keys(made.keys)
    assert keys.name(b"second-key") == "key-2"
    assert keys.name(b"third-key") is None


def test_a_mounted_secret_is_read(cloud: dict[str, str], tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the-key")
    made = settings({**cloud, "API_KEY_FILE": str(secret)}, tmp_path)

    assert made.keys is not None
    assert Keys(made.keys).name(b"the-key") == "key-1"


@pytest.mark.parametrize(("changed", "code", "words"), [
    ({"API_KEY": "  "}, "keys_invalid", "no key"),
    ({"API_KEY_FILE": "/nowhere"}, "keys_invalid", "cannot be read"),
    ({"PIPELINE_PATH": ""}, "artifact_unreadable", "Neither"),
    ({"PIPELINE_URI": "gs://b-b/o"}, "artifact_unreadable", "Both"),
    ({"PIPELINE_PATH": "", "PIPELINE_URI": "s3://b/o"}, "artifact_unreadable", "s3://b/o"),
    ({"PIPELINE_PATH": "/nowhere", "PIPELINE_DIGEST": "0" * 64}, "artifact_unreadable", "/nowhere"),
    ({"PIPELINE_DIGEST": "0" * 64}, "artifact_invalid", "was deployed"),
    ({"PORT": "http"}, "setting_invalid", "PORT"),
])  # fmt: skip
def test_what_is_wrong_is_said(
    cloud: dict[str, str], tmp_path: Path, changed: dict[str, str], code: str, words: str
) -> None:
    with pytest.raises(Problem) as caught:
        settings({**cloud, **changed}, tmp_path)

    assert (caught.value.code, caught.value.status) == (code, 503)
    assert words in caught.value.detail
    assert caught.value.hint


def test_the_deployed_artifact_is_the_one(cloud: dict[str, str], pipeline: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(pipeline.read_bytes()).hexdigest()

    assert settings({**cloud, "PIPELINE_DIGEST": digest}, tmp_path).path == pipeline


def test_without_the_client_a_download_says_how_to_get_it(
    cloud: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google.cloud.storage", None)
    with pytest.raises(Problem) as caught:
        settings({**cloud, "PIPELINE_PATH": "", "PIPELINE_URI": "gs://bucket/a.pipeline"}, tmp_path)

    assert "download=yes" in caught.value.hint
