"""Files: batches that lie below a directory which the operator named, read as if they had been sent."""

import os
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from scoring.fault import refusal
from scoring.problem import Problem

from server.call import Body, Call

_PIECE: Final = 256 * 1024
_TYPES: Final = {".csv": b"text/csv", ".ndjson": b"application/x-ndjson", ".jsonl": b"application/x-ndjson"}


def file_call(call: Call, folder: Path | None) -> Call:
    """Return the call as if the file that its query names had been sent as the body.

    The caller closes the file by reading it to its end or by letting go of the call.

    Raises:
        Problem: `not_found`, also for files outside the folder: nobody shall learn what there is.
    """
    if folder is None:
        hint = "Send the rows to POST /model/score, or start the server with --data-dir."
        raise refusal("not_found", "This server reads no files.", hint)
    names = call.query.get("file", [])
    if len(names) != 1 or not names[0] or "\0" in names[0]:
        raise refusal("invalid_request", "The query wants one file.", "Send GET /model/score?file=rows.csv.")
    size, descriptor = _open(folder, names[0])
    if size > call.body.limit:
        os.close(descriptor)
        detail = f"The file has more than {call.body.limit} bytes."
        raise refusal("body_too_large", detail, "Score it with `scoring score`, which takes any size.")
    headers = {name: value for name, value in call.headers.items() if not name.startswith(b"content-")}
    name = Path(names[0])
    if name.suffix == ".gz":
        headers[b"content-encoding"] = b"gzip"
        name = name.with_suffix("")
    headers[b"content-type"] = _TYPES.get(name.suffix.lower(), b"application/json")
    if headers.get(b"accept", b"*/*") == b"*/*":
        headers[b"accept"] = b"application/json"  # what clients of this route have always got
    query = {option: values for option, values in call.query.items() if option != "file"}
    body = Body(_Pieces(descriptor), call.body.limit, remote=False)
    return replace(call, method="POST", query=query, headers=headers, body=body)


def _open(folder: Path, name: str) -> tuple[int, int]:
    missing = refusal("not_found", "There is no such file.", "Name a file below the server's --data-dir.")
    try:
        root = folder.resolve(strict=True)
        path = (root / name).resolve(strict=True)
        if not path.is_relative_to(root):
            raise missing
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, RuntimeError, ValueError):
        raise missing from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        os.close(descriptor)
        raise missing
    return found.st_size, descriptor


class _Pieces:
    """The messages of a body, which come from an open file."""

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    async def __call__(self) -> Mapping[str, Any]:
        try:
            piece = self._file.read(_PIECE)
        except OSError as error:
            raise Problem("file_unreadable", 500, "The file cannot be read.", "Try again.") from error
        if not piece:
            self._file.close()
        return {"type": "http.request", "body": piece, "more_body": bool(piece)}
