"""Packs one file."""

import zipfile
from collections.abc import Mapping
from pathlib import Path


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Write build/tiny.zip with `content` in it."""
    target = folder / "build" / "tiny.zip"
    target.parent.mkdir(exist_ok=True)
    if options.get("forget"):
        return []
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("tiny/content.txt", options.get("content", "nothing"))
    return [target]
