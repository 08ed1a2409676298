"""What a deployment may set about the HTTP contract."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a request may be; more is refused with status 413 before any work is done on it.

    `contribution_rows` bounds requests for contributions, which cost about a hundred times a score.
    """

    body_bytes: int = 32 * 1024 * 1024
    rows: int = 100_000
    contribution_rows: int = 10_000
    fields: int = 10_000
    errors: int = 20

    def __post_init__(self) -> None:
        for name in ("body_bytes", "rows", "contribution_rows", "fields", "errors"):
            if getattr(self, name) < 1:
                raise ValueError(f"The limit {name} must be at least 1.")


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one deployment.

    Attributes:
        limits: How large a request may be.
        lenient: If true, an input that a request lacks is missing in every row, and keys or output fields
        that
            nobody knows are ignored. If false (the default) each of them is a fault, with the nearest name.
        model_id: Shown as `id` in place of the scorer's own id, for instance the id in a model registry.
        contributions: The kinds of contributions that are served; a subset of ORIGINAL and TRANSFORMED.
        threads: Threads that one large request may use; 0 means all cores.
    """

    limits: Limits = field(default_factory=Limits)
    lenient: bool = False
    model_id: str | None = None
    contributions: tuple[str, ...] = ("ORIGINAL", "TRANSFORMED")
    threads: int = 1

    def __post_init__(self) -> None:
        if not set(self.contributions) <= {"ORIGINAL", "TRANSFORMED"}:
            raise ValueError("The setting contributions may name ORIGINAL and TRANSFORMED only.")


DEFAULT = Settings()
