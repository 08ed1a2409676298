"""Answers to bodies that are not JSON, or whose answer shall not be: as they come in, so they go out.

A body of up to `limits.body_bytes` is checked whole before the first byte of the answer is sent, so its
faults are a problem with a status like those of JSON. Of a larger one the answer is sent while the body still
arrives; memory stays the same however large it is, up to `STREAM_BYTES`. A fault that shows up then breaks
the connection, so that no client takes a part for the whole.
"""

import json
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Final

from scoring import contract, media, options
from scoring._engine import Matrix
from scoring.fault import Faults, refusal
from scoring.inflate import is_packed
from scoring.media import Media
from scoring.request import Request
from scoring.settings import Settings

from server.call import Answer, Call
from server.formats import gzip
from server.formats.batch import Batch, Decoder
from server.formats.csv import CsvDecoder, CsvEncoder
from server.formats.encoder import Encoder
from server.formats.exchange import Exchange, layout, parts
from server.formats.ndjson import NdjsonDecoder, NdjsonEncoder

STREAM_BYTES: Final = 1 << 30
"""Bytes of a streamed body, and of what a packed one unpacks to, at most."""

_CHUNK: Final = 256 * 1024
"""Bytes of a body that are read, scored and written together: some thousand rows."""

_PLAIN: Final = frozenset(
    {None, b"application/json", b"*/*", b"application/json, */*", b"application/json, text/plain, */*"}
)
_JSON: Final = frozenset({None, b"application/json", b"application/json; charset=utf-8"})


def plain(call: Call) -> bool:
    """Tell at a glance whether a call is JSON that shall be answered with JSON."""
    return plain_headers(call.headers)


def plain_headers(headers: Mapping[bytes, bytes]) -> bool:
    """Tell the same from the headers of a request."""
    return (
        headers.get(b"content-type") in _JSON
        and headers.get(b"accept") in _PLAIN
        and b"content-encoding" not in headers
    )


async def score(call: Call) -> Answer:
    """Answer POST /model/score whatever the formats; raises Problem."""
    return await _answer(call, contributions=False)


async def contribution(call: Call) -> Answer:
    """Answer POST /model/contribution whatever the formats; raises Problem."""
    return await _answer(call, contributions=True)


async def _answer(call: Call, contributions: bool) -> Answer:
    came = media.sent(call.headers.get(b"content-type"))
    goes = media.wanted(call.headers.get(b"accept"), came)
    encoding = call.headers.get(b"content-encoding")
    packed = is_packed(None if encoding is None else encoding.decode("latin-1"))
    settings = call.scorer.settings
    streamed = Media.JSON not in (came, goes)
    most = settings.limits.body_bytes
    if streamed:
        most = call.body.limit = max(most, STREAM_BYTES)
    pieces: AsyncIterable[bytes] = gzip.unpacked(call.body, most) if packed else call.body
    if came is Media.JSON:
        options.none(call.query, settings.lenient)
        return await _from_json(call, pieces, goes, contributions)
    members = options.members(call.query, contributions, settings.lenient)
    if "requestShapleyValueType" in members:
        call.limit = "contribution"
    faults = Faults(settings.limits.errors)
    decoder = _decoder(came, call, faults)
    if goes is Media.JSON:
        return await _to_json(call, pieces, decoder, members, contributions, faults)
    exchange = Exchange(call.scorer.scorer, settings, decoder, _encoder(goes), members, contributions, faults)
    return await _stream(call, pieces, exchange, goes)


async def _stream(call: Call, pieces: AsyncIterable[bytes], exchange: Exchange, goes: Media) -> Answer:
    most = call.scorer.settings.limits.body_bytes
    held: list[bytes] = []
    read = written = 0
    chunks = _chunks(pieces)
    async for data, last in chunks:
        read += len(data)
        call.body.size = max(call.body.size, read)
        answer = await call.run(exchange.push, data, last)
        call.rows = exchange.rows
        held.append(answer)
        written += len(answer)
        if last:
            return Answer(200, goes, b"".join(held))
        if max(read, written) > most:
            break
    exchange.sent = True
    return Answer(200, goes, _rest(call, b"".join(held), chunks, exchange))


async def _rest(
    call: Call, held: bytes, chunks: AsyncIterator[tuple[bytes, bool]], exchange: Exchange
) -> AsyncIterator[bytes]:
    yield held
    del held
    async for data, last in chunks:
        answer = await call.run(exchange.push, data, last)
        call.rows = exchange.rows
        if answer:
            yield answer


