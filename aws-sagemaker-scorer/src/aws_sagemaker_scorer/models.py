"""Models: the routes by which SageMaker has one container load, list, invoke and unload many of them.

The names are SageMaker's: hashes of the objects in S3, from which it has unpacked each model into a directory
of its own. Loading more than there may be is answered with 507, on which SageMaker unloads others.
"""

import json
from pathlib import Path
from typing import Any

from scoring.fault import refusal
from scoring.problem import Problem
from server.call import JSON, Answer, Call, Served
from server.route import Handler, Route
from server.served import load

from aws_sagemaker_scorer.artifact import found

_PAGE = 100
"""Models that one answer lists."""


class Models:
    """The models in memory, at most `most`; they are loaded and unloaded on the event loop, one at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._loaded: dict[str, tuple[str, Served]] = {}

    def routes(self, invoke: Handler) -> tuple[Route, ...]:
        """Return the routes; `invoke` answers for the model that it finds in `call.scorer`."""

        async def invoked(call: Call) -> Answer:
            call.scorer = self._of(call)[1]
            return await invoke(call)

        return (
            Route("POST", "/models", self.add, "light"),
            Route("GET", "/models", self.all, "light"),
            Route("GET", "/models/{name}", self.one, "light"),
            Route("DELETE", "/models/{name}", self.remove, "light"),
            Route("POST", "/models/{name}/invoke", invoked),
        )

    async def add(self, call: Call) -> Answer:
        """Answer POST /models: load the artifact in the directory that `url` names."""
        try:
            document = json.loads(await call.read())
            name, url = document["model_name"], document["url"]
            known = isinstance(name, str) and name and isinstance(url, str) and url
        except (ValueError, KeyError, TypeError, RecursionError):
            known = False
        if not known:
            raise refusal("invalid_request", "The body wants model_name and url, both texts.")
        if name in self._loaded:
            raise Problem("model_loaded", 409, f"The model {name} is loaded.", "Unload it first.")
        if len(self._loaded) >= self._most:
            detail = f"There are {self._most} models in memory, which is as many as there may be."
            raise Problem("too_many_models", 507, detail, "Unload one, or raise SCORER_MAX_MODELS.")
        try:
            data = found(Path(url)).read_bytes()
            self._loaded[name] = url, load(data, call.scorer.settings)
        except MemoryError:
            detail = "There is no memory for the model."
            raise Problem("too_many_models", 507, detail, "Unload one.") from None
        except OSError as error:
            detail = f"The artifact of {name} cannot be read: {error.strerror}."
            raise Problem("artifact_unreadable", 503, detail, "Check its object in S3.") from None
        return _json({"modelName": name, "modelUrl": url})

    async def all(self, call: Call) -> Answer:
        """Answer GET /models; the query's next_page_token says from where on."""
        token = (call.query.get("next_page_token") or ["0"])[-1]
        if not (token.isascii() and token.isdigit() and len(token) < 9):
            raise refusal("invalid_request", "The next_page_token is none that was given out.")
        start = int(token)
        names = sorted(self._loaded)
        listed: dict[str, Any] = {"models": [self._card(name) for name in names[start : start + _PAGE]]}
        if start + _PAGE < len(names):
            listed["nextPageToken"] = str(start + _PAGE)
        return _json(listed)

    async def one(self, call: Call) -> Answer:
        """Answer GET /models/{name}."""
        self._of(call)
        return _json(self._card(call.parameters["name"]))

    async def remove(self, call: Call) -> Answer:
        """Answer DELETE /models/{name}; requests at work still end with that model."""
        self._of(call)
        del self._loaded[call.parameters["name"]]
        return _json({})

    def _of(self, call: Call) -> tuple[str, Served]:
        found_ = self._loaded.get(call.parameters["name"])
        if found_ is None:
            raise refusal("not_found", "There is no such model in memory.", "POST /models loads one.")
        return found_

    def _card(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": self._loaded[name][0]}


def _json(document: Any) -> Answer:
    return Answer(200, JSON, json.dumps(document, separators=(",", ":")).encode())
