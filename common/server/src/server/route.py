"""Routes: a method and a path -> the handler that answers, or the problem that says what is there instead."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from scoring.fault import refusal

from server.call import Access, Answer, Call, Limit

Handler = Callable[[Call], Awaitable[Answer]]

_CLOSE: Final = 0.5
"""How alike a path must be to be offered to a caller who missed it."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one method on one path.

    `path` may have whole segments such as `{name}`, whose values the handler finds in `call.parameters`.
    `limit` says which gate and which threads `call.run` uses: "score", "contribution" (dear: few at a time)
    or "light" (neither a gate nor a thread). `access` is the key that a caller needs: "api", "admin" or
    "open" (none).
    """

    method: str
    path: str
    handler: Handler
    limit: Limit = "score"
    access: Access = "api"


class Router:
    """Finds routes. The routes with fixed paths are found first, then those with parameters in turn."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._fixed: dict[str, dict[str, Route]] = {}
        self._open: list[tuple[list[str], dict[str, Route]]] = []
        for route in self.routes:
            if "{" in route.path:
                methods = next((found for parts, found in self._open if "/".join(parts) == route.path), None)
                if methods is None:
                    methods = {}
                    self._open.append((route.path.split("/"), methods))
            else:
                methods = self._fixed.setdefault(route.path, {})
            methods[route.method] = route

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]]:
        """Return the route and its parameters; HEAD is answered as GET is, without the body.

        Raises:
            Problem: `not_found` with the nearest path, or `method_not_allowed` (see `allowed`).
        """
        methods, parameters = self._methods(path)
        route = methods.get("GET" if method == "HEAD" else method)
        if route is not None:
            return route, parameters
        if methods:
            wanted = " or ".join(self.allowed(path))
            raise refusal("method_not_allowed", f"The route {path} answers {wanted}.", f"Send {wanted}.")
        near = get_close_matches(path, [route.path for route in self.routes], 1, _CLOSE)
        hint = f"Did you mean {near[0]}?" if near else "GET /openapi.json lists the routes."
        raise refusal("not_found", "There is no such route.", hint)

    def allowed(self, path: str) -> list[str]:
        """Return the methods that a path answers, as the header Allow lists them."""
        methods = self._methods(path)[0]
        return sorted({*methods, *(("HEAD",) if "GET" in methods else ())})

    def _methods(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        methods = self._fixed.get(path)
        if methods is not None:
            return methods, {}
        segments = path.split("/")
        for parts, methods in self._open:
            if len(parts) == len(segments):
                parameters = _match(parts, segments)
                if parameters is not None:
                    return methods, parameters
        return {}, {}


def _match(parts: list[str], segments: list[str]) -> dict[str, str] | None:
    found = {}
    for part, segment in zip(parts, segments, strict=True):
        if part.startswith("{"):
            if not segment:
                return None
            found[part[1:-1]] = segment
        elif part != segment:
            return None
    return found
