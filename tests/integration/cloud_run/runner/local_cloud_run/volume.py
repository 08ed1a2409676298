"""A mounted bucket: its objects, from the storage emulator, as a folder that every user may read."""

import json
import tempfile
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlsplit


def folder(storage: str, bucket: str) -> Path:
    """Fetch all objects of a bucket from the emulator at `storage`, and return where they are."""
    assert urlsplit(storage).hostname in ("127.0.0.1", "localhost"), storage
    place = Path(tempfile.mkdtemp(prefix="cloud-run-volume-"))
    place.chmod(0o755)
    for name in _names(storage, bucket):
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_get(f"{storage}/storage/v1/b/{bucket}/o/{quote(name, safe='')}?alt=media"))
    return place


def _names(storage: str, bucket: str) -> list[str]:
    listed = json.loads(_get(f"{storage}/storage/v1/b/{bucket}/o"))
    return [item["name"] for item in listed.get("items") or []]


def _get(address: str) -> bytes:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(address, timeout=30) as answer:
        found: bytes = answer.read()
        return found
