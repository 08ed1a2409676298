"""The HTTP contract as a library: the bytes of a request -> the bytes of its answer, on every template.

A template owns routes, keys and sockets; what an answer says is decided here, so the same request, good or
bad, gets the same bytes everywhere. Refusals are raised as `Problem`; `problem_body` turns one into a
status and a body.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from scoring._engine import Matrix
from scoring.distance import Distance
from scoring.example import example_cell, example_request
from scoring.fault import refusal
from scoring.manifest import BINOMIAL, MULTINOMIAL, REGRESSION
from scoring.problem import Problem
from scoring.request import Request, RequestParser
from scoring.response import Distances, ResponseWriter
from scoring.schema import Field
from scoring.settings import DEFAULT, Settings

if TYPE_CHECKING:
    from scoring.scorer import Scorer

_SCORING_TYPES = {REGRESSION: "REGRESSION", BINOMIAL: "BINOMIAL", MULTINOMIAL: "CLASSIFICATION"}
_ONE_THREAD = 256  # rows up to which a second thread costs more than it brings


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer and what a deployment may count about it: rows, and unseen categories by field."""

    body: bytes
    request: Request

    @property
    def rows(self) -> int:
        """How many rows were answered."""
        return len(self.request.rows)

    def unseen(self) -> dict[str, int]:
        """Count, by field, the cells with a category that the scorer never saw."""
        return self.request.unseen()


@dataclass(frozen=True, slots=True)
class _Desk:
    settings: Settings
    parser: RequestParser
    writer: ResponseWriter
    distance: Distance | None


_DESKS: "WeakKeyDictionary[Scorer, _Desk]" = WeakKeyDictionary()


def answer(scorer: "Scorer", body: bytes, settings: Settings = DEFAULT) -> bytes:
    """Return the response to a score request.

    Raises:
        Problem: the request is refused, or scoring failed (code `internal_error`, with the cause attached).
    """
    return _score(scorer, body, settings)[0]


def contribution(scorer: "Scorer", body: bytes, settings: Settings = DEFAULT) -> bytes:
    """Return the response to a contribution request; raises Problem as `answer` does."""
    return contribution_reply(scorer, body, settings).body


def reply(scorer: "Scorer", body: bytes, settings: Settings = DEFAULT) -> Reply:
    """Answer a score request; raises Problem as `answer` does."""
    return Reply(*_score(scorer, body, settings))


def contribution_reply(scorer: "Scorer", body: bytes, settings: Settings = DEFAULT) -> Reply:
    """Answer a contribution request; raises Problem as `answer` does."""
    try:
        desk = _desk(scorer, settings)
        request = desk.parser.contribution(body)
        parts = _contributions(scorer, request, settings)
        return Reply(desk.writer.contribution(request, parts), request)
    except Problem:
        raise
    except Exception as error:
        raise refusal("internal_error") from error


@dataclass(frozen=True, slots=True)
class Result:
    """What the rows of a request come to.

    Attributes:
        scores: Of shape (rows, outputs), or None if only contributions are wanted.
        contributions: As `Scorer.contributions` gives them, or None if the request wants none.
        distances: How far the rows are from the training rows, or None if the request does not ask.
    """

    scores: Matrix | None
    contributions: Matrix | None = None
    distances: Distances | None = None


def parse(
    scorer: "Scorer", body: bytes, settings: Settings = DEFAULT, contributions: bool = False
) -> Request:
    """Return the request in a JSON body, for answers that are not JSON; raises Problem as `answer` does."""
    parser = _desk(scorer, settings).parser
    return parser.contribution(body) if contributions else parser.score(body)


def opening(
    scorer: "Scorer", members: dict[str, Any], settings: Settings = DEFAULT, contributions: bool = False
) -> Request:
    """Return a request that has no rows yet; see `RequestParser.opening`. Raises Problem as `answer` does."""
    return _desk(scorer, settings).parser.opening(members, contributions)


def evaluate(scorer: "Scorer", request: Request, settings: Settings = DEFAULT, scored: bool = True) -> Result:
    """Work out a request that `parse` or `opening` gave; the latter's needs its `values` filled in.

    Without `scored` there are no scores, only what else the request asks for.
    """
    scores = None
    if scored:
        found = _scores(scorer, request, settings)
        scores = found if isinstance(found, Matrix) else Matrix([found])
    parts = None if request.shapley is None else _contributions(scorer, request, settings)
    distances = _distances(_desk(scorer, settings), request) if request.flagged else None
    return Result(scores, parts, distances)


def render(scorer: "Scorer", request: Request, result: Result, settings: Settings = DEFAULT) -> bytes:
    """Return the JSON body that answers a request; its `rows` are needed for repeated fields only."""
    writer = _desk(scorer, settings).writer
    if result.scores is None:
        assert result.contributions is not None
        return writer.contribution(request, result.contributions)
    return writer.score(request, result.scores, result.contributions, result.distances)


def identifier(scorer: "Scorer", settings: Settings = DEFAULT) -> str:
    """Return the id that answers carry: the deployment's `model_id`, or the scorer's own."""
    return settings.model_id or scorer.id


