"""Formats: bodies and answers that are not plain JSON: CSV and NDJSON, both ways, and gzip."""

import json
from typing import Any

from scoring import contract
from scoring.fault import Faults, refusal
from scoring.inflate import is_packed, unpacked
from scoring.lines import CsvReader, NdjsonReader, Reader, csv_line, csv_text, ndjson_text
from scoring.media import Media, sent, wanted
from scoring.options import members as options
from scoring.options import none
from scoring.sheet import Sheet, flat, names

from aws_lambda_scorer.call import JSON, Answer, Call
from aws_lambda_scorer.pipeline import Served


def answer(call: Call, served: Served, contributions: bool) -> Answer:
    """Answer POST /model/score or /model/contribution whatever the formats; raises Problem."""
    came = sent(_latin(call.headers.get("content-type")))
    goes = wanted(_latin(call.headers.get("accept")), came)
    packed = is_packed(call.headers.get("content-encoding"))
    for media, code in ((came, "unsupported_media_type"), (goes, "not_acceptable")):
        if media is Media.ARROW:
            hint = "Use CSV, NDJSON or JSON."
            raise refusal(code, "This deployment does not read or write Arrow.", hint)
    if came is Media.JSON:
        none(call.query, served.settings.contract.lenient)
        body = _unpacked(call, served, packed)
        if goes is Media.JSON:
            from aws_lambda_scorer.routes import json_answer

            return json_answer(call, served, body, contributions)
        return _from_json(call, served, body, goes, contributions)
    given = options(call.query, contributions, served.settings.contract.lenient)
    return _from_lines(call, served, _unpacked(call, served, packed), given, came, goes, contributions)


def reader(media: Media, served: Served, faults: Faults) -> Reader:
    """Return what reads a body of CSV or NDJSON."""
    if media is Media.CSV:
        return CsvReader()
    inputs = () if served.settings.contract.lenient else served.scorer.schema.names
    return NdjsonReader(inputs, faults)


def written(media: Media, columns: list[str], rows: list[list[Any]]) -> bytes:
    """Return rows in CSV or NDJSON."""
    return csv_text(rows) if media is Media.CSV else ndjson_text(columns, rows)


def head(media: Media, columns: list[str]) -> bytes:
    """Return what stands before the rows."""
    return f"{csv_line(columns)}\n".encode("utf-8", "backslashreplace") if media is Media.CSV else b""


def _from_json(call: Call, served: Served, body: bytes, goes: Media, contributions: bool) -> Answer:
    scorer, settings = served.scorer, served.settings.contract
    request = contract.parse(scorer, body, settings, contributions)
    request.typed = goes is Media.NDJSON
    result = contract.evaluate(scorer, request, settings, not contributions)
    document = json.loads(contract.render(scorer, request, result, settings))
    if contributions:
        document = {"featureShapleyContributions": document}
    columns, rows = names(scorer, request, contributions), flat(document, request.shapley is not None)
    call.rows = len(rows)
    start = head(goes, columns) if request.named else b""
    return Answer(200, goes, start + written(goes, columns, rows))


def _from_lines(
    call: Call,
    served: Served,
    body: bytes,
    given: dict[str, Any],
    came: Media,
    goes: Media,
    contributions: bool,
) -> Answer:
    scorer, settings = served.scorer, served.settings.contract
    faults = Faults(settings.limits.errors)
    source = reader(came, served, faults)
    rows = source.read(body, True)
    fields = source.fields or ()
    sheet = Sheet(scorer, settings, fields, given, faults, contributions, goes is Media.NDJSON)
    limits, shapley = settings.limits, sheet.request.shapley is not None
    most = min(limits.rows, limits.contribution_rows) if shapley else limits.rows
    call.rows = len(rows)
    if goes is Media.JSON:
        if len(rows) > most:
            raise refusal(
                "too_many_rows", f"The request has more than {most} rows.", "Send several requests."
            )
        if not rows:
            faults.add("empty", "There are no rows.", "rows", "Send at least one row.")
        found = sheet.body(rows)
        sheet.check()
        assert found is not None
        return Answer(200, JSON, found)
    if shapley and len(rows) > most:
        detail = f"The request has more than {most} rows and asks for contributions."
        raise refusal("too_many_rows", detail, "Send the rows in several requests.")
    parts = [sheet.rows(rows[start : start + most]) for start in range(0, len(rows), most)]
    sheet.check()
    return Answer(
        200, goes, head(goes, sheet.names) + b"".join([written(goes, sheet.names, part) for part in parts])
    )


def _unpacked(call: Call, served: Served, packed: bool) -> bytes:
    return b"".join(unpacked((call.body,), served.settings.body_bytes)) if packed else call.body


def _latin(value: str | None) -> bytes | None:
    return None if value is None else value.encode("latin-1", "replace")
