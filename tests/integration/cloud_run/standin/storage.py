"""Buckets and objects, made for real in a storage emulator on this host."""

import base64
import hashlib
import http.client
import json
import os
import urllib.parse
from pathlib import Path
from typing import Any

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class RefusedError(Exception):
    """What Google's API would have refused, in its words as far as they are known."""


def emulator() -> str | None:
    """Return HOST:PORT of the storage emulator, or None; it must be on this host."""
    named = os.environ.get("STORAGE_EMULATOR_HOST")
    if not named:
        return None
    address = urllib.parse.urlsplit(named if "://" in named else f"http://{named}")
    if address.hostname not in LOOPBACK:
        raise RefusedError(f"STORAGE_EMULATOR_HOST must name this host, not {address.hostname}")
    return f"{address.hostname}:{address.port}"


def call(
    method: str, path: str, body: bytes | None = None, kind: str = "application/json"
) -> tuple[int, bytes]:
    """Ask the emulator; returns the status and the answer (404 and nothing where there is no emulator)."""
    host = emulator()
    if host is None:
        return 404, b""
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, path, body, {"Content-Type": kind})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def make_bucket(name: str, project: str) -> None:
    """Make a bucket; raises `RefusedError` when the name is taken."""
    status, answer = call("POST", f"/storage/v1/b?project={project}", json.dumps({"name": name}).encode())
    if emulator() and status != 200:
        raise RefusedError(f"the emulator did not make the bucket {name}: {status} {answer[:200]!r}")


def remove_bucket(name: str, force: bool) -> None:
    """Remove a bucket, with its objects if `force`; raises `RefusedError` when it is not empty."""
    status, answer = call("GET", f"/storage/v1/b/{name}/o")
    objects = [item["name"] for item in json.loads(answer).get("items", [])] if status == 200 else []
    if objects and not force:
        raise RefusedError(f"the bucket {name} is not empty; force_destroy is not set")
    for each in objects:
        remove_object(name, each)
    call("DELETE", f"/storage/v1/b/{name}")


def put_object(value: dict[str, Any]) -> dict[str, Any]:
    """Upload an object as the attributes say; returns the attributes that are known by then."""
    if value.get("source"):
        data = Path(value["source"]).read_bytes()
    else:
        data = (value.get("content") or "").encode()
    kind = value.get("content_type") or "application/octet-stream"
    name = urllib.parse.quote(value["name"], safe="")
    path = f"/upload/storage/v1/b/{value['bucket']}/o?uploadType=media&name={name}"
    status, answer = call("POST", path, data, kind)
    if emulator() and status != 200:
        raise RefusedError(f"the emulator did not take {value['name']}: {status} {answer[:200]!r}")
    md5 = base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
    return {"md5hash": md5, "content_type": kind, "storage_class": "STANDARD"}


def remove_object(bucket: str, name: str) -> None:
    """Remove an object, if it is there."""
    call("DELETE", f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}")


def has_object(bucket: str, name: str) -> bool:
    """Tell whether the object is there; True where there is no emulator to ask."""
    return (
        emulator() is None
        or call("GET", f"/storage/v1/b/{bucket}/o/{urllib.parse.quote(name, safe='')}")[0] == 200
    )


def has_bucket(name: str) -> bool:
    """Tell whether the bucket is there; True where there is no emulator to ask."""
    return emulator() is None or call("GET", f"/storage/v1/b/{name}")[0] == 200
