"""The archive of an artifact: broken, hostile or damaged anywhere, it is refused with a reason."""

import io
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import scoring
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import Problem
from scoring.archive import MAX_MEMBERS, read_archive, write_archive


def bomb(parts: Any, size: int) -> bytes:
    return parts.repacked({"baseline.json": b" " * size + b"{}"})


def declared_smaller(parts: Any) -> bytes:
    """A member that unpacks to more than its headers say."""
    data = bytearray(bomb(parts, 4000))
    size = struct.pack("<I", 4002)
    assert data.count(size) == 2
    return bytes(data.replace(size, struct.pack("<I", 2)))


def with_flag(parts: Any, flag: int) -> bytes:
    data = bytearray(parts.good.data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(mark)
        data[at + place : at + place + 2] = struct.pack("<H", flag)
    return bytes(data)


def renamed(parts: Any, name: str) -> bytes:
    old = b"samples.json"
    assert len(name.encode()) == len(old)
    return parts.good.data.replace(old, name.encode())


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


BROKEN_ARCHIVES: dict[str, tuple[Callable[[Any], bytes], str]] = {
    "empty": (lambda parts: b"", "not a zip"),
    "text": (lambda parts: b"tree\nversion=v4", "not a zip"),
    "a pickle": (lambda parts: b"\x80\x04K\x01.", "not a zip"),
    "cut short": (lambda parts: parts.good.data[:-1], "truncated"),
    "cut in half": (lambda parts: parts.good.data[: len(parts.good.data) // 2], "truncated"),
    "something appended": (lambda parts: parts.good.data + b"x", "truncated, or something is appended"),
    "something put before": (lambda parts: b"#!/bin/sh\n" + parts.good.data, "not a zip"),
    "another zip put before": (lambda parts: zipped(("a", b"b")) + parts.good.data, "end record|damaged"),
    "encrypted": (lambda parts: with_flag(parts, 1), "encrypted"),
    "streamed": (lambda parts: with_flag(parts, 8), "packed in a way"),
    "bomb by ratio": (lambda parts: bomb(parts, 4_000_000), "zip bomb|times its size"),
    "bomb that lies": (declared_smaller, "damaged"),
    "too many members": (
        lambda parts: write_archive({f"m{i}": b"" for i in range(MAX_MEMBERS + 1)}),
        f"more than the {MAX_MEMBERS}",
    ),
    "a path upwards": (lambda parts: renamed(parts, "../mples.jso"), "outside"),
    "an absolute path": (lambda parts: renamed(parts, "/amples.json"), "outside"),
    "a Windows path": (lambda parts: renamed(parts, "C:\\ples.json"), "outside"),
    "a backward path": (lambda parts: renamed(parts, "..\\ples.json"), "outside"),
    "a folder": (lambda parts: zipped(("folder/", b""), *parts.members.items()), "outside"),
    "the same member twice": (
        lambda parts: parts.good.data.replace(b"features.json", b"baseline.json"),
        "two members named 'baseline.json'",
    ),
    "a member missing": (lambda parts: parts.repacked({"samples.json": None}), "no member 'samples.json'"),
    "no manifest": (lambda parts: parts.repacked({"manifest.json": None}), "no member 'manifest.json'"),
    "an unexpected member": (
        lambda parts: parts.repacked({"extra.txt": b"x"}),
        "unexpected member 'extra.txt'",
    ),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
def test_a_broken_archive_is_refused(parts: Any, case: str) -> None:
    broken, message = BROKEN_ARCHIVES[case]

    problem = parts.refused(broken(parts))

    assert problem.code == "artifact_invalid"
    with pytest.raises(Problem, match=message):
        raise problem


def test_names_that_differ_between_the_headers_are_refused(parts: Any) -> None:
    assert "damaged" in str(parts.refused(parts.good.data.replace(b"samples.json", b"sampler.json", 1)))


def test_a_bomb_by_size_is_refused_by_what_it_declares(parts: Any) -> None:
    data = bytearray(parts.good.data)
    for mark, place in ((b"PK\3\4", 18), (b"PK\1\2", 20)):  # packed size and size
        at = data.find(mark)
        data[at + place : at + place + 8] = struct.pack("<II", 0x40000000, 0x7FFFFFFF)

    assert "zip bomb" in str(parts.refused(bytes(data)))


def test_one_flipped_bit_is_refused_or_changes_nothing(parts: Any) -> None:
    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(place=st.integers(0, len(parts.good.data) - 1), bit=st.integers(0, 7))
    def check(place: int, bit: int) -> None:
        data = bytearray(parts.good.data)
        data[place] ^= 1 << bit

        try:
            found = scoring.load(bytes(data)).artifact
        except Problem:
            return

        assert found.manifest == parts.good.manifest
        assert (found.features, found.forest) == (parts.good.features, parts.good.forest)
        assert (found.baseline, found.samples) == (parts.good.baseline, parts.good.samples)
        assert found.digest != parts.good.digest

    check()


def test_every_shorter_file_is_refused(parts: Any) -> None:
    @settings(max_examples=100, deadline=None, derandomize=True)
    @given(st.integers(0, len(parts.good.data) - 1))
    def check(length: int) -> None:
        parts.refused(parts.good.data[:length])

    check()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), st.binary(max_size=300), max_size=6)
)
def test_an_archive_gives_back_what_was_put_in(members: dict[str, bytes]) -> None:
    data = write_archive(members)

    assert read_archive(data) == members
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members
