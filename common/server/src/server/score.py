"""Scoring: the routes that answer with scores and contributions."""

from pathlib import Path
from typing import Final

from scoring import contract, options
from scoring.fault import refusal

from server import formats
from server.call import JSON, Answer, Call
from server.file import file_call
from server.route import Route

PATH: Final = "/model/score"
SHAPLEY: Final = b"requestShapleyValueType"
"""What stands in the body of a request that may ask for contributions."""


async def score(call: Call) -> Answer:
    """Answer POST /model/score."""
    if not formats.plain(call):
        return await formats.score(call)
    if call.query:
        options.none(call.query, call.scorer.settings.lenient)
    body = await call.read()
    if SHAPLEY in body:
        call.limit = "contribution"
    reply = await call.run(contract.reply, call.scorer.scorer, body, call.scorer.settings)
    call.rows = reply.rows
    return Answer(200, JSON, reply.body)


async def contribution(call: Call) -> Answer:
    """Answer POST /model/contribution."""
    if not formats.plain(call):
        return await formats.contribution(call)
    if call.query:
        options.none(call.query, call.scorer.settings.lenient)
    body = await call.read()
    reply = await call.run(contract.contribution_reply, call.scorer.scorer, body, call.scorer.settings)
    call.rows = reply.rows
    return Answer(200, JSON, reply.body)


async def media_score(_call: Call) -> Answer:
    """Answer POST /model/media-score, which is for pictures: not supported."""
    raise refusal("unsupported", "Scoring of files is not supported.", "Send values to /model/score.")


def routes(data_dir: Path | None) -> tuple[Route, ...]:
    """Return the routes; files below `data_dir` can be scored by name, without it none."""

    async def score_file(call: Call) -> Answer:
        given = file_call(call, data_dir)
        answer = await score(given)
        call.rows, call.engine_seconds, call.admitted = given.rows, given.engine_seconds, given.admitted
        return answer

    return (
        Route("POST", PATH, score),
        Route("GET", PATH, score_file),
        Route("POST", "/model/contribution", contribution, "contribution"),
        Route("POST", "/model/media-score", media_score, "light"),
    )