async def _chunks(pieces: AsyncIterable[bytes]) -> AsyncIterator[tuple[bytes, bool]]:
    """Gather pieces into chunks, each with whether it is the last one."""
    gathered: list[bytes] = []
    size = 0
    async for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _CHUNK:
            yield b"".join(gathered), False
            gathered, size = [], 0
    yield b"".join(gathered), True


async def _whole(call: Call, pieces: AsyncIterable[bytes]) -> bytes:
    found = b"".join([piece async for piece in pieces])
    call.body.size = max(call.body.size, len(found))
    return found


async def _from_json(call: Call, pieces: AsyncIterable[bytes], goes: Media, contributions: bool) -> Answer:
    body = await _whole(call, pieces)
    if contributions or b"requestShapleyValueType" in body:
        call.limit = "contribution"
    scorer, settings = call.scorer.scorer, call.scorer.settings
    if goes is Media.JSON:
        reply = contract.contribution_reply if contributions else contract.reply
        found = await call.run(reply, scorer, body, settings)
        call.rows = found.rows
        return Answer(200, goes, found.body)
    encoder = _encoder(goes)

    def work() -> tuple[int, bytes]:
        request = contract.parse(scorer, body, settings, contributions)
        result = contract.evaluate(scorer, request, settings, not contributions)
        cells = [[row[position] for row in request.rows] for position in request.echoed]
        head = encoder.head(layout(scorer, request, None, contributions))
        lines = encoder.body(parts(request, result, cells))
        if not request.named and goes is Media.CSV:
            head = b""
        return len(request.rows), head + lines + encoder.tail()

    call.rows, answer = await call.run(work)
    return Answer(200, goes, answer)


async def _to_json(
    call: Call,
    pieces: AsyncIterable[bytes],
    decoder: Decoder,
    members: dict[str, Any],
    contributions: bool,
    faults: Faults,
) -> Answer:
    body = await _whole(call, pieces)
    scorer, settings = call.scorer.scorer, call.scorer.settings

    def work() -> tuple[int, bytes]:
        batches = list(decoder.decode(body, True))
        members["fields"] = list(decoder.fields or ())
        request = contract.opening(scorer, members, settings, contributions)
        _fill(request, batches, settings, faults)
        if faults:
            raise faults.problem(json.loads(contract.sample_request(scorer)))
        result = contract.evaluate(scorer, request, settings, not contributions)
        return len(request.rows), contract.render(scorer, request, result, settings)

    call.rows, answer = await call.run(work)
    return Answer(200, Media.JSON, answer)


def _fill(request: Request, batches: Sequence[Batch], settings: Settings, faults: Faults) -> None:
    """Give a request the rows that JSON would have brought."""
    values = []
    start = 0
    for batch in batches:
        values.append(batch.values(request.columns, faults, start))
        start += batch.count
    limits = settings.limits
    most = limits.rows if request.shapley is None else min(limits.rows, limits.contribution_rows)
    if start > most:
        raise refusal("too_many_rows", f"The request has more than {most} rows.", "Send several requests.")
    if not start:
        faults.add("empty", "There are no rows.", "rows", "Send at least one row.")
    if faults:
        return
    request.values = Matrix.below(values)
    if request.echoed:
        request.rows = [row for batch in batches for row in batch.rows()]
    else:
        request.rows = [[]] * start  # only counted


def _decoder(came: Media, call: Call, faults: Faults) -> Decoder:
    settings = call.scorer.settings
    if came is Media.CSV:
        return CsvDecoder()
    if came is Media.NDJSON:
        return NdjsonDecoder(() if settings.lenient else call.scorer.scorer.schema.names, faults)
    _require_arrow("unsupported_media_type")
    from server.formats.arrow import ArrowDecoder

    return ArrowDecoder(settings.limits.body_bytes)


def _encoder(goes: Media) -> Encoder:
    if goes is Media.CSV:
        return CsvEncoder()
    if goes is Media.NDJSON:
        return NdjsonEncoder()
    _require_arrow("not_acceptable")
    from server.formats.arrow import ArrowEncoder

    return ArrowEncoder()


def _require_arrow(code: str) -> None:
    if find_spec("pyarrow") is None:
        hint = "Install scoring-server[arrow] where the server runs, or use CSV, NDJSON or JSON."
        raise refusal(code, "This deployment does not read or write Arrow.", hint)
