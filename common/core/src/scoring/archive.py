"""A deterministic zip: the same members give the same bytes, and only plain zips within limits are read.

Layout by PKWARE's APPNOTE.TXT 6.3: local entries from byte 0 without gaps, the central directory, the end
record. Nothing may stand before, between or behind them, so that no second archive hides in an artifact.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import NamedTuple

from scoring.problem import Problem

MAX_BYTES = 1 << 30
"""Most bytes of a file, and of all its members unpacked."""
MAX_MEMBERS = 64
MAX_RATIO = 500
"""Most bytes that one packed byte may unpack to; text of a forest is at about 5."""
_RATIO_FREE = 1 << 20  # below this size the ratio is no danger

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_DATE = 0x21  # 1980-01-01, the first day a zip can name
_MADE_BY_UNIX = 3 << 8 | 20
_READABLE = 0o100644 << 16
_STORED, _DEFLATED = 0, 8
_UTF8 = 0x800
_ENCRYPTED = 0x1 | 0x40


class _Entry(NamedTuple):
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int


def write_archive(members: Mapping[str, bytes]) -> bytes:
    """Pack members into a zip whose bytes depend on nothing but the members."""
    body, directory, offset = [], [], 0
    for name, data in sorted(members.items()):
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        packed = packer.compress(data) + packer.flush()
        shared = (20, 0, _DEFLATED, 0, _DATE, zlib.crc32(data), len(packed), len(data), len(name), 0)
        label = name.encode("ascii")
        body += [_LOCAL.pack(b"PK\3\4", *shared), label, packed]
        directory += [
            _CENTRAL.pack(b"PK\1\2", _MADE_BY_UNIX, *shared, 0, 0, 0, _READABLE, offset),
            label,
        ]
        offset += _LOCAL.size + len(label) + len(packed)
    size = sum(map(len, directory))
    end = _END.pack(b"PK\5\6", 0, 0, len(members), len(members), size, offset, 0)
    return b"".join([*body, *directory, end])


def read_archive(data: bytes) -> dict[str, bytes]:
    """Unpack a zip; raises Problem when it is none, is damaged, unsafe or larger than the limits."""
    entries = _directory(data)
    total = sum(entry.size for entry in entries)
    if total > MAX_BYTES:
        raise _refused(
            f"its members unpack to {total} bytes, more than the {MAX_BYTES} allowed",
            "This looks like a zip bomb; do not trust its source.",
        )
    members: dict[str, bytes] = {}
    position = 0
    for entry in sorted(entries, key=lambda entry: entry.offset):
        if entry.name in members:
            raise _refused(f"it has two members named {entry.name!r}", _PACK_AGAIN)
        members[entry.name], position = _member(data, entry, position)
    if position != _end(data)[1]:
        raise _refused("it has bytes that belong to no member", _PACK_AGAIN)
    return members


_PACK_AGAIN = "Pack it again with `scoring pack` and copy the file in binary mode."


def _refused(what: str, hint: str) -> Problem:
    return Problem("artifact_invalid", 503, f"The artifact is refused: {what}.", hint)


def _end(data: bytes) -> tuple[int, int, int]:
    """Read the end record: number of entries, offset and size of the directory."""
    if data[:4] not in (b"PK\3\4", b"PK\5\6"):
        raise _refused("it is not a zip file", "An artifact is a *.pipeline file that `scoring pack` wrote.")
    if len(data) < _END.size or data[-_END.size : -_END.size + 4] != b"PK\5\6":
        raise _refused(
            "it is truncated, or something is appended to it", "Copy the file again, in binary mode."
        )
    _, disk, first, here, count, size, offset, comment = _END.unpack_from(data, len(data) - _END.size)
    if disk or first or here != count or comment or offset + size != len(data) - _END.size:
        raise _refused("its end record is damaged", _PACK_AGAIN)
    if count > MAX_MEMBERS:
        raise _refused(f"it has {count} members, more than the {MAX_MEMBERS} allowed", _PACK_AGAIN)
    return count, offset, size


def _directory(data: bytes) -> list[_Entry]:
    count, position, size = _end(data)
    stop = position + size
    entries = []
    for _ in range(count):
        if position + _CENTRAL.size > stop or data[position : position + 4] != b"PK\1\2":
            raise _refused("its directory is damaged", _PACK_AGAIN)
        fields = _CENTRAL.unpack_from(data, position)
        flags, method, crc, packed, length = fields[3], fields[4], fields[7], fields[8], fields[9]
        name_size, extra, comment, disk, offset = fields[10], fields[11], fields[12], fields[13], fields[16]
        start = position + _CENTRAL.size
        position = start + name_size + extra + comment
        if position > stop or disk:
            raise _refused("its directory is damaged", _PACK_AGAIN)
        name = _safe_name(data[start : start + name_size])
        entries.append(_Entry(name, flags, method, crc, packed, length, offset))
    if position != stop:
        raise _refused("its directory is damaged", _PACK_AGAIN)
    for entry in entries:
        _check_entry(entry)
    return entries


def _safe_name(raw: bytes) -> str:
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("the name of a member is not valid UTF-8", _PACK_AGAIN) from None
    parts = name.replace("\\", "/").split("/")
    if not name or "\0" in name or ":" in name or any(part in ("", ".", "..") for part in parts):
        raise _refused(
            f"the member name {name!r} points outside the archive",
            "Do not trust its source; pack the model again.",
        )
    return name


def _check_entry(entry: _Entry) -> None:
    if entry.flags & _ENCRYPTED:
        raise _refused(
            f"its member {entry.name!r} is encrypted", "Artifacts are not encrypted; pack the model again."
        )
    if entry.flags & ~_UTF8 & ~0x6 or entry.method not in (_STORED, _DEFLATED):
        raise _refused(f"its member {entry.name!r} is packed in a way that artifacts do not use", _PACK_AGAIN)
    if entry.size > _RATIO_FREE and entry.size > MAX_RATIO * entry.packed:
        raise _refused(
            f"its member {entry.name!r} unpacks to more than {MAX_RATIO} times its size",
            "This looks like a zip bomb; do not trust its source.",
        )


def _member(data: bytes, entry: _Entry, expected_offset: int) -> tuple[bytes, int]:
    """Unpack one member; returns it and the offset behind it."""
    damaged = _refused(f"its member {entry.name!r} is damaged", _PACK_AGAIN)
    start = entry.offset + _LOCAL.size
    if entry.offset != expected_offset or start > len(data):
        raise damaged
    fields = _LOCAL.unpack_from(data, entry.offset)
    name_size, extra = fields[9], fields[10]
    begin = start + name_size + extra
    same = fields[0] == b"PK\3\4" and (fields[2], fields[3], *fields[6:9]) == entry[1:6]
    if not same or data[start : start + name_size] != entry.name.encode() or begin + entry.packed > len(data):
        raise damaged
    packed = data[begin : begin + entry.packed]
    body = packed if entry.method == _STORED else _inflate(packed, entry.size, damaged)
    if len(body) != entry.size or zlib.crc32(body) != entry.crc:
        raise damaged
    return body, begin + entry.packed


def _inflate(packed: bytes, size: int, damaged: Problem) -> bytes:
    unpacker = zlib.decompressobj(-15)
    try:
        body = unpacker.decompress(packed, size + 1)  # one byte too many shows a lie without unpacking it all
    except zlib.error:
        raise damaged from None
    if len(body) != size or not unpacker.eof or unpacker.unused_data:
        raise damaged
    return body