def schema(scorer: "Scorer", settings: Settings = DEFAULT) -> bytes:
    """Return the description of the scorer: id, name, task, labels, inputs and outputs."""
    labels = list(scorer.labels)
    properties = {
        "scoringType": _SCORING_TYPES[scorer.task],
        "target": scorer.target,
        "scoringResponseLabels": labels,
        "scoringResponLabels": labels,  # the name in version 1 of the published API, spelt as there
    }
    described = {
        "inputFields": [_describe(field) for field in scorer.schema.inputs],
        "outputFields": [{"name": name, "dataType": "Float64"} for name in scorer.output_names],
    }
    card = {"id": identifier(scorer, settings), "name": scorer.name, "properties": properties}
    return _json({**card, "schema": described})


def sample_request(scorer: "Scorer") -> bytes:
    """Return a score request that works, with a real row if the artifact has one."""
    return _json(_sample(scorer, None))


def sample_contribution_request(scorer: "Scorer", settings: Settings = DEFAULT) -> bytes:
    """Return a contribution request that works; raises Problem `unsupported` if there are none."""
    kinds = _kinds(scorer, settings)
    if not kinds:
        raise refusal("unsupported", "This deployment gives no contributions.")
    return _json(_sample(scorer, kinds[0]))


def capabilities(scorer: "Scorer", settings: Settings = DEFAULT) -> bytes:
    """Return what the deployment can do: SCORE, CONTRIBUTION_ORIGINAL, CONTRIBUTION_TRANSFORMED."""
    return _json(["SCORE", *(f"CONTRIBUTION_{kind}" for kind in _kinds(scorer, settings))])


def problem_body(problem: Problem) -> tuple[int, bytes]:
    """Return the HTTP status and the JSON body of a problem; equal problems have equal bytes."""
    return problem.status, _json(problem.to_dict())


def _score(scorer: "Scorer", body: bytes, settings: Settings) -> tuple[bytes, Request]:
    try:
        desk = _desk(scorer, settings)
        request = desk.parser.score(body)
        scores = _scores(scorer, request, settings)
        parts = None if request.shapley is None else _contributions(scorer, request, settings)
        found = _distances(desk, request) if request.flagged else None
        return desk.writer.score(request, scores, parts, found), request
    except Problem:
        raise
    except Exception as error:
        raise refusal("internal_error") from error


def _desk(scorer: "Scorer", settings: Settings) -> _Desk:
    desk = _DESKS.get(scorer)
    if desk is None or (desk.settings is not settings and desk.settings != settings):
        distance = Distance.of(scorer.artifact.baseline, scorer.schema.names)
        kinds, rows, fields = _kinds(scorer, settings), _sample_rows(scorer), scorer.schema

        def example(contributions: bool) -> dict[str, Any]:
            return example_request(fields, rows, kinds[0] if contributions and kinds else None)

        parser = RequestParser(scorer.schema, settings, kinds, example, distance is not None)
        labels = scorer.labels if scorer.task == MULTINOMIAL else ()
        names = scorer.schema.names, scorer.engine.feature_names
        writer = ResponseWriter(identifier(scorer, settings), scorer.output_names, *names, labels)
        desk = _DESKS[scorer] = _Desk(settings, parser, writer, distance)
    return desk


def _scores(scorer: "Scorer", request: Request, settings: Settings) -> tuple[float, ...] | Matrix:
    if request.row is not None:
        found: float | tuple[float, ...] = scorer.engine.row(request.row)
        if isinstance(found, tuple):
            return found
        return (1.0 - found, found) if scorer.task == BINOMIAL else (found,)
    scores = scorer.engine.scores(request.matrix(), False, _threads(request, settings))
    return scores.complemented() if scorer.task == BINOMIAL else scores


def _contributions(scorer: "Scorer", request: Request, settings: Settings) -> Matrix:
    original = request.shapley == "ORIGINAL"
    return scorer.engine.parts(request.matrix(), original, _threads(request, settings))


def _distances(desk: _Desk, request: Request) -> Distances:
    assert desk.distance is not None  # the parser refuses such requests otherwise
    threshold = desk.distance.threshold
    lengths = desk.distance.measure(request.matrix())
    return Distances(lengths, [length > threshold for length in lengths], threshold)


def _threads(request: Request, settings: Settings) -> int:
    many = request.values is not None and len(request.values) > _ONE_THREAD
    return settings.threads if many or request.shapley else 1


def _kinds(scorer: "Scorer", settings: Settings) -> tuple[str, ...]:
    """Return the kinds of contributions, in the order that capabilities list them."""
    if (
        not scorer.engine.has_counts
    ):  # without the leaves' counts there are no expectations, so no Shapley values
        return ()
    return tuple(kind for kind in ("ORIGINAL", "TRANSFORMED") if kind in settings.contributions)


def _sample_rows(scorer: "Scorer") -> list[list[str]]:
    return list(scorer.artifact.samples.get("rows", ()))


def _sample(scorer: "Scorer", kind: str | None) -> dict[str, Any]:
    return example_request(scorer.schema, _sample_rows(scorer), kind)


def _describe(field: Field) -> dict[str, Any]:
    card: dict[str, Any] = {"name": field.name, "dataType": field.type, "example": example_cell(field)}
    card["missing"] = list(field.missing)
    if field.categories is not None:
        card["categories"] = list(field.categories)
    if field.minimum is not None:
        card["min"] = field.minimum
    if field.maximum is not None:
        card["max"] = field.maximum
    return card


def _json(document: Any) -> bytes:
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")
