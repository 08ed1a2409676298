"""The artifact: deterministic, complete, and refused with a reason when anything about it is wrong."""

import hashlib
import io
import json
import struct
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import scoring
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring import Artifact, Field, Problem
from scoring.archive import MAX_MEMBERS, read_archive, write_archive
from scoring.graph import Graph


def forest_text(objective: str = "binary", **options: Any) -> str:
    random = np.random.default_rng(3)
    X = random.normal(size=(120, 2))
    y = np.digitize(X[:, 0], [0.0] if objective == "binary" else [-0.5, 0.5]).astype(float)
    parameters = {
        "objective": objective,
        "num_threads": 1,
        "verbose": -1,
        "min_data_in_leaf": 5,
        "num_leaves": 4,
    }
    data = lgb.Dataset(X, y, feature_name=["a", "b"])
    return lgb.train({**parameters, **options}, data, 3).model_to_string()


FOREST = forest_text()


def features(*inputs: str, count: int | None = None) -> bytes:
    names = inputs or ("a", "b")
    outputs = list(range(len(names) if count is None else count))
    return Graph(names).to_bytes(outputs, [names[i] for i in outputs], list(range(len(names))))


def make(**changes: Any) -> Artifact:
    parts: dict[str, Any] = {
        "name": "tiny",
        "task": "binomial",
        "target": "y",
        "labels": ["no", "yes"],
        "inputs": [Field("a"), Field("b", missing=("", "n/a"))],
        "features": features(),
        "forest": FOREST,
        "samples": {"rows": [["1.5", "n/a"]], "raw": [[0.25]], "output": [[0.5]]},
        "baseline": {"fields": {"a": {"missing": 0.1, "quantiles": [1.0, 2.0]}}},
        "metrics": {"log_loss": 0.4},
    }
    return Artifact.create(**{**parts, **changes})


GOOD = make()
MEMBERS = read_archive(GOOD.data)


