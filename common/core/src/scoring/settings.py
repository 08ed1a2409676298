"""What a deployment may set about the HTTP contract."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


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


DEFAULT: Final = Settings()

_CONTRIBUTIONS: Final = {
    "ALL": ("ORIGINAL", "TRANSFORMED"),
    "ORIGINAL": ("ORIGINAL",),
    "TRANSFORMED": ("TRANSFORMED",),
    "NONE": (),
}


def from_environment(environ: Mapping[str, str]) -> Settings:
    """Return the settings that environment variables give; what is unset or blank has its default.

    The variables are `MODEL_ID`, `SHAPLEY_TYPES_ENABLED` (ALL, ORIGINAL, TRANSFORMED or NONE),
    `SCORER_LENIENT` (true or false), `SCORER_THREADS`, `SCORER_MAX_BODY_BYTES`, `SCORER_MAX_ROWS`,
    `SCORER_MAX_CONTRIBUTION_ROWS`, `SCORER_MAX_FIELDS` and `SCORER_MAX_ERRORS`.

    Raises:
        ValueError: a variable has a value that it may not have; the message names both.
    """
    kinds = _choice(environ, "SHAPLEY_TYPES_ENABLED", "ALL", tuple(_CONTRIBUTIONS))
    limits = Limits()
    return Settings(
        Limits(
            _number(environ, "SCORER_MAX_BODY_BYTES", limits.body_bytes, 1),
            _number(environ, "SCORER_MAX_ROWS", limits.rows, 1),
            _number(environ, "SCORER_MAX_CONTRIBUTION_ROWS", limits.contribution_rows, 1),
            _number(environ, "SCORER_MAX_FIELDS", limits.fields, 1),
            _number(environ, "SCORER_MAX_ERRORS", limits.errors, 1),
        ),
        _choice(environ, "SCORER_LENIENT", "false", ("true", "false")) == "true",
        environ.get("MODEL_ID", "").strip() or None,
        _CONTRIBUTIONS[kinds],
        _number(environ, "SCORER_THREADS", 1, 0),
    )


def _choice(environ: Mapping[str, str], name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environ.get(name, "").strip() or default
    if value not in allowed:
        raise ValueError(f"The environment variable {name} is {value!r}; it may be {' or '.join(allowed)}.")
    return value


def _number(environ: Mapping[str, str], name: str, default: int, least: int) -> int:
    value = environ.get(name, "").strip() or str(default)
    if not (value.isascii() and value.isdigit() and len(value) < 19 and int(value) >= least):
        raise ValueError(
            f"The environment variable {name} is {value!r}; it may be a whole number from {least} up."
        )
    return int(value)
