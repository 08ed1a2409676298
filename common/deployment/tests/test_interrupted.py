"""Runs that are stopped, killed or meet each other; the driver as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from deployment import inspection
from deployment.deploy import deploy
from deployment.destroy import destroy
from deployment.home import Home
from scoring.problem import Problem


@pytest.fixture
def start(template, target, environment, secret_file, pipelines):
    """Start `python -m deployment` with a recipe that takes its time."""
    started = []

    def call(pipeline, *words):
        command = [sys.executable, "-m", "deployment", "deploy", str(template), "--pipeline", str(pipeline)]
        command += ["--name", "demo", "--yes", "--var", f"port={target.port}", "--var", f"live={target.live}"]
        process = subprocess.Popen(
            [*command, "--var-file", str(secret_file), *words],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, start_new_session=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield call
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def wait_until(true, seconds=30.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def at_work(target):
    mark = Path(f"{target.live}.started")
    return lambda: mark.exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_apply_ends_in_order_and_is_resumed(
    start, order, console, target, pipelines, digests, number, capsys
):
    process = start(pipelines[0], "--var", "pause_s=5")
    wait_until(at_work(target))

    process.send_signal(number)
    process.communicate(timeout=30)

    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    found = inspection.find("demo")
    assert (found["state"], found["interrupted"], found["busy"]) == ("applying", True, False)
    record = deploy(order(None, "pause_s=0"), console)
    assert (record.state, record.digest) == ("ready", digests[0])
    assert "was interrupted. Going on from there." in capsys.readouterr().err


def test_a_killed_apply_is_resumed(start, order, console, target, pipelines, digests, capsys):
    process = start(pipelines[0], "--var", "pause_s=3")
    wait_until(at_work(target))

    process.kill()
    process.communicate()

    # Terraform itself goes on to its end, and says so to whoever comes meanwhile.
    assert inspection.find("demo")["interrupted"]
    ended = []
    wait_until(lambda: ended or ended.extend(resumed(order, console)))
    assert [(record.state, record.digest) for record in ended] == [("ready", digests[0])]


def resumed(order, console):
    try:
        return [deploy(order(None, "pause_s=0"), console)]
    except Problem as fault:
        if fault.code != "state_locked":
            raise
        return []


def test_a_second_run_is_refused_and_told_who_is_at_work(start, order, console, target, pipelines):
    process = start(pipelines[0], "--var", "pause_s=3")
    wait_until(at_work(target))

    for call in (lambda: deploy(order(pipelines[1]), console), lambda: destroy("demo", console)):
        with pytest.raises(Problem) as fault:
            call()
        assert fault.value.code == "deployment_busy"
        assert f"deploy, process {process.pid}, since 20" in fault.value.detail
    found = inspection.find("demo")
    assert (found["state"], found["busy"], found["interrupted"]) == ("applying", True, False)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert inspection.find("demo")["state"] == "ready"


def test_an_interrupted_destroy_is_resumed(order, console, pipelines, template, target, environment):
    deploy(order(pipelines[0]), console)
    main = template / "terraform" / "main.tf"
    main.write_text(
        main.read_text().replace(
            "  depends_on = [terraform_data.first]",
            '  provisioner "local-exec" {\n    when    = destroy\n'
            f'    command = "echo x >> {target.live}.going; test -e {target.live}.may"\n  }}\n\n'
            "  depends_on = [terraform_data.first]",
        )
    )

    with pytest.raises(Problem) as fault:
        destroy("demo", console)

    assert fault.value.code == "terraform_failed"
    found = inspection.find("demo")
    assert found["state"] == "destroying"
    assert "local-exec provisioner error" in found["error"]
    Path(f"{target.live}.may").touch()
    destroy("demo", console)
    assert inspection.listing() == []
    assert Home.find(environment).names() == []


def test_without_a_terminal_nothing_is_done_unless_told(start, environment, template, target, pipelines):
    command = [sys.executable, "-m", "deployment", "deploy", str(template), "--pipeline", str(pipelines[0])]
    command += ["--name", "demo", "--var", f"port={target.port}", "--var", f"live={target.live}"]

    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "2 to create" in done.stderr
    assert "no terminal to ask on" in done.stderr
    assert "--yes" in done.stderr
    assert inspection.listing() == []
    assert not target.live.exists()


def test_on_a_terminal_it_asks(environment, template, target, pipelines, secret_file):
    import pty

    command = [sys.executable, "-m", "deployment", "deploy", str(template), "--pipeline", str(pipelines[0])]
    command += ["--name", "demo", "--var", f"port={target.port}", "--var", f"live={target.live}"]
    command += ["--var-file", str(secret_file)]
    for answer, code in (("no", 1), ("yes", 0)):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            command, env={**environment, "TERM": "xterm"}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
        )
        os.close(theirs)
        os.write(ours, f"{answer}\n".encode())
        said = b""
        while True:
            try:
                chunk = os.read(ours, 65536)
            except OSError:
                break
            if not chunk:
                break
            said += chunk
        assert process.stdout is not None
        with process.stdout:
            process.stdout.read()
        os.close(ours)
        assert process.wait() == code, said.decode()
        assert b"Apply this plan to 'demo'?" in said
        assert (b"Nothing was changed" in said) == (answer == "no")
    assert inspection.find("demo")["state"] == "ready"
