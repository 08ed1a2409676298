"""The driver's own files: places, records, locks and the words about them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from deployment import inspection, outcome
from deployment.home import Home
from deployment.record import FORMAT, KEPT, Record, Release, now
from scoring.problem import Problem


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path / "home")


def record(**others):
    time = now()
    return Record("demo", "tiny", "/nowhere", "http", "pipeline", time, time, **others)


def release(number, name=None, sound=True):
    return Release(f"{number:064x}", name, now(), sound)


def test_the_home_is_found_by_the_environment(tmp_path):
    assert Home.find({"SCORING_HOME": str(tmp_path)}).root == tmp_path.resolve()
    assert Home.find({"XDG_STATE_HOME": str(tmp_path)}).root == tmp_path / "scoring"
    assert Home.find({}).root == Path.home() / ".local" / "state" / "scoring"


@pytest.mark.parametrize("name", ["", "..", "a/b", "-x", "a b", "x" * 64, "ä"])
def test_names_that_are_no_file_names_are_refused(home, name):
    with pytest.raises(Problem) as fault:
        home.place(name)

    assert fault.value.code == "name_invalid"


def test_a_record_comes_back_as_it_was(home):
    place = home.place("demo")
    written = record(variables={"port": 3}, attempted=("a" * 64, "7"), history=[release(1), release(2, "7")])

    place.write(written)

    assert place.read() == written
    assert home.names() == ["demo"]


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99}', "{"])
def test_a_record_that_cannot_be_read_is_told_and_listed(home, text):
    place = home.place("demo")
    place.write(record())
    (place.folder / "record.json").write_text(text)

    with pytest.raises(Problem) as fault:
        place.read()

    assert fault.value.code == "record_invalid"
    (listed,) = inspection.listing({"SCORING_HOME": str(home.root)})
    assert listed["state"] == "unreadable"
    assert "unreadable" in "\n".join(outcome.table([listed]))


def test_the_lock_is_for_one_run_at_a_time_and_leaves_no_word_behind(home):
    place = home.place("demo")

    with place.lock("deploy"):
        assert place.busy()
        with pytest.raises(Problem, match="deploy, process"), place.lock("destroy"):
            pass
    assert not place.busy()
    with place.lock("destroy"):
        pass
    assert (home.root / "locks" / "demo").read_text() == ""


def test_artifacts_are_kept_by_digest_and_pruned(home):
    place = home.place("demo")
    paths = [place.keep(data) for data in (b"one", b"two", b"one")]

    assert paths[0] == paths[2] != paths[1]
    place.prune({paths[0].stem})
    assert [path.exists() for path in paths[:2]] == [True, False]


def test_history_is_bounded_and_does_not_repeat():
    known = record()
    for number in (*range(KEPT + 5), KEPT + 4):
        known.remember(release(number))

    assert len(known.history) == KEPT
    assert known.digest == f"{KEPT + 4:064x}"


def test_going_back_skips_what_is_not_sound_and_what_is_there():
    known = record(history=[release(1), release(2, sound=False), release(3)])
    known.attempted = known.history[-1].key

    assert known.earlier() == known.history[0]
    known.attempted = (f"{9:064x}", None)  # an apply that failed
    assert known.earlier() == known.history[2]
    known.history = [known.history[2]]
    known.attempted = known.history[0].key
    assert known.earlier() is None


def test_kept_artifacts_are_the_earlier_ones_the_latest_first():
    known = record(history=[release(number) for number in (1, 2, 1, 3)])

    assert [int(digest, 16) for digest in known.kept_digests(f"{3:064x}")] == [1, 2]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200_000, "2 d")]
)
def test_ages(seconds, told):
    from datetime import UTC, datetime, timedelta

    time = datetime.now(UTC) - timedelta(seconds=seconds)

    assert inspection.age(time.isoformat()) == told


def test_logs_run_without_a_shell(home, tmp_path, capfd):
    place = home.place("demo")
    command = f"echo '$(touch {tmp_path}/ran)' ; touch {tmp_path}/ran"
    place.write(record(outputs={"logs_command": command}))
    environment = {"SCORING_HOME": str(home.root), "PATH": "/usr/bin:/bin"}

    assert inspection.logs("demo", ("--since", "1h"), environment) == 0

    assert capfd.readouterr().out == f"$(touch {tmp_path}/ran) ; touch {tmp_path}/ran --since 1h\n"
    assert not (tmp_path / "ran").exists()


def test_logs_that_cannot_be_shown_are_told(home):
    place = home.place("demo")
    environment = {"SCORING_HOME": str(home.root), "PATH": "/usr/bin:/bin"}
    place.write(record())
    with pytest.raises(Problem) as fault:
        inspection.logs("demo", (), environment)
    assert fault.value.code == "no_logs"

    place.write(replace(record(), outputs={"logs_command": "no-such-program tail"}))
    with pytest.raises(Problem, match="no-such-program"):
        inspection.logs("demo", (), environment)


def test_the_record_says_its_format(home):
    place = home.place("demo")
    place.write(record())

    assert json.loads((place.folder / "record.json").read_text())["format"] == FORMAT
