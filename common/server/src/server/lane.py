"""The lane: small score requests that have come whole are answered on the spot, without ASGI's machinery.

A task, a scope, messages and a call cost more than scoring one row does. What is not plain, or would not be
answered with 200, is left to the app, which then does all of it: so there is one place where requests are
refused, and the lane answers as the app would have answered.
"""

from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Final

from scoring import contract

from server.app import App
from server.call import JSON
from server.clock import engine_clock
from server.door import QUICK
from server.formats import plain_headers
from server.keys import presented
from server.score import PATH, SHAPLEY

URL: Final = PATH.encode()
"""The only path of the lane, as requests have it: without a query."""

_DIGITS: Final = len(str(QUICK))
_TYPE: Final = b"content-type: %b\r\n" % JSON.encode()


class Lane:
    """The lane of one worker; `server.process` puts it before the app."""

    def __init__(self, app: App) -> None:
        self._app = app

    def takes(self, headers: Mapping[bytes, bytes]) -> bool:
        """Whether a request for `URL` with these headers may be answered here when its body has come."""
        length = headers.get(b"content-length", b"")
        return (
            len(length) <= _DIGITS
            and length.isdigit()
            and int(length) <= QUICK
            and plain_headers(headers)
            and b"expect" not in headers
            and b"upgrade" not in headers
            and self._app.ready
            and not self._app.desk.full("score")
        )

    def answer(
        self, headers: Mapping[bytes, bytes], body: bytes, put: Callable[[bytes, bytes], None]
    ) -> bool:
        """Answer a request whose body has come; False, and nothing done, if the app has to do it.

        `put` takes the lines of the answer's headers, and the answer's body.
        """
        begun = perf_counter()
        app = self._app
        key: str | None = ""
        if app.keys is not None:
            key = app.keys.name(presented(headers))
        if key is None or SHAPLEY in body:
            return False
        served = app.stand.current
        engine_clock.seconds = 0.0
        try:
            reply = contract.reply(served.scorer, body, served.settings)
        except Exception:  # noqa: BLE001 -- the app meets it again, and says what is wrong
            return False
        content, engine = reply.body, engine_clock.seconds
        request_id = app.ids.of(headers.get(b"x-request-id"))
        lines = b"%b%bx-request-id: %b\r\ncontent-length: %d\r\n" % (
            _TYPE, served.lines, request_id.encode(), len(content),
        )  # fmt: skip
        app.ledger.begin()
        app.ledger.note(
            headers, request_id, "POST", PATH, 200, len(body), len(content), reply.rows,
            perf_counter() - begun, engine, served.digest, key, "",
        )  # fmt: skip
        put(lines, content)
        return True
