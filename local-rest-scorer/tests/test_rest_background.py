"""A server in the background: started once however often it is asked, replaced, stopped, and gone."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from local_rest_scorer import background
from local_rest_scorer.probe import answers
from local_rest_scorer.process import Process
from scoring.problem import Problem


def test_starting_twice_is_starting_once(place, example, environ):
    url = background.start(place, example, environ)
    first = place.process("server")

    assert background.start(place, example, environ) == url == f"http://127.0.0.1:{environ['PORT']}"

    assert place.process("server") == first
    assert background.status(place)["state"] == "running"
    assert background.status(place)["pipeline_digest"]
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700


def test_other_settings_are_another_server_and_the_log_stays(place, example, environ):
    background.start(place, example, environ)
    first = place.process("server")

    background.start(place, example, environ | {"SCORER_MAX_ROWS": "7"})

    assert not first.alive
    assert place.process("server") != first
    background.stop(place)  # and what was said has been written
    assert place.log.read_text().count('"listening"') == 2


def test_stopping_leaves_the_log_and_removing_leaves_nothing(place, example, environ):
    url = background.start(place, example, environ)
    processes = [place.process("supervisor"), place.process("server")]

    assert background.stop(place)
    assert not any(process.alive for process in processes)
    assert not answers(url)
    assert place.log.exists()
    assert background.status(place)["state"] == "stopped"
    assert background.stop(place)

    assert background.stop(place, remove=True)
    assert not place.folder.parent.exists()
    assert not background.stop(place)


def test_the_place_of_another_owner_is_left_alone(place, example, environ):
    background.start(place, example, environ | {"OWNER": "one"})

    with pytest.raises(Problem, match="Another deployment"):
        background.start(place, example, environ | {"OWNER": "two"})
    assert not background.stop(place, owner="two", remove=True)

    assert background.status(place)["state"] == "running"
    assert background.stop(place, owner="one")


def test_a_key_is_kept_as_a_digest_only(place, example, environ):
    url = background.start(place, example, environ | {"API_KEY": "not-for-everybody"})

    request = urllib.request.Request(f"{url}/model/id", headers={"x-api-key": "not-for-everybody"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
    files = [path for path in place.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if b"not-for-everybody" in path.read_bytes()]
    assert stat.S_IMODE(place.keys.stat().st_mode) == 0o600


def test_a_killed_and_a_stopped_server_are_replaced(place, example, environ, restarted):
    url = background.start(place, example, environ | {"SCORER_HANG_SECONDS": "1"})

    os.kill(place.process("server").pid, signal.SIGKILL)
    restarted(1)
    os.kill(place.process("server").pid, signal.SIGSTOP)
    restarted(2)

    assert answers(url)
    assert "ended with -9" in place.log.read_text()
    assert "has not turned" in place.log.read_text()


def test_a_server_does_not_outlive_its_supervisor(place, example, environ):
    background.start(place, example, environ)
    server = place.process("server")

    place.process("supervisor").send(signal.SIGKILL)

    assert server.wait(20)
    assert background.status(place)["state"] == "down"
    background.start(place, example, environ)
    assert background.status(place)["state"] == "running"


def test_a_server_that_does_not_hear_is_killed_in_the_end(place, example, environ):
    settings = {"SCORER_HANG_SECONDS": "0", "SCORER_GRACE_SECONDS": "0.1"}
    background.start(place, example, environ | settings)
    server = place.process("server")
    server.send(signal.SIGSTOP)

    begun = time.monotonic()
    background.stop(place)

    assert not server.alive
    assert 5 < time.monotonic() - begun < 20


def test_a_number_that_another_process_got_is_never_ended(place, example, environ):
    """A place that is left from before a boot names processes whose numbers others have now."""
    place.make()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        stale = {"pid": other.pid, "started": "before the boot"}
        place.note({"supervisor": stale, "server": stale, "running": True, "restarts": 0})

        assert background.status(place)["state"] == "down"
        background.start(place, example, environ)
        background.stop(place, remove=True)

        assert other.poll() is None
        other.kill()


def test_what_cannot_start_is_said_with_the_log_and_gone(place, environ, tmp_path):
    bad = tmp_path / "bad.pipeline"
    bad.write_bytes(b"garbage")

    begun = time.monotonic()
    with pytest.raises(Problem, match=r"(?s)could not start.*artifact is refused"):
        background.start(place, bad, environ)

    assert time.monotonic() - begun < 10
    assert place.process("supervisor") is None
    assert place.process("server") is None


def test_what_is_not_ready_in_time_is_ended(place, example, environ):
    with pytest.raises(Problem, match=r"(?s)not ready after 0\.01 seconds"):
        background.start(place, example, environ | {"READY_SECONDS": "0.01"})

    assert place.process("supervisor") is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"PORT": "ninety"}, "PORT may be a whole number"),
        ({"WORKERS": "-1"}, "WORKERS may be"),
        ({"API_KEY": "x", "API_KEYS_FILE": "y"}, "Give one of them"),
        ({"PIPELINE_DIGEST": "0" * 64}, "has changed"),
        ({"READY_SECONDS": "soon"}, "READY_SECONDS"),
    ],
)
def test_a_setting_that_is_no_good_is_named_before_anything_runs(place, example, environ, setting, said):
    with pytest.raises(Problem, match=said):
        background.start(place, example, environ | setting)
    assert place.process("supervisor") is None


def test_the_commands_say_how_it_is_with_their_exit_codes(place, example, environ):
    variables = {**os.environ, **environ, "NAME": "demo", "STATE_DIR": str(place.folder.parent)}

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "local_rest_scorer", *words],
            env=variables, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert command("status").returncode == 3
    assert command("health").returncode == 1
    started = command("start", str(example))
    assert (started.returncode, started.stdout.split()[-1]) == (0, f"http://127.0.0.1:{environ['PORT']}")
    status = command("status")
    assert (status.returncode, json.loads(status.stdout)["state"]) == (0, "running")
    assert command("health").returncode == 0
    shown = subprocess.run([place.command, "status"], capture_output=True, text=True, check=True)
    assert json.loads(shown.stdout) == json.loads(status.stdout)
    assert command("remove").returncode == 0
    assert not place.folder.exists()
    wrong = command("start", str(example.with_name("none")))
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr


def test_a_process_is_known_by_more_than_its_number():
    own = Process.of(os.getpid())
    assert own.alive
    assert not Process(own.pid, "another time").alive
    assert not Process.of(2**22 + 1).alive
    assert Path("/proc").exists() or own.started
