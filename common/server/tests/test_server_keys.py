"""Keys are made, kept as digests only, and asked for."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from scoring.problem import Problem
from server import keys
from server.launch import _check
from server.settings import Settings


def test_a_key_is_256_bits_and_its_file_has_only_the_digest(tmp_path):
    made = [keys.new("a") for _ in range(20)]
    assert len({key for key, _ in made}) == 20
    key, line = made[0]
    assert len(key) >= 43
    assert line == f"a {hashlib.sha256(key.encode()).hexdigest()}\n"
    with pytest.raises(ValueError, match="letters"):
        keys.new("a b")


def test_several_keys_have_names(tmp_path):
    (one, first), (two, second) = keys.new("one"), keys.new("two")
    file = tmp_path / "keys"
    file.write_text(f"# who may score\n\n{first}{second}")
    held = keys.Keys(file)
    assert len(held) == 2
    assert [held.name(key) for key in (one.encode(), two.encode(), b"", None)] == ["one", "two", None, None]
    assert one not in file.read_text()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\n", "Line 1"),
        ("one " + "g" * 64, "Line 1"),
        ("# é", "Line 1"),
        (("one " + "0" * 64 + "\n") * 2, "twice"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_and_the_line_named(tmp_path, text, said):
    (tmp_path / "keys").write_text(text)
    with pytest.raises(Problem, match=said):
        keys.Keys(tmp_path / "keys")


def test_an_emptied_file_lets_nobody_in(tmp_path, make, tools):
    (tmp_path / "keys").write_text("")
    assert tools.fetch(make(keys=tmp_path / "keys"), "GET", "/model/id").status == 401


def test_the_command_prints_the_line_for_the_file_and_shows_the_key_apart():
    done = subprocess.run(
        [sys.executable, "-m", "server", "keys", "ci"], capture_output=True, text=True, check=True
    )
    key = done.stderr.split()[-1]
    assert done.stdout == f"ci {hashlib.sha256(key.encode()).hexdigest()}\n"
    wrong = subprocess.run([sys.executable, "-m", "server", "keys"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stdout) == (1, "")


@pytest.mark.parametrize(("host", "warned"), [("0.0.0.0", True), ("127.0.0.1", False), ("::1", False)])
def test_an_open_door_is_said_aloud(live: Path, capsys, host, warned):
    _check(Settings(live, host))
    assert ("anybody who can reach" in capsys.readouterr().err) is warned
