"""What has been made on the stand-in, kept in one JSON file that tests can read."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Ledger:
    """Everything that exists, by (resource type, name), safe to use from several processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def all(self) -> dict[tuple[str, str], Entry]:
        """Return what exists now."""
        with self.changing() as entries:
            return dict(entries)

    def names(self) -> list[str]:
        """Return "type name" of everything that exists, sorted."""
        return sorted(f"{kind} {name}" for kind, name in self.all())

    @contextmanager
    def changing(self) -> Iterator[dict[tuple[str, str], Entry]]:
        """Yield the entries; what is changed in them is written, unless an error is raised."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            handle.seek(0)
            before = handle.read()
            entries = {(kind, name): entry for kind, name, entry in json.loads(before or "[]")}
            yield entries
            after = json.dumps(
                [[kind, name, entry] for (kind, name), entry in sorted(entries.items())], indent=1
            )
            if after != before:
                handle.seek(0)
                handle.truncate()
                handle.write(after)
