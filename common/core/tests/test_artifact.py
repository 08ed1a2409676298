"""The artifact: deterministic, complete, and refused with a reason when anything about it is wrong."""

import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import pytest
import scoring
from scoring import Artifact, Problem
from scoring.agreement import BASELINE, FEATURES, FOREST, SAMPLES
from scoring.archive import write_archive


def test_the_same_parts_give_the_same_bytes(parts: Any) -> None:
    assert parts.make().data == parts.good.data
    assert parts.make().digest == hashlib.sha256(parts.good.data).hexdigest()
    assert parts.make(name="other").manifest.id == parts.good.manifest.id
    assert parts.make(forest=parts.forest_text(learning_rate=0.3)).manifest.id != parts.good.manifest.id


def test_any_unzip_opens_it(parts: Any) -> None:
    archive = zipfile.ZipFile(io.BytesIO(parts.good.data))

    assert archive.testzip() is None
    assert archive.namelist() == sorted(archive.namelist())
    assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert {name: archive.read(name) for name in archive.namelist()} == parts.members


def test_anybody_loads_the_forest_with_lightgbm(parts: Any) -> None:
    X = np.random.default_rng(1).normal(size=(50, 2))

    booster = lgb.Booster(
        model_str=zipfile.ZipFile(io.BytesIO(parts.good.data)).read("forest-0.txt").decode()
    )

    assert (booster.predict(X) == scoring.load(parts.good.data).predict(X)).all()


def test_written_and_read_it_is_the_same(parts: Any, tmp_path: Path) -> None:
    written = parts.good.write(tmp_path / "tiny.pipeline")

    again = Artifact.read(tmp_path / "tiny.pipeline")

    assert written.path == again.path == tmp_path / "tiny.pipeline"
    assert again.digest == written.digest == parts.good.digest
    assert again.manifest == parts.good.manifest
    assert (again.features, again.forest) == (parts.good.features, parts.good.forest)
    assert (again.baseline, again.samples) == (parts.good.baseline, parts.good.samples)
    assert [item.name for item in tmp_path.iterdir()] == ["tiny.pipeline"]


