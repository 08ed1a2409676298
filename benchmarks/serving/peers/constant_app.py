"""An ASGI app that reads the body and answers a constant of the usual size: what the server alone costs."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

BODY = b'{"id":"constant","fields":["target.0","target.1","target.2"],"score":[["' + b"0" * 60 + b'"]]}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]
Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer whatever is asked."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
