"""How long work tells its caller where it is."""

from collections.abc import Callable
from typing import TypeAlias

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with (stage in words, steps done, steps in all); it may raise to stop the work."""


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""
