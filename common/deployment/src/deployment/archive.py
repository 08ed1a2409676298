"""An archive: files by their names, always the same bytes from the same content, whoever makes it where."""

import io
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

NOT_RUN: Final = re.compile(
    r"(^|/)(tests?|__pycache__|include|f2py|_pyinstaller|distutils)/|^bin/|^\.lock$|"
    r"\.(pyi|pyx|pxd|pxi|c|h|hpp|a|pyc)$|dist-info/(RECORD|INSTALLER|REQUESTED|direct_url\.json|uv_.*)$"
)
"""Names, in a tree of installed libraries, of what running them never reads or what differs each time."""

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the first day that a zip archive can name
_READABLE: Final = 0o100644
_LOADED: Final = 0o100755  # as linkers leave a shared library


def members(tree: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a tree that running it needs, by their names in it, in the order of these."""
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.is_file() and not NOT_RUN.search(name):
            yield name, path.read_bytes()


def zipped(
    members: Mapping[str, bytes], *, prefix: bytes = b"", comment: bytes = b"", level: int = 6
) -> bytes:
    """Return a zip archive: its members sorted, all of one date, with permissions that follow from names.

    `prefix` comes before it, such as the line that names an interpreter.
    """
    file = io.BytesIO(prefix)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        archive.comment = comment
        for name in sorted(members):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = (_LOADED if ".so" in Path(name).suffixes else _READABLE) << 16
            archive.writestr(entry, members[name], compresslevel=level)
    return file.getvalue()
