"""A tarball: a folder as a .tar.gz that is the same bytes whenever and by whomever it is made."""

import gzip
import tarfile
from pathlib import Path
from typing import Final

from scoring.draft import drafted

_LEVEL: Final = 9


def write(folder: Path, path: Path, top: str, moment: int) -> None:
    """Write the files under `folder` to `path`, under the name `top`, in order, all of one date and no owner.

    `moment` is in seconds since 1970. Of modes only the right to run a file is kept. Raises Problem.
    """
    with (
        drafted(path) as draft,
        draft.open("wb") as raw,
        gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        files = (each for each in folder.rglob("*") if each.is_file())
        for file in sorted(files, key=lambda each: each.relative_to(folder).as_posix()):
            entry = tarfile.TarInfo(f"{top}/{file.relative_to(folder).as_posix()}")
            about = file.stat()
            entry.size = about.st_size
            entry.mode = 0o755 if about.st_mode & 0o100 else 0o644
            entry.mtime = moment
            with file.open("rb") as content:
                archive.addfile(entry, content)
