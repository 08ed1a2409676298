"""Probes: the routes that ask how the server is, and the metrics."""

from typing import TYPE_CHECKING

from scoring.fault import refusal

from server.call import JSON, Answer, Call
from server.route import Route

if TYPE_CHECKING:
    from server.app import App


def routes(app: "App") -> tuple[Route, ...]:
    """Return the routes."""

    async def livez(_call: Call) -> Answer:
        return Answer(200, JSON, b'{"status":"alive"}')

    async def readyz(_call: Call) -> Answer:
        if not app.ready:
            raise refusal("not_ready", "The server is shutting down.", "Ask another one.")
        return Answer(200, JSON, b'{"status":"ready"}')

    async def metrics(call: Call) -> Answer:
        text = app.metrics_text(call.scorer)
        return Answer(200, "text/plain; version=0.0.4; charset=utf-8", text.encode())

    return (
        Route("GET", "/livez", livez, "light", "open"),
        Route("GET", "/readyz", readyz, "light", "open"),
        Route("GET", "/metrics", metrics, "light"),
    )
