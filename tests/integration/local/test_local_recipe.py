"""The recipe of the local template, applied for real: from the first apply to the last process gone."""

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
from pathlib import Path

import pytest
import scoring
from scoring import contract
from scoring.problem import Problem


def test_from_apply_to_destroy(deployment, template, tools):
    scorer = scoring.load(template / "example/cooler.pipeline")
    body = (template / "example/request.json").read_bytes()

    outputs = deployment.apply()
    key, url = outputs["api_key"], outputs["url"]

    assert outputs["pipeline_digest"] == scorer.digest
    assert tools.ask(url, "/model/score", body, key) == (200, scorer.score_json(body))
    assert tools.ask(url, "/model/score", body)[0] == 401
    assert tools.ask(url, "/model/score", body, "wrong")[0] == 401
    pasted = tools.shell(outputs["score_command"], API_KEY=key)
    assert pasted.stdout == scorer.score_json(contract.sample_request(scorer)), pasted.stderr
    tools.wait(lambda: b'"event":"request"' in tools.shell(outputs["logs_command"]).stdout)
    assert json.loads(tools.shell(outputs["status_command"]).stdout)["state"] == "running"
    assert deployment.plan().empty

    # A changed setting is a new server, at the new port only.
    before = deployment.state()["server"]["pid"]
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    moved = deployment.apply(port=port, environment={"SCORER_MAX_ROWS": "1"})
    assert moved["api_key"] == key
    assert deployment.state()["server"]["pid"] != before
    assert tools.ask(url, "/livez")[0] == 0
    assert tools.ask(moved["url"], "/model/score", body, key)[0] == 200
    two = {**json.loads(body), "rows": 2 * json.loads(body)["rows"]}
    assert tools.ask(moved["url"], "/model/score", json.dumps(two).encode(), key)[0] == 413
    assert deployment.plan().empty
    assert len(deployment.pids()) == 2

    deployment.terraform.destroy(deployment.variables)
    assert deployment.pids() == []
    assert tools.ask(moved["url"], "/livez")[0] == 0
    assert not deployment.home.exists()


def test_the_key_is_seen_by_nobody(deployment, tools):
    key = deployment.apply()["api_key"]

    assert len(key) >= 32
    for pid in deployment.pids():
        process = Path("/proc") / str(pid)
        assert key.encode() not in (process / "cmdline").read_bytes()
        assert key.encode() not in (process / "environ").read_bytes()
    files = [path for path in deployment.place.rglob("*") if path.is_file()]
    assert (deployment.place / "keys") in files
    assert not [path for path in files if key.encode() in path.read_bytes()]
    assert stat.S_IMODE(deployment.place.stat().st_mode) == 0o700
    plan = deployment.words("plan", "-destroy")
    assert "terraform_data.api_key[0] will be destroyed" in plan.stdout, plan.stderr
    assert key not in plan.stdout
    assert key not in "\n".join(deployment.lines)


def test_a_new_key_takes_the_place_of_the_old_one(deployment, tools):
    outputs = deployment.apply()
    deployment.terraform.apply(deployment.terraform.plan(deployment.variables | {"api_key_enabled": False}))
    assert deployment.terraform.outputs().get("api_key") is None
    assert tools.ask(outputs["url"], "/model/id")[0] == 200

    renewed = deployment.apply()

    assert renewed["api_key"] != outputs["api_key"]
    assert tools.ask(outputs["url"], "/model/id", key=outputs["api_key"])[0] == 401
    assert tools.ask(outputs["url"], "/model/id", key=renewed["api_key"])[0] == 200


def test_a_server_that_was_killed_or_hangs_is_replaced(deployment, tools):
    outputs = deployment.apply(environment={"SCORER_HANG_SECONDS": "1.5"})

    def ready() -> bool:
        return tools.ask(outputs["url"], "/readyz")[0] == 200

    for restarts, number in enumerate((signal.SIGKILL, signal.SIGSTOP), 1):
        victim = deployment.state()["server"]["pid"]
        os.kill(victim, number)
        tools.wait(lambda count=restarts: deployment.state()["restarts"] == count and ready())
        assert not Path(f"/proc/{victim}").exists()
    assert json.loads(tools.shell(outputs["status_command"]).stdout)["restarts"] == 2
    assert deployment.plan().empty


def test_a_supervisor_that_was_killed_takes_the_server_with_it_and_is_started_again(deployment, tools):
    outputs = deployment.apply(workers=2)
    os.kill(deployment.state()["supervisor"]["pid"], signal.SIGKILL)
    tools.wait(lambda: not deployment.pids())
    status = tools.shell(outputs["status_command"])
    assert (status.returncode, json.loads(status.stdout)["state"]) == (3, "down")

    done = deployment.words("apply", "-auto-approve", "-replace=terraform_data.server")
    assert done.returncode == 0, done.stderr

    assert tools.ask(outputs["url"], "/model/id", key=outputs["api_key"])[0] == 200


@pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl, which makes the certificate, is not here"
)
def test_tls_and_a_renewed_certificate(deployment, tools, tmp_path):
    def certify() -> None:
        words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
        files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
        names = ["-addext", "subjectAltName=IP:127.0.0.1"]
        subprocess.run(["openssl", *words.split(), *names, *files], check=True, capture_output=True)

    certify()
    paths = {"tls_certificate_path": str(tmp_path / "cert.pem"), "tls_key_path": str(tmp_path / "key.pem")}

    outputs = deployment.apply(**paths)

    assert outputs["url"].startswith("https://")
    scored = tools.shell(outputs["score_command"], API_KEY=outputs["api_key"])
    assert b'"score"' in scored.stdout, scored.stderr
    assert deployment.plan().empty
    certify()
    deployment.apply()
    assert tools.shell(outputs["score_command"], API_KEY=outputs["api_key"]).stdout == scored.stdout


def test_what_is_missing_is_said_with_what_to_do(deployment, template):
    with pytest.raises(Problem, match=r"No artifact at .*none\.pipeline"):
        deployment.plan(pipeline_path="none.pipeline")
    deployment.variables["pipeline_path"] = str(template / "example/cooler.pipeline")
    with pytest.raises(Problem, match="TLS wants both"):
        deployment.plan(tls_key_path="key.pem")
    del deployment.variables["tls_key_path"]
    package = template / "build/server.pyz"
    aside = package.rename(package.with_suffix(".aside"))
    try:
        with pytest.raises(Problem, match="Run `make package` first"):
            deployment.plan()
    finally:
        aside.rename(package)


def test_a_server_that_cannot_start_says_why_and_leaves_nothing(deployment, tools):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", deployment.variables["port"]))
        taken.listen()
        with pytest.raises(Problem, match="cannot be had"):
            deployment.apply()
        assert deployment.pids() == []

    outputs = deployment.apply()

    assert tools.ask(outputs["url"], "/readyz")[0] == 200
    assert deployment.plan().empty


def test_the_recipes_own_tests_pass(deployment):
    done = deployment.terraform_command("test", "-no-color")
    assert done.returncode == 0, done.stdout + done.stderr
