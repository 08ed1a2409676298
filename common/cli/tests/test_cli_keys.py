"""`scoring keys` shows a key once, and prints what a server's file of keys takes."""

import hashlib

import pytest
from server.keys import Keys


def test_the_line_has_the_digest_of_the_key_that_was_shown(inside, tmp_path):
    done = inside("keys", "alice")

    key = done.stderr.split()[-1]
    assert done.returncode == 0
    assert done.stdout == f"alice {hashlib.sha256(key.encode()).hexdigest()}\n"
    (tmp_path / "keys").write_text(done.stdout)
    assert Keys(tmp_path / "keys").name(key.encode()) == "alice"


@pytest.mark.parametrize("name", ["a b", "", "x" * 65])
def test_a_name_that_the_file_could_not_hold_is_refused(inside, name):
    done = inside("keys", name)

    assert done.returncode == 2
    assert done.stdout == ""
    assert "letters" in done.stderr
