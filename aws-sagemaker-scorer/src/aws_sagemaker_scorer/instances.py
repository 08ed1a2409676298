"""Instances: the documents that clients of SageMaker's own algorithms send, and what they expect back.

A body is `{"instances": [INSTANCE, ...]}`, or JSON Lines of `INSTANCE`. An instance is an array of cells in
schema order, `{"features": [...]}`, `{"data": {"features": {"values": [...]}}}`, or, among `instances`, an
object with a member for each field. A prediction is `{"score": number}` for a regression; with two labels
`score` is the probability of the second one, with more an array, and `predicted_label` is the likeliest.
Numbers are those of the contract, to the last bit; those that are not finite are texts.
"""

import json
from collections.abc import Sequence
from typing import Any, Final

from scoring import contract, media
from scoring.body import decode
from scoring.cell import number_text
from scoring.fault import Faults, refusal
from scoring.manifest import BINOMIAL, REGRESSION
from scoring.media import Media
from scoring.problem import Problem
from scoring.scorer import Scorer
from scoring.spelling import quoted
from server.call import Answer, Call, Served
from server.formats.batch import Rows

Instances = tuple[tuple[str, ...], list[list[object]]]
"""Names of fields, and rows of cells in their order."""

_MARKS: Final = (b'"instances"', b'"features"')
_WRITTEN: Final = (Media.JSON, Media.NDJSON, Media.CSV)


def rows(body: bytes, format_: Media, scorer: Scorer) -> Instances | None:
    """Return what a body of instances has; None if it is something else.

    Raises:
        Problem: `invalid_request`, there is an instance that cannot be read.
    """
    if not any(mark in body for mark in _MARKS):
        return None  # most bodies: a look is much cheaper than reading them
    if format_ is Media.NDJSON:
        return _lines(body, scorer)
    document = decode(body)
    if not isinstance(document, dict) or "instances" not in document or "rows" in document:
        return None
    found = document["instances"]
    if not isinstance(found, list) or not found:
        raise _wrong("The key instances wants an array with at least one instance.")
    return _table(found, scorer)


async def answer(call: Call, given: Instances, came: Media) -> Answer:
    """Score instances and answer in the form that is wanted: JSON, JSON Lines or CSV; raises Problem."""
    goes = media.wanted(call.headers.get(b"accept"), came)
    if goes not in _WRITTEN:
        raise refusal("not_acceptable", "", f"Accept one of {', '.join(_WRITTEN)}.")

    def work() -> bytes:
        scores = _scores(call.scorer, given)
        if goes is Media.CSV:
            return "".join(f"{','.join(map(number_text, row))}\n" for row in scores).encode()
        texts = [_json(_prediction(row, call.scorer.scorer)) for row in scores]
        if goes is Media.NDJSON:
            return "".join(f"{text}\n" for text in texts).encode()
        return f'{{"predictions":[{",".join(texts)}]}}'.encode()

    body = await call.run(work)
    call.rows = len(given[1])
    return Answer(200, goes, body)


def _lines(body: bytes, scorer: Scorer) -> Instances | None:
    found: list[object] = []
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError):
            if not found:
                return None  # the server says what is wrong with the first line
            raise refusal("malformed_body", f"Line {number} is not JSON.", "Send an object a line.") from None
        if _cells(document, scorer.schema.names) is None:
            if not found:
                return None
            raise _wrong(f"Line {number} is no instance as those before.")
        found.append(document)
    return _table(found, scorer) if found else None


def _table(found: list[object], scorer: Scorer) -> Instances:
    names = tuple(scorer.schema.names)
    first = found[0]
    if isinstance(first, dict) and _cells(first, names) is None:
        fields = tuple(str(name) for name in first)
        table = []
        for place, one in enumerate(found):
            if not isinstance(one, dict) or set(one) != set(fields):
                raise _wrong(f"Instance {place} has not the members of the first one.")
            table.append([one[name] for name in fields])
        return fields, table
    rows = [_cells(one, names) for one in found]
    for place, row in enumerate(rows):
        if row is None or len(row) != len(names):
            cells = "no array of cells" if row is None else f"{len(row)} cells"
            raise _wrong(f"Instance {place} has {cells}, expected {len(names)}: {', '.join(names[:3])}, ...")
    return names, [row for row in rows if row is not None]


def _cells(one: object, names: Sequence[str]) -> list[object] | None:
    """Return the cells of an instance whose cells have no names, else None."""
    if isinstance(one, dict) and set(one) == {"data"} and "data" not in names:
        data = one["data"]
        inner = data.get("features") if isinstance(data, dict) else None
        one = inner.get("values") if isinstance(inner, dict) else None
    elif isinstance(one, dict) and set(one) == {"features"} and "features" not in names:
        one = one["features"]
    return one if isinstance(one, list) else None


def _scores(served: Served, given: Instances) -> list[tuple[float, ...]]:
    settings = served.settings
    fields, table = given
    if len(table) > settings.limits.rows:
        raise refusal("too_many_rows", f"The request has more than {settings.limits.rows} rows.")
    opened = contract.opening(served.scorer, {"fields": list(fields)}, settings)
    faults = Faults(settings.limits.errors)
    opened.values = Rows(table).values(opened.columns, faults, 0)
    if faults:
        raise faults.problem(json.loads(contract.sample_request(served.scorer)))
    scores = contract.evaluate(served.scorer, opened, settings).scores
    assert scores is not None
    columns = [scores.column(place) for place in range(len(served.scorer.output_names))]
    return list(zip(*columns, strict=True))


def _prediction(row: tuple[float, ...], scorer: Scorer) -> dict[str, Any]:
    if scorer.task == REGRESSION:
        return {"score": row[0]}
    label = scorer.labels[max(range(len(row)), key=row.__getitem__)]
    return {"score": row[1] if scorer.task == BINOMIAL else list(row), "predicted_label": label}


def _json(document: dict[str, Any]) -> str:
    try:
        return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError:  # a score that JSON has no number for
        score = document["score"]
        shown = number_text(score) if isinstance(score, float) else [number_text(one) for one in score]
        return json.dumps(document | {"score": shown}, ensure_ascii=False, separators=(",", ":"))


def _wrong(detail: str) -> Problem:
    return refusal("invalid_request", detail, f"Send {quoted('instances')}, or fields and rows.")
