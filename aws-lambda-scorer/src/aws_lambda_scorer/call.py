"""Calls: one HTTP request as the routes see it, and its answer, whatever brought it to the function."""

from dataclasses import dataclass, field
from typing import Final

JSON: Final = "application/json"


@dataclass(slots=True)
class Call:
    """A request.

    Attributes:
        method: In upper case.
        path: Decoded, with everything that the caller's address has before the routes.
        query: The values of every name in the query, in order.
        headers: Names in lower case.
        body: As it was sent, after base64.
        prefixes: What may stand before a route: the stage, or the base path of a domain.
        proxy: The path below the resource of a REST API, "" if there is none.
        rows: Rows that were scored, for the log.
        route: The route that answers, for the log.
        code: The code of the problem that was answered, for the log.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    prefixes: tuple[str, ...] = ()
    proxy: str = ""
    rows: int = 0
    route: str = "none"
    code: str = ""


@dataclass(slots=True)
class Answer:
    """A status, a content type, a body, and further headers with names in lower case."""

    status: int
    content_type: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
