"""Administration: the routes that swap the scoring pipeline. They exist only when there are admin keys."""

import asyncio
import json
from collections.abc import Callable

from server.call import JSON, Answer, Call, Served
from server.route import Route
from server.served import card
from server.stand import Stand


def routes(stand: Stand) -> tuple[Route, ...]:
    """Return the routes."""

    async def reload(_call: Call) -> Answer:
        return await _swapped(stand.reload)

    async def rollback(_call: Call) -> Answer:
        return await _swapped(stand.rollback)

    return (
        Route("POST", "/admin/reload", reload, "light", "admin"),
        Route("POST", "/admin/rollback", rollback, "light", "admin"),
    )


async def _swapped(swap: Callable[[], Served]) -> Answer:
    served = await asyncio.to_thread(swap)
    return Answer(200, JSON, json.dumps(card(served), ensure_ascii=False).encode())
