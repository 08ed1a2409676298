"""Batches: an object of S3 with rows -> an object with their scores, in bounded memory, whole or not at all.

An order is `{"input": "s3://bucket/rows.csv", "output": "s3://bucket/scores.csv"}`, further with `format` and
`outputFormat` (`csv` or `ndjson`; else the names' endings decide), and the members of the JSON contract:
`includeFieldsInOutput`, `idField`, `requestShapleyValueType`, `requestOutOfDistribution`. Objects that end in
`.gz` are packed. The output appears when its last part has been written, by S3's multipart upload; a fault in
any row, or the end of the function's time, leaves nothing behind.
"""

import zlib
from collections.abc import Iterator
from typing import Any, Final

from scoring.fault import Faults, refusal
from scoring.inflate import unpacked
from scoring.lines import CsvReader, Rows, split
from scoring.media import Media
from scoring.problem import Problem
from scoring.sheet import Sheet
from scoring.spelling import nearest, quoted

from aws_lambda_scorer.bucket import client, place
from aws_lambda_scorer.formats import head, reader, written
from aws_lambda_scorer.log import Line
from aws_lambda_scorer.pipeline import Served

_MEMBERS: Final = (
    "includeFieldsInOutput",
    "idField",
    "requestShapleyValueType",
    "requestOutOfDistribution",
)
_KEYS: Final = ("input", "output", "format", "outputFormat", *_MEMBERS)
_FORMATS: Final = {"csv": Media.CSV, "ndjson": Media.NDJSON, "jsonl": Media.NDJSON}
_CHUNK: Final = 256 * 1024
_ROWS: Final = 2000
"""Rows that are scored together at most."""
_PART: Final = 8 * 1024 * 1024
"""Bytes of a part of an upload; S3 wants at least 5 MiB and takes 10,000 parts."""
_LEFT: Final = 5_000
"""Milliseconds before the end of the function's time when a batch gives up, to leave nothing behind."""


def answer(order: dict[str, Any], served: Served, context: Any, line: Line) -> dict[str, Any]:
    """Carry out an order and say what became of it; raises Problem."""
    source, target = _checked(order, served)
    came, goes = _format(order, "format", source[1]), _format(order, "outputFormat", target[1])
    s3 = client()
    settings = served.settings.contract
    faults = Faults(settings.limits.errors)
    rows = reader(came, served, faults)
    given = {name: order[name] for name in _MEMBERS if order.get(name) is not None}
    sheet: Sheet | None = None
    with _translated(), _Upload(s3, *target, packed=target[1].endswith(".gz"), media=goes) as upload:
        for data, last in _chunks(s3, *source):
            _in_time(context)
            part = rows.chunk(data, last) if isinstance(rows, CsvReader) else rows.read(data, last)
            if sheet is None and rows.fields is not None:
                typed = goes is Media.NDJSON
                sheet = Sheet(
                    served.scorer, served.settings.contract, rows.fields, given, faults, typed=typed
                )
                upload.write(head(goes, sheet.names))
            if sheet is None:
                continue
            for piece in _answers(sheet, part, goes):
                upload.write(piece)
            line.rows = sheet.count
            sheet.check(last)
        upload.finish()
    return {
        "input": order["input"],
        "output": order["output"],
        "rows": line.rows,
        "bytes": upload.size,
        "digest": served.digest,
        "id": served.headers["x-pipeline-id"],
    }


def _answers(sheet: Sheet, part: str | Rows, goes: Media) -> Iterator[bytes]:
    """Give the answers to what has come: whole lines of CSV, or rows."""
    if isinstance(part, str):
        lines = sheet.lines(part) if part and goes is Media.CSV else None
        if lines is not None:
            yield lines.encode()
            return
        part = split(part)
    for start in range(0, len(part), _ROWS):
        answers = sheet.rows(part[start : start + _ROWS])
        if answers:
            yield written(goes, sheet.names, answers)


def put(uri: str, body: bytes) -> None:
    """Write an object of JSON; raises Problem."""
    try:
        bucket, key = place(uri)
    except ValueError:
        raise _no_place("output") from None
    with _translated():
        client().put_object(Bucket=bucket, Key=key, Body=body, ContentType="application/json")


