"""A state on disk, read as `terraform show -json` tells it whenever the file has changed."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StateFile:
    """The state at `path` of the recipe in `folder`, whose providers were initialised in `data`."""

    def __init__(self, folder: Path, path: Path, data: Path, environment: Mapping[str, str]) -> None:
        self._command = ["terraform", f"-chdir={folder}", "show", "-json", str(path)]
        self._path = path
        self._environment = {**environment, "TF_DATA_DIR": str(data)}
        self._seen: tuple[int, int] | None = None
        self._document: Mapping[str, Any] = {}

    def __call__(self) -> Mapping[str, Any]:
        """Return the state as a document."""
        stamp = self._path.stat().st_mtime_ns, self._path.stat().st_size
        if stamp != self._seen:
            done = subprocess.run(self._command, env=self._environment, capture_output=True, check=True)
            self._document = json.loads(done.stdout)
            self._seen = stamp
        return self._document
