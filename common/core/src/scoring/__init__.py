"""The scoring core: artifact, engine, contributions and request contract.

Importing this package is cheap: a name is loaded when it is first asked for, and numpy with the first array.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scoring.artifact import Artifact
    from scoring.packing import pack
    from scoring.problem import Problem
    from scoring.schema import Field, Schema
    from scoring.scorer import Scorer, load

__all__ = ["Artifact", "Field", "Problem", "Schema", "Scorer", "__version__", "load", "pack"]

__version__ = "0.1.0"

_HOMES = {
    "Artifact": "scoring.artifact",
    "Field": "scoring.schema",
    "Problem": "scoring.problem",
    "Schema": "scoring.schema",
    "Scorer": "scoring.scorer",
    "load": "scoring.scorer",
    "pack": "scoring.packing",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its module; the name then stays in the package."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'scoring' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