def repacked(changes: dict[str, bytes | None], *, honest: bool = True) -> bytes:
    """Change members; `honest` writes their digests and the id into the manifest, as a packer would."""
    members = {**MEMBERS, **changes}
    kept = {name: data for name, data in members.items() if data is not None}
    if honest and "manifest.json" in kept and "manifest.json" not in changes:
        manifest = json.loads(kept["manifest.json"])
        manifest["members"] = {
            name: hashlib.sha256(data).hexdigest() for name, data in kept.items() if name != "manifest.json"
        }
        if kept.keys() >= {"features.json", "forest-0.txt"}:
            digest = hashlib.sha256(kept["features.json"] + kept["forest-0.txt"]).hexdigest()
            manifest["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, digest))
        kept["manifest.json"] = json.dumps(manifest).encode()
    return write_archive(kept)


def with_manifest(change: Callable[[dict[str, Any]], object]) -> bytes:
    manifest = json.loads(MEMBERS["manifest.json"])
    change(manifest)
    return repacked({"manifest.json": json.dumps(manifest).encode()})


def refused(data: bytes) -> Problem:
    with pytest.raises(Problem) as caught:
        scoring.load(data)
    assert caught.value.status == 503
    assert caught.value.hint
    return caught.value


def test_the_same_parts_give_the_same_bytes() -> None:
    assert make().data == GOOD.data
    assert make().digest == hashlib.sha256(GOOD.data).hexdigest()
    assert make(name="other").manifest.id == GOOD.manifest.id
    assert make(forest=forest_text(learning_rate=0.3)).manifest.id != GOOD.manifest.id


def test_any_unzip_opens_it() -> None:
    archive = zipfile.ZipFile(io.BytesIO(GOOD.data))

    assert archive.testzip() is None
    assert archive.namelist() == sorted(archive.namelist())
    assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS


def test_anybody_loads_the_forest_with_lightgbm() -> None:
    X = np.random.default_rng(1).normal(size=(50, 2))

    booster = lgb.Booster(model_str=zipfile.ZipFile(io.BytesIO(GOOD.data)).read("forest-0.txt").decode())

    assert (booster.predict(X) == scoring.load(GOOD.data).predict(X)).all()


def test_written_and_read_it_is_the_same(tmp_path: Path) -> None:
    written = GOOD.write(tmp_path / "tiny.pipeline")

    again = Artifact.read(tmp_path / "tiny.pipeline")

    assert written.path == again.path == tmp_path / "tiny.pipeline"
    assert again.digest == written.digest == GOOD.digest
    assert again.manifest == GOOD.manifest
    assert (again.features, again.forest) == (GOOD.features, GOOD.forest)
    assert (again.baseline, again.samples) == (GOOD.baseline, GOOD.samples)
    assert [item.name for item in tmp_path.iterdir()] == ["tiny.pipeline"]


def test_an_archive_made_by_another_zip_is_read_and_keeps_its_own_digest() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in MEMBERS.items():
            archive.writestr(name, data)

    scorer = scoring.load(buffer.getvalue())

    assert scorer.id == GOOD.manifest.id
    assert scorer.digest == hashlib.sha256(buffer.getvalue()).hexdigest() != GOOD.digest


def test_it_describes_itself_as_plain_data(tmp_path: Path) -> None:
    body = GOOD.write(tmp_path / "tiny.pipeline").describe()

    assert json.loads(json.dumps(body)) == body
    assert body["digest"] == GOOD.digest
    assert (body["task"], body["labels"], body["trees"], body["samples"]) == ("binomial", ["no", "yes"], 3, 1)
    assert body["features"] == ["a", "b"]
    assert body["path"] == str(tmp_path / "tiny.pipeline")


def test_a_failed_write_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(Problem, match="cannot be written"):
        GOOD.write(tmp_path / "taken")

    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


def test_a_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no artifact at"):
        scoring.load(tmp_path / "none.pipeline")
    for path in (tmp_path, "a\0b"):
        with pytest.raises(Problem, match="cannot be read"):
            scoring.load(path)


def bomb(size: int) -> bytes:
    return repacked({"baseline.json": b" " * size + b"{}"})


def declared_smaller() -> bytes:
    """A member that unpacks to more than its headers say."""
    data = bytearray(bomb(4000))
    size = struct.pack("<I", 4002)
    assert data.count(size) == 2
    return bytes(data.replace(size, struct.pack("<I", 2)))


def with_flag(flag: int) -> bytes:
    data = bytearray(GOOD.data)
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        at = data.find(mark)
        data[at + place : at + place + 2] = struct.pack("<H", flag)
    return bytes(data)


def renamed(name: str) -> bytes:
    old = b"samples.json"
    assert len(name.encode()) == len(old)
    return GOOD.data.replace(old, name.encode())


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def doubled() -> bytes:
    return GOOD.data.replace(b"samples.json", b"features.jso").replace(b"baseline.json", b"features.json")


BROKEN_ARCHIVES: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "not a zip"),
    "text": (lambda: b"tree\nversion=v4", "not a zip"),
    "a pickle": (lambda: b"\x80\x04K\x01.", "not a zip"),
    "cut short": (lambda: GOOD.data[:-1], "truncated"),
    "cut in half": (lambda: GOOD.data[: len(GOOD.data) // 2], "truncated"),
    "something appended": (lambda: GOOD.data + b"x", "truncated, or something is appended"),
    "something put before": (lambda: b"#!/bin/sh\n" + GOOD.data, "not a zip"),
    "another zip put before": (lambda: zipped(("a", b"b")) + GOOD.data, "end record|damaged"),
    "encrypted": (lambda: with_flag(1), "encrypted"),
    "streamed": (lambda: with_flag(8), "packed in a way"),
    "bomb by ratio": (lambda: bomb(4_000_000), "zip bomb|times its size"),
    "bomb that lies": (declared_smaller, "damaged"),
    "too many members": (
        lambda: write_archive({f"m{i}": b"" for i in range(MAX_MEMBERS + 1)}),
        f"more than the {MAX_MEMBERS}",
    ),
    "a path upwards": (lambda: renamed("../mples.jso"), "outside"),
    "an absolute path": (lambda: renamed("/amples.json"), "outside"),
    "a Windows path": (lambda: renamed("C:\\ples.json"), "outside"),
    "a backward path": (lambda: renamed("..\\ples.json"), "outside"),
    "a folder": (lambda: zipped(("folder/", b""), *MEMBERS.items()), "outside"),
    "the same member twice": (
        lambda: GOOD.data.replace(b"features.json", b"baseline.json"),
        "two members named 'baseline.json'",
    ),
    "a member missing": (lambda: repacked({"samples.json": None}), "no member 'samples.json'"),
    "no manifest": (lambda: repacked({"manifest.json": None}), "no member 'manifest.json'"),
    "an unexpected member": (lambda: repacked({"extra.txt": b"x"}), "unexpected member 'extra.txt'"),
}


@pytest.mark.parametrize("case", BROKEN_ARCHIVES)
def test_a_broken_archive_is_refused(case: str) -> None:
    broken, message = BROKEN_ARCHIVES[case]

    problem = refused(broken())

    assert problem.code == "artifact_invalid"
    with pytest.raises(Problem, match=message):
        raise problem


def test_names_that_differ_between_the_headers_are_refused() -> None:
    assert "damaged" in str(refused(GOOD.data.replace(b"samples.json", b"sampler.json", 1)))


def test_a_bomb_by_size_is_refused_by_what_it_declares() -> None:
    data = bytearray(GOOD.data)
    for mark, place in ((b"PK\3\4", 18), (b"PK\1\2", 20)):  # packed size and size
        at = data.find(mark)
        data[at + place : at + place + 8] = struct.pack("<II", 0x40000000, 0x7FFFFFFF)

    assert "zip bomb" in str(refused(bytes(data)))


@pytest.mark.parametrize("member", sorted(set(MEMBERS) - {"manifest.json"}))
def test_a_member_that_was_changed_is_refused_as_tampered(member: str) -> None:
    problem = refused(repacked({member: MEMBERS[member] + b"\n"}, honest=False))

    assert problem.code == "artifact_tampered"
    assert member in problem.detail


def test_an_id_of_another_pipeline_is_refused_as_tampered() -> None:
    problem = refused(with_manifest(lambda manifest: manifest.update(id=str(uuid.uuid4()))))

    assert problem.code == "artifact_tampered"


def test_a_newer_format_is_named_before_anything_else() -> None:
    manifest = {"format": 2, "something": "new"}

    problem = refused(write_archive({"manifest.json": json.dumps(manifest).encode(), "novelty.bin": b""}))

    assert problem.code == "artifact_too_new"
    assert "made by a newer version" in problem.detail
    assert "pgrade scoring-core" in problem.hint


def test_an_older_format_is_named() -> None:
    assert refused(with_manifest(lambda manifest: manifest.update(format=0))).code == "artifact_too_old"


WRONG_MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], object], list[str]]] = {
    "no format": (lambda m: m.pop("format"), ["format"]),
    "format as text": (lambda m: m.update(format="1"), ["format"]),
    "format as truth": (lambda m: m.update(format=True), ["format"]),
    "an unknown key": (lambda m: m.update(targte="x"), ["targte"]),
    "several at once": (
        lambda m: m.update(task="clustering", name="", members=[], data=3),
        ["name", "task", "members", "data"],
    ),
    "a missing key": (lambda m: m.pop("labels"), ["labels"]),
    "labels twice": (lambda m: m.update(labels=["a", "a"]), ["labels"]),
    "too many labels": (lambda m: m.update(labels=["a", "b", "c"]), ["labels", "outputs"]),
    "no inputs": (lambda m: m.update(inputs=[]), ["inputs"]),
    "a field without a type": (lambda m: m["inputs"][0].pop("type"), ["inputs"]),
    "two fields of one name": (lambda m: m["inputs"][1].update(name="a"), ["inputs"]),
    "other outputs": (lambda m: m["outputs"].reverse(), ["outputs"]),
    "libraries as a list": (lambda m: m.update(libraries=["lightgbm"]), ["libraries"]),
}