def test_an_archive_made_by_another_zip_is_read_and_keeps_its_own_digest(parts: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, data in parts.members.items():
            archive.writestr(name, data)

    scorer = scoring.load(buffer.getvalue())

    assert scorer.id == parts.good.manifest.id
    assert scorer.digest == hashlib.sha256(buffer.getvalue()).hexdigest() != parts.good.digest


def test_it_describes_itself_as_plain_data(parts: Any, tmp_path: Path) -> None:
    body = parts.good.write(tmp_path / "tiny.pipeline").describe()

    assert json.loads(json.dumps(body)) == body
    assert body["digest"] == parts.good.digest
    assert (body["task"], body["labels"], body["trees"], body["samples"]) == ("binomial", ["no", "yes"], 3, 1)
    assert body["features"] == ["a", "b"]
    assert body["path"] == str(tmp_path / "tiny.pipeline")


def test_a_failed_write_leaves_nothing_behind(parts: Any, tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()

    with pytest.raises(Problem, match="cannot be written"):
        parts.good.write(tmp_path / "taken")

    assert [item.name for item in tmp_path.iterdir()] == ["taken"]


def test_a_path_that_is_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="no artifact at"):
        scoring.load(tmp_path / "none.pipeline")
    for path in (tmp_path, "a\0b"):
        with pytest.raises(Problem, match="cannot be read"):
            scoring.load(path)


def with_manifest(parts: Any, change: Callable[[dict[str, Any]], object]) -> bytes:
    manifest = json.loads(parts.members["manifest.json"])
    change(manifest)
    return parts.repacked({"manifest.json": json.dumps(manifest).encode()})


@pytest.mark.parametrize("member", [BASELINE, FEATURES, FOREST, SAMPLES])
def test_a_member_that_was_changed_is_refused_as_tampered(parts: Any, member: str) -> None:
    problem = parts.refused(parts.repacked({member: parts.members[member] + b"\n"}, honest=False))

    assert problem.code == "artifact_tampered"
    assert member in problem.detail


def test_an_id_of_another_pipeline_is_refused_as_tampered(parts: Any) -> None:
    problem = parts.refused(with_manifest(parts, lambda manifest: manifest.update(id=str(uuid.uuid4()))))

    assert problem.code == "artifact_tampered"


def test_a_newer_format_is_named_before_anything_else(parts: Any) -> None:
    manifest = {"format": 2, "something": "new"}

    problem = parts.refused(
        write_archive({"manifest.json": json.dumps(manifest).encode(), "novelty.bin": b""})
    )

    assert problem.code == "artifact_too_new"
    assert "made by a newer version" in problem.detail
    assert "pgrade scoring-core" in problem.hint


def test_an_older_format_is_named(parts: Any) -> None:
    assert (
        parts.refused(with_manifest(parts, lambda manifest: manifest.update(format=0))).code
        == "artifact_too_old"
    )


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
def test_a_manifest_of_the_wrong_shape_is_refused_by_key(parts: Any, case: str) -> None:
    change, keys = WRONG_MANIFESTS[case]

    problem = parts.refused(with_manifest(parts, change))

    assert [error["field"] for error in problem.errors] == keys
    assert all(repr(key) in problem.detail for key in keys)


@pytest.mark.parametrize("member", [BASELINE, FEATURES, "manifest.json", SAMPLES])
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
def test_json_is_read_strictly(parts: Any, member: str, data: bytes, message: str) -> None:
    problem = parts.refused(parts.repacked({member: data}))

    with pytest.raises(Problem, match=message):
        raise problem
    assert member in problem.detail


def graph_with(parts: Any, **changes: Any) -> bytes:
    return json.dumps({**json.loads(parts.members["features.json"]), **changes}).encode()


DISAGREEMENTS: dict[str, tuple[Callable[[Any], bytes], str]] = {
    "inputs of another name": (
        lambda parts: parts.repacked({"features.json": parts.features("a", "c")}),
        "inputs of its manifest",
    ),
    "inputs in another order": (
        lambda parts: parts.repacked({"features.json": parts.features("b", "a")}),
        "inputs of its manifest",
    ),
    "too few features": (
        lambda parts: parts.repacked({"features.json": parts.features(count=1)}),
        "forest wants 2",
    ),
    "a column that is not there": (
        lambda parts: parts.repacked({"features.json": graph_with(parts, outputs=[0, 9])}),
        "9",
    ),
    "a graph of an unknown operation": (
        lambda parts: parts.repacked({"features.json": graph_with(parts, nodes=[{"op": "exec", "of": [0]}])}),
        "exec",
    ),
    "a forest of three classes": (
        lambda parts: parts.repacked({"forest-0.txt": make_three(parts).forest}),
        "3 outputs",
    ),
    "a forest without probabilities": (
        lambda parts: parts.repacked(
            {"forest-0.txt": parts.members["forest-0.txt"].replace(b"objective=binary", b"objective=poisson")}
        ),
        "no probabilities",
    ),
    "a forest that is none": (lambda parts: parts.repacked({"forest-0.txt": b"hello"}), "not usable"),
    "a forest in another encoding": (
        lambda parts: parts.repacked({"forest-0.txt": b"\xff" + parts.members["forest-0.txt"]}),
        "not valid UTF-8",
    ),
    "a damaged tree": (
        lambda parts: parts.repacked(
            {"forest-0.txt": parts.members["forest-0.txt"].replace(b"left_child=", b"left_child=7 ", 1)}
        ),
        "tree 0",
    ),
    "a baseline of another field": (
        lambda parts: parts.repacked({"baseline.json": b'{"fields": {"z": {}}}'}),
        "'z', which is not an input",
    ),
    "samples of another width": (
        lambda parts: parts.repacked(
            {"samples.json": b'{"rows": [["1"]], "raw": [[0.5]], "output": [[0.5]]}'}
        ),
        "samples.json",
    ),
    "samples without scores": (
        lambda parts: parts.repacked({"samples.json": b'{"rows": [["1", "2"]], "raw": [], "output": []}'}),
        "samples.json",
    ),
    "samples with texts for scores": (
        lambda parts: parts.repacked(
            {"samples.json": b'{"rows": [["1", "2"]], "raw": [["1"]], "output": [["1"]]}'}
        ),
        "samples.json",
    ),
}


def make_three(parts: Any) -> Artifact:
    return parts.make(
        forest=parts.forest_text("multiclass", num_class=3),
        task="multinomial",
        labels=["a", "b", "c"],
        samples=None,
    )


@pytest.mark.parametrize("case", DISAGREEMENTS)
def test_parts_that_do_not_fit_are_refused(parts: Any, case: str) -> None:
    broken, message = DISAGREEMENTS[case]

    problem = parts.refused(broken(parts))

    assert problem.code == "artifact_invalid"
    with pytest.raises(Problem, match=message):
        raise problem


def test_parts_that_do_not_fit_cannot_be_put_together(parts: Any) -> None:
    with pytest.raises(Problem, match="3 outputs"):
        parts.make(forest=parts.forest_text("multiclass", num_class=3))
    with pytest.raises(Problem, match="does not fit the task"):
        parts.make(labels=["only"])
