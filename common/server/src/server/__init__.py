"""The REST server of a scoring pipeline: the app that every HTTP template runs, and the process around it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from server.app import make_app
    from server.launch import serve
    from server.settings import Settings

__all__ = ["Settings", "__version__", "make_app", "serve"]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for."""
    from importlib import import_module

    homes = {"make_app": "server.app", "serve": "server.launch", "Settings": "server.settings"}
    if name not in homes:
        raise AttributeError(f"module 'server' has no attribute {name!r}")
    value = getattr(import_module(homes[name]), name)
    globals()[name] = value
    return value
