"""What is remembered of a deployment. No secrets: those are in the state alone."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

FORMAT = 1
KEPT = 10
"""Earlier releases that are remembered."""

APPLYING, READY, FAILED, DESTROYING = "applying", "ready", "failed", "destroying"


@dataclass(frozen=True)
class Release:
    """One pipeline as it was applied."""

    digest: str
    """sha256 of the artifact that answers."""
    release: str | None
    """The recipe's name of it, where it has one, such as a function's version."""
    at: str
    """When it was applied: UTC, ISO 8601."""
    sound: bool
    """Whether the smoke test passed."""

    @property
    def key(self) -> tuple[str, str | None]:
        """What tells it from other releases."""
        return self.digest, self.release

    def __str__(self) -> str:
        named = f"release {self.release}, " if self.release else ""
        return f"{named}artifact {self.digest[:12]}, applied {self.at}"


@dataclass
class Record:
    """A deployment as the driver last left it."""

    name: str
    template: str
    folder: str
    """The template's directory."""
    interface: str
    rollback: str
    created: str
    changed: str
    state: str = APPLYING
    error: str | None = None
    backend: str | None = None
    """Kind of the backend that has the state; None: the state is a file of this home."""
    backend_config: str | None = None
    workspace: bool = False
    """Whether the state is in the backend's workspace of the deployment's name."""
    variables: dict[str, Any] = field(default_factory=dict)
    """What the user set."""
    var_files: list[str] = field(default_factory=list)
    applied: dict[str, Any] = field(default_factory=dict)
    """All variables of the last apply."""
    outputs: dict[str, Any] = field(default_factory=dict)
    """Outputs that are not sensitive."""
    attempted: tuple[str, str | None] | None = None
    """Key of the release that was applied last, in vain perhaps."""
    history: list[Release] = field(default_factory=list)
    """Releases, the latest last."""

    @property
    def digest(self) -> str | None:
        """The digest of the artifact that answers, as far as is known."""
        return self.history[-1].digest if self.history else None

    @property
    def url(self) -> str | None:
        """Where it answers."""
        url = self.outputs.get("url")
        return None if url is None else str(url)

    def remember(self, release: Release) -> None:
        """Add what was applied to the history, unless it was applied just before."""
        if self.history and self.history[-1].key == release.key:
            self.history[-1] = release
        else:
            self.history.append(release)
        del self.history[:-KEPT]

    def earlier(self) -> Release | None:
        """Give the latest sound release that is not the one applied last."""
        others = (each for each in reversed(self.history) if each.sound and each.key != self.attempted)
        return next(others, None)

    def kept_digests(self, current: str) -> list[str]:
        """List the digests of earlier releases other than the current one, the latest first."""
        return list(dict.fromkeys(each.digest for each in reversed(self.history) if each.digest != current))

    def to_dict(self) -> dict[str, Any]:
        """Give the record as plain data."""
        return {"format": FORMAT, **asdict(self)}

    @classmethod
    def from_dict(cls, body: Mapping[str, Any]) -> "Record":
        """Make a record of plain data; raises ValueError, KeyError or TypeError if it is none."""
        if body["format"] != FORMAT:
            raise ValueError(f"its format is {body['format']}, not {FORMAT}")
        known = {name: value for name, value in body.items() if name != "format"}
        known["history"] = [Release(**each) for each in known["history"]]
        attempted = known.get("attempted")
        known["attempted"] = None if attempted is None else (attempted[0], attempted[1])
        return cls(**known)


def now() -> str:
    """Give the time as the record writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