@pytest.mark.parametrize("case", WRONG_MANIFESTS)
def test_a_manifest_of_the_wrong_shape_is_refused_by_key(case: str) -> None:
    change, keys = WRONG_MANIFESTS[case]

    problem = refused(with_manifest(change))

    assert [error["field"] for error in problem.errors] == keys
    assert all(repr(key) in problem.detail for key in keys)


@pytest.mark.parametrize("member", sorted(set(MEMBERS) - {"forest-0.txt"}))
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff{}", "not valid UTF-8"),
        (b"{", "not valid JSON"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": [-Infinity]}', "-Infinity is not a JSON number"),
        (b'{"a": 1, "a": 2}', "'a' occurs twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not an object|no transform graph|not a JSON object|not of the form"),
        (b"1" * 5000, "not acceptable"),
    ],
)
def test_json_is_read_strictly(member: str, data: bytes, message: str) -> None:
    problem = refused(repacked({member: data}))

    with pytest.raises(Problem, match=message):
        raise problem
    assert member in problem.detail


def graph_with(**changes: Any) -> bytes:
    return json.dumps({**json.loads(MEMBERS["features.json"]), **changes}).encode()


DISAGREEMENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "inputs of another name": (
        lambda: repacked({"features.json": features("a", "c")}),
        "inputs of its manifest",
    ),
    "inputs in another order": (
        lambda: repacked({"features.json": features("b", "a")}),
        "inputs of its manifest",
    ),
    "too few features": (lambda: repacked({"features.json": features(count=1)}), "forest wants 2"),
    "a column that is not there": (lambda: repacked({"features.json": graph_with(outputs=[0, 9])}), "9"),
    "a graph of an unknown operation": (
        lambda: repacked({"features.json": graph_with(nodes=[{"op": "exec", "of": [0]}])}),
        "exec",
    ),
    "a forest of three classes": (
        lambda: repacked({"forest-0.txt": make_three().forest}),
        "3 outputs",
    ),
    "a forest without probabilities": (
        lambda: repacked(
            {"forest-0.txt": MEMBERS["forest-0.txt"].replace(b"objective=binary", b"objective=poisson")}
        ),
        "no probabilities",
    ),
    "a forest that is none": (lambda: repacked({"forest-0.txt": b"hello"}), "not usable"),
    "a forest in another encoding": (
        lambda: repacked({"forest-0.txt": b"\xff" + MEMBERS["forest-0.txt"]}),
        "not valid UTF-8",
    ),
    "a damaged tree": (
        lambda: repacked(
            {"forest-0.txt": MEMBERS["forest-0.txt"].replace(b"left_child=", b"left_child=7 ", 1)}
        ),
        "tree 0",
    ),
    "a baseline of another field": (
        lambda: repacked({"baseline.json": b'{"fields": {"z": {}}}'}),
        "'z', which is not an input",
    ),
    "samples of another width": (
        lambda: repacked({"samples.json": b'{"rows": [["1"]], "raw": [[0.5]], "output": [[0.5]]}'}),
        "samples.json",
    ),
    "samples without scores": (
        lambda: repacked({"samples.json": b'{"rows": [["1", "2"]], "raw": [], "output": []}'}),
        "samples.json",
    ),
    "samples with texts for scores": (
        lambda: repacked({"samples.json": b'{"rows": [["1", "2"]], "raw": [["1"]], "output": [["1"]]}'}),
        "samples.json",
    ),
}


