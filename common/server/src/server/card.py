"""The card of a scoring pipeline: the routes that say what it is and how to ask it."""

from typing import Final

from scoring import contract

from server.call import JSON, Answer, Call
from server.route import Route


async def identifier(call: Call) -> Answer:
    """Answer GET /model/id."""
    return Answer(200, "text/plain; charset=utf-8", call.scorer.id.encode())


async def schema(call: Call) -> Answer:
    """Answer GET /model/schema."""
    return Answer(200, JSON, contract.schema(call.scorer.scorer, call.scorer.settings))


async def sample_request(call: Call) -> Answer:
    """Answer GET /model/sample_request."""
    return Answer(200, JSON, contract.sample_request(call.scorer.scorer))


async def sample_contribution_request(call: Call) -> Answer:
    """Answer GET /model/sample_contribution_request."""
    body = contract.sample_contribution_request(call.scorer.scorer, call.scorer.settings)
    return Answer(200, JSON, body)


async def capabilities(call: Call) -> Answer:
    """Answer GET /model/capabilities."""
    return Answer(200, JSON, contract.capabilities(call.scorer.scorer, call.scorer.settings))


ROUTES: Final = (
    Route("GET", "/model/id", identifier, "light"),
    Route("GET", "/model/schema", schema, "light"),
    Route("GET", "/model/sample_request", sample_request, "light"),
    Route("GET", "/model/sample_contribution_request", sample_contribution_request, "light"),
    Route("GET", "/model/capabilities", capabilities, "light"),
)
