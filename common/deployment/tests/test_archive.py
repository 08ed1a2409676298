"""Archives: the same bytes from the same members, and of a tree what running it needs."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

from deployment.archive import members, zipped


def test_an_archive_depends_on_its_members_alone() -> None:
    content = {"b/c.py": b"1", "a.py": b"2"}

    assert zipped(content) == zipped(dict(reversed(content.items())))
    assert zipped(content) != zipped({**content, "a.py": b"3"})


def test_names_are_sorted_and_libraries_can_be_loaded() -> None:
    archive = zipfile.ZipFile(io.BytesIO(zipped({"x.so": b"", "a.py": b"", "y.so.1": b""}, comment=b"why")))

    modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}

    assert list(modes.items()) == [("a.py", 0o100644), ("x.so", 0o100755), ("y.so.1", 0o100755)]
    assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert archive.comment == b"why"


def test_what_comes_before_it_does_not_keep_it_from_running(tmp_path: Path) -> None:
    path = tmp_path / "program"
    path.write_bytes(zipped({"__main__.py": b"print('runs')"}, prefix=f"#!{sys.executable}\n".encode()))
    path.chmod(0o755)

    assert subprocess.run([path], capture_output=True, text=True, check=True).stdout == "runs\n"


def test_of_a_tree_what_running_needs(tmp_path: Path) -> None:
    wanted = ("binary/x.py", "numpy-2.dist-info/METADATA", "numpy/core.py", "numpy/core.so", "tested.py")
    other = (
        "numpy/tests/test_x.py", "numpy/core.pyi", "numpy/include/a.h", "bin/f2py", ".lock", "tests/x.py",
        "numpy-2.dist-info/RECORD", "numpy-2.dist-info/direct_url.json", "a.pyc",
    )  # fmt: skip
    for name in wanted + other:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)

    assert sorted(members(tmp_path)) == [(name, name.encode()) for name in wanted]
