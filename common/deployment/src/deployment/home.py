"""Where deployments are kept on this machine, and who works on them."""

import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from scoring.draft import drafted
from scoring.problem import Problem
from scoring.spelling import nearest

from deployment.record import Record

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Place:
    """One deployment's folder: its record, local state, Terraform's data and artifacts by digest."""

    home: Path
    name: str

    @property
    def folder(self) -> Path:
        """Everything of this deployment."""
        return self.home / "deployments" / self.name

    @property
    def state(self) -> Path:
        """The state, where the recipe names no backend."""
        return self.folder / "terraform.tfstate"

    @property
    def data(self) -> Path:
        """Terraform's own files."""
        return self.folder / "terraform"

    def read(self) -> Record | None:
        """Read the record; None when there is no such deployment."""
        path = self.folder / "record.json"
        try:
            return Record.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as fault:
            raise Problem(
                "record_invalid",
                500,
                f"The record {str(path)!r} cannot be read: {fault}.",
                "Another release may have written it. The state beside it is whole.",
            ) from None

    def write(self, record: Record) -> None:
        """Write the record, whole or not at all."""
        self.make()
        with drafted(self.folder / "record.json") as draft:
            draft.write_text(json.dumps(record.to_dict(), indent=2) + "\n", encoding="utf-8")
            draft.chmod(0o600)

    def make(self) -> None:
        """Make the folder, for this user alone: the state in it holds keys."""
        for folder in (self.home, self.home / "deployments", self.folder):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def remove(self) -> None:
        """Remove everything of this deployment from this machine."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def keep(self, data: bytes) -> Path:
        """Keep an artifact under its digest; gives the copy, which stays when the original goes."""
        self.make()
        path = self.artifact(hashlib.sha256(data).hexdigest())
        path.parent.mkdir(exist_ok=True, mode=0o700)
        if not path.is_file() or path.stat().st_size != len(data):
            with drafted(path) as draft:
                draft.write_bytes(data)
        return path

    def artifact(self, digest: str) -> Path:
        """Name the kept copy of an artifact."""
        return self.folder / "artifacts" / f"{digest}.pipeline"

    def prune(self, digests: set[str]) -> None:
        """Remove the kept artifacts other than these."""
        for path in (self.folder / "artifacts").glob("*.pipeline"):
            if path.stem not in digests:
                path.unlink(missing_ok=True)

    def keep_file(self, source: Path, number: int) -> str:
        """Copy a file of variables, so that later commands have it; gives its name."""
        name = f"{number}-{source.name}"
        folder = self.folder / "variables"
        self.make()
        folder.mkdir(exist_ok=True, mode=0o700)
        try:
            text = source.read_bytes()
        except OSError as fault:
            raise Problem(
                "file_unreadable",
                400,
                f"{str(source)!r} cannot be read: {fault.strerror}.",
                "See --var-file.",
            ) from None
        with drafted(folder / name) as draft:
            draft.touch(mode=0o600)
            draft.write_bytes(text)
        return name

    def kept_file(self, name: str) -> Path:
        """Name the kept copy of a file of variables."""
        return self.folder / "variables" / name

    @contextmanager
    def lock(self, doing: str) -> Iterator[None]:
        """Keep every other run away from this deployment; raises Problem that says who is at work."""
        folder = self.home / "locks"
        for each in (self.home, folder):
            each.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (folder / self.name).open("a+", encoding="utf-8") as file:  # never removed: a lock is its inode
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Problem(
                    "deployment_busy",
                    409,
                    f"Another run is at work on {self.name!r}: {self._holder() or 'it just began'}.",
                    "Wait until it has ended.",
                ) from None
            since = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            file.truncate(0)
            file.write(f"{doing}, process {os.getpid()}, since {since}")
            file.flush()
            try:
                yield
            finally:
                with suppress(OSError):
                    file.truncate(0)

    def busy(self) -> bool:
        """Say whether a run is at work on this deployment now."""
        try:
            with (self.home / "locks" / self.name).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def _holder(self) -> str:
        return (self.home / "locks" / self.name).read_text(encoding="utf-8").strip()


class Home:
    """All deployments of this user on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @classmethod
    def find(cls, environment: Mapping[str, str]) -> "Home":
        """Find it: $SCORING_HOME, else `scoring` in the user's folder for state (XDG)."""
        if environment.get("SCORING_HOME"):
            return cls(Path(environment["SCORING_HOME"]).resolve())
        states = environment.get("XDG_STATE_HOME")
        return cls((Path(states) if states else Path.home() / ".local" / "state") / "scoring")

    def place(self, name: str) -> Place:
        """Give the place of a deployment that may not exist yet; raises Problem for an impossible name."""
        if not _NAME.fullmatch(name):
            raise Problem(
                "name_invalid",
                400,
                f"{name!r} is no name for a deployment.",
                "Use up to 63 letters, digits and hyphens, beginning with a letter or digit.",
            )
        return Place(self.root, name)

    def names(self) -> list[str]:
        """List the names of all deployments."""
        return sorted(path.parent.name for path in (self.root / "deployments").glob("*/record.json"))

    def find_record(self, name: str) -> tuple[Place, Record]:
        """Give the place and the record of a deployment; raises Problem with the nearest name."""
        place = self.place(name)
        record = place.read()
        if record is None:
            names = self.names()
            close = nearest(name, names)
            known = (
                f"There are {', '.join(names)}."
                if names
                else "There are none yet: `scoring deploy` makes one."
            )
            raise Problem(
                "deployment_not_found",
                404,
                f"There is no deployment {name!r}.",
                f"Did you mean {close!r}?" if close else known,
            )
        return place, record