def _checked(order: dict[str, Any], served: Served) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return where the input and the output are; raises Problem that lists all that is wrong."""
    faults, found = Faults(), []
    for name in order:
        if name not in _KEYS and not served.settings.contract.lenient:
            close = nearest(str(name), _KEYS)
            hint = f"Did you mean {close}?" if close else f"The keys are {', '.join(_KEYS)}."
            faults.add(
                "unknown_key", f"The order has {quoted(str(name))}, which is not known.", str(name), hint
            )
    for name in ("input", "output"):
        try:
            found.append(place(str(order.get(name, ""))))
        except ValueError:
            problem = _no_place(name)
            faults.add(
                "missing_key" if name not in order else "unknown_value", problem.detail, name, problem.hint
            )
    if len(found) == 2 and found[0] == found[1]:
        faults.add("unknown_value", "The output is the input.", "output", "Name another object.")
    if faults:
        raise faults.problem({"input": "s3://bucket/rows.csv", "output": "s3://bucket/scores.csv"})
    return found[0], found[1]


def _no_place(name: str) -> Problem:
    return refusal("invalid_request", f"The key {name} is no s3://bucket/key.", "Name an object of S3.")


def _format(order: dict[str, Any], name: str, key: str) -> Media:
    said = order.get(name)
    ending = str(said) if said is not None else key.removesuffix(".gz").rpartition(".")[2]
    media = _FORMATS.get(ending.lower())
    if media is None:
        hint = 'Say "csv" or "ndjson", or give the object such an ending.'
        raise refusal(
            "invalid_request", f"The key {name} is needed: the object's name does not say it.", hint
        )
    return media


def _in_time(context: Any) -> None:
    left = getattr(context, "get_remaining_time_in_millis", None)
    if left is not None and left() < _LEFT:
        hint = "Split the input, or give the function more memory (with which comes more processor) or time."
        raise Problem("out_of_time", 503, "The function's time ended before the batch did.", hint)


def _chunks(s3: Any, bucket: str, key: str) -> Iterator[tuple[bytes, bool]]:
    """Give the content of an object in pieces, each with whether it is the last."""
    found = s3.get_object(Bucket=bucket, Key=key)
    pieces: Iterator[bytes] = found["Body"].iter_chunks(_CHUNK)
    if key.endswith(".gz") or "gzip" in (found.get("ContentEncoding") or ""):
        pieces = unpacked(pieces)
    held: bytes | None = None
    for piece in pieces:
        if held is not None and len(held) < _CHUNK:
            held += piece
            continue
        if held is not None:
            yield held, False
        held = piece
    yield held or b"", True


class _Upload:
    """Writes an object: in one piece if it is small, else part by part. Nothing appears before `finish`."""

    def __init__(self, s3: Any, bucket: str, key: str, packed: bool, media: Media) -> None:
        self._s3 = s3
        self._where = {"Bucket": bucket, "Key": key}
        self._kind = {"ContentType": "application/gzip" if packed else media.value}
        self._packer = zlib.compressobj(6, wbits=31) if packed else None
        self._held = bytearray()
        self._parts: list[dict[str, Any]] = []
        self._id: str | None = None
        self.size = 0

    def __enter__(self) -> "_Upload":
        return self

    def __exit__(self, *failed: object) -> None:
        if failed[0] is not None and self._id is not None:
            self._s3.abort_multipart_upload(**self._where, UploadId=self._id)

    def write(self, data: bytes) -> None:
        """Take bytes of the object."""
        self._held += data if self._packer is None else self._packer.compress(data)
        while len(self._held) >= _PART:
            self._send(bytes(self._held[:_PART]))
            del self._held[:_PART]

    def finish(self) -> None:
        """Let the object appear."""
        if self._packer is not None:
            self._held += self._packer.flush()
        if self._id is None:
            self.size = len(self._held)
            self._s3.put_object(**self._where, **self._kind, Body=bytes(self._held))
            return
        if self._held:
            self._send(bytes(self._held))
        parts = {"Parts": self._parts}
        self._s3.complete_multipart_upload(**self._where, UploadId=self._id, MultipartUpload=parts)

    def _send(self, part: bytes) -> None:
        if self._id is None:
            self._id = self._s3.create_multipart_upload(**self._where, **self._kind)["UploadId"]
        number = len(self._parts) + 1
        sent = self._s3.upload_part(**self._where, UploadId=self._id, PartNumber=number, Body=part)
        self._parts.append({"PartNumber": number, "ETag": sent["ETag"]})
        self.size += len(part)


class _translated:  # noqa: N801 -- a context manager reads as a word of the language
    """Turns S3's errors into problems."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None or isinstance(error, Problem):
            return
        from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]

        if isinstance(error, ClientError):
            code = str(error.response.get("Error", {}).get("Code", ""))
            what = error.operation_name
            if code in ("NoSuchKey", "NoSuchBucket", "404"):
                hint = "Look at the bucket and the key."
                raise Problem(
                    "object_missing", 404, f"S3 has no such object or bucket ({what}).", hint
                ) from None
            if code in ("AccessDenied", "403"):
                hint = "Allow the function's role s3:GetObject on the input and s3:PutObject on the output."
                raise Problem("object_denied", 403, f"S3 does not allow {what}.", hint) from None
            plain = code if code.isalnum() else "an error"
            raise Problem(
                "object_unreachable", 503, f"S3 answered {plain} to {what}.", "Try again."
            ) from None
        if isinstance(error, BotoCoreError):
            name = type(error).__name__
            raise Problem(
                "object_unreachable", 503, f"S3 cannot be reached ({name}).", "Try again."
            ) from None
