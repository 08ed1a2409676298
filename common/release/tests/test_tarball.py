"""An archive has the same bytes wherever, whenever and by whomever its files were written."""

import os
import tarfile
from pathlib import Path

from release import tarball

MOMENT = 1700000000


def folder(place: Path, names: list[str], mode: int) -> Path:
    for name in names:
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"of {name}")
        path.chmod(mode)
        os.utime(path, (mode, mode))
    (place / "run.sh").chmod(0o700 | mode)
    return place


def test_order_dates_and_modes_of_the_files_do_not_matter(tmp_path: Path) -> None:
    names = ["b/c", "a", "run.sh", "B", "b-a"]
    first = folder(tmp_path / "one", names, 0o644)
    second = folder(tmp_path / "two", names[::-1], 0o600)

    tarball.write(first, tmp_path / "one.tar.gz", "top-1.0", MOMENT)
    tarball.write(second, tmp_path / "two.tar.gz", "top-1.0", MOMENT)

    assert (tmp_path / "one.tar.gz").read_bytes() == (tmp_path / "two.tar.gz").read_bytes()
    with tarfile.open(tmp_path / "one.tar.gz") as packed:
        entries = packed.getmembers()
    assert [entry.name for entry in entries] == [f"top-1.0/{name}" for name in sorted(names)]
    assert {(entry.uid, entry.uname, entry.mtime) for entry in entries} == {(0, "", MOMENT)}
    assert {entry.name: entry.mode for entry in entries if entry.mode != 0o644} == {"top-1.0/run.sh": 0o755}