def make_three() -> Artifact:
    return make(
        forest=forest_text("multiclass", num_class=3),
        task="multinomial",
        labels=["a", "b", "c"],
        samples=None,
    )


@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_parts_that_do_not_fit_are_refused(case: str) -> None:
    broken, message = DISAGREEMENTS[case]

    problem = refused(broken())

    assert problem.code == "artifact_invalid"
    with pytest.raises(Problem, match=message):
        raise problem


def test_parts_that_do_not_fit_cannot_be_put_together() -> None:
    with pytest.raises(Problem, match="3 outputs"):
        make(forest=forest_text("multiclass", num_class=3))
    with pytest.raises(Problem, match="does not fit the task"):
        make(labels=["only"])


@settings(max_examples=400, deadline=None, derandomize=True)
@given(place=st.integers(0, len(GOOD.data) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_is_refused_or_changes_nothing(place: int, bit: int) -> None:
    data = bytearray(GOOD.data)
    data[place] ^= 1 << bit

    try:
        found = scoring.load(bytes(data)).artifact
    except Problem:
        return

    assert found.manifest == GOOD.manifest
    assert (found.features, found.forest) == (GOOD.features, GOOD.forest)
    assert (found.baseline, found.samples) == (GOOD.baseline, GOOD.samples)
    assert found.digest != GOOD.digest


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, len(GOOD.data) - 1))
def test_every_shorter_file_is_refused(length: int) -> None:
    refused(GOOD.data[:length])


@settings(max_examples=50, deadline=None, derandomize=True)
@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,8}\.json", fullmatch=True), st.binary(max_size=300), max_size=6)
)
def test_an_archive_gives_back_what_was_put_in(members: dict[str, bytes]) -> None:
    data = write_archive(members)

    assert read_archive(data) == members
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == members
