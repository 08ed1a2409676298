"""The small parts: the log that stays small, settings, names, and the package."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from local_rest_scorer import package as packaging
from local_rest_scorer.place import Place, home
from local_rest_scorer.program import MANIFEST, unpacked
from local_rest_scorer.rotation import Rotation, tail
from local_rest_scorer.settings import given, options, url
from scoring.problem import Problem


def test_a_log_is_put_aside_when_it_is_full_and_old_ones_go(tmp_path):
    log = Rotation(tmp_path / "log", most=100, kept=2)
    for number in range(50):
        log.write(f"line {number:03d}\n".encode())

    files = sorted(path.name for path in tmp_path.iterdir())
    assert files == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert tail(tmp_path / "log", 1) == "line 049"
    text = "".join((tmp_path / name).read_text() for name in ("log.2", "log.1", "log"))
    assert text.splitlines() == [f"line {number:03d}" for number in range(50 - len(text) // 9, 50)]


def test_lines_are_never_cut_in_two_by_turning(tmp_path):
    log = Rotation(tmp_path / "log", most=20, kept=1)
    for piece in (b"one ", b"line\nand ", b"another\nrest"):
        log.write(piece)
    log.close()

    assert (tmp_path / "log.1").read_text() == "one line\n"
    assert (tmp_path / "log").read_text() == "and another\nrest\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full to stand for a full disk")
def test_a_full_disk_loses_lines_and_nothing_else(tmp_path):
    (tmp_path / "log").symlink_to("/dev/full")
    log = Rotation(tmp_path / "log")
    log.write(b"one\ntwo\n")
    assert log.dropped == 2
    assert tail(tmp_path / "none", 5) == ""


def test_empty_variables_are_unset_and_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = given(
        {"PORT": "", "API_KEYS_FILE": "keys", "SCORER_LENIENT": "1", "AWS_SECRET": "x", "HOST": " "}
    )
    assert found == {"API_KEYS_FILE": str(tmp_path / "keys"), "SCORER_LENIENT": "1"}
    assert options({})["port"] == 9090
    assert options({})["api_keys"] is None


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, "http://127.0.0.1:9090"),
        ({"HOST": "0.0.0.0", "PORT": "80"}, "http://127.0.0.1:80"),
        ({"HOST": "::", "TLS_CERT_FILE": "x"}, "https://[::1]:9090"),
        ({"HOST": "10.0.0.7"}, "http://10.0.0.7:9090"),
    ],
)
def test_where_this_host_reaches_the_server(environ, expected):
    assert url(environ) == expected


@pytest.mark.parametrize("name", ["", "A", "a/b", "..", "1a", "a" * 64])
def test_a_name_is_a_plain_word(tmp_path, name):
    with pytest.raises(Problem, match="may have small letters"):
        Place(tmp_path, name)


def test_where_servers_have_their_places(tmp_path):
    assert home({"STATE_DIR": str(tmp_path)}) == tmp_path
    assert home({"XDG_STATE_HOME": str(tmp_path)}) == tmp_path / "local-rest-scorer"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A template whose vendor/ has stand-ins for our wheels, of the modules that are installed here."""
    vendor = tmp_path / "template" / "vendor"
    vendor.mkdir(parents=True)
    source = tmp_path / "template" / "src" / "local_rest_scorer"
    source.mkdir(parents=True)
    for path in Path(packaging.__file__).parent.glob("*.py"):
        (source / path.name).write_bytes(path.read_bytes())
    for name in packaging.OWN:
        module = name.replace("-", "_")
        with zipfile.ZipFile(vendor / f"{module}-0.1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{module}.py", f"NAME = {name!r}\n")
            needs = "Requires-Dist: click>=8\nRequires-Dist: none-such ; sys_platform == 'none'\n"
            wheel.writestr(f"{module}-0.1.0.dist-info/METADATA", f"Name: {name}\n{needs}\n")
    return vendor.parent


def test_the_package_is_the_same_each_time_and_has_what_runs(folder):
    paths = packaging.package(folder, {})
    assert [path.relative_to(folder).as_posix() for path in paths] == [packaging.PACKAGE, packaging.PINS]
    first = paths[0].read_bytes()
    packaging.package(folder, {})
    assert paths[0].read_bytes() == first
    paths[0].unlink()
    packaging.package(folder, {})
    assert paths[0].read_bytes() == first
    with zipfile.ZipFile(paths[0]) as archive:
        names = set(archive.namelist())
    assert {
        "__main__.py",
        MANIFEST,
        "local_rest_scorer/program.py",
        "click/core.py",
        "scoring_core.py",
    } <= names
    assert not [name for name in names if "/tests/" in name or name.endswith(".pyc")]
    assert paths[1].read_text().startswith("click==")


def test_the_package_runs_by_itself_and_is_unpacked_once(folder, tmp_path):
    package = packaging.package(folder, {})[0]
    # The stand-ins do not have the module `scoring`, so what can be shown here is that our own code is found.
    done = subprocess.run([package, "status"], capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"})
    assert "local_rest_scorer" in done.stderr
    where = unpacked(package, tmp_path / "programs")
    stamp = where.stat().st_mtime_ns
    assert unpacked(package, tmp_path / "programs") == where
    assert where.stat().st_mtime_ns == stamp
    assert (where / "click").is_dir()


def test_a_package_for_another_machine_is_refused(folder, tmp_path):
    package = packaging.package(folder, {})[0]
    other = tmp_path / "other.pyz"
    with zipfile.ZipFile(package) as archive, zipfile.ZipFile(other, "w") as made:
        for name in archive.namelist():
            made.writestr(name, "cpython-399 plan9 mips" if name == MANIFEST else archive.read(name))
    with pytest.raises(Problem, match="for cpython-399 plan9 mips"):
        unpacked(other, tmp_path / "programs")


def test_what_the_package_lacks_is_named(folder):
    with pytest.raises(Problem, match="no option arch"):
        packaging.package(folder, {"arch": "x86_64"})
    next((folder / "vendor").glob("scoring_core*")).unlink()
    with pytest.raises(Problem, match="no wheel of scoring-core"):
        packaging.package(folder, {})


def test_it_needs_no_environment_but_python():
    done = subprocess.run(
        [sys.executable, "-m", "local_rest_scorer", "--help"], capture_output=True, text=True, check=True
    )
    assert "API_KEYS_FILE" in done.stdout
