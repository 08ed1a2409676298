import json
import zipfile
from pathlib import Path

import lightgbm
import numpy as np
import pytest
import scoring


def test_inspect_tells_a_person_what_the_artifact_is(inside, pipelines, binomial):
    done = inside("inspect", pipelines["binomial"])

    text = done.stdout
    assert done.returncode == 0
    for fact in (binomial.name, binomial.id, binomial.digest, "binomial", "target y", "labels no, yes"):
        assert fact in text
    assert "12 trees" in text
    assert "84 leaves" in text
    assert "red, green, a, b" in text
    assert "-50 to 50" in text
    assert "y.yes" in text
    assert "0.51 ± 0.02" in text
    assert "0.55 [0.5, 0.6]" in text
    assert "nobody, CC0" in text
    assert "SIMULATED" in text
    assert done.stderr == f"Next: scoring verify {pipelines['binomial']}\n"


def test_inspect_tells_a_program_the_same(inside, pipelines, binomial):
    done = inside("inspect", pipelines["multinomial"], "--json")

    body = json.loads(done.stdout)
    assert body["labels"] == ["low", "mid", "high"]
    assert [field["name"] for field in body["inputs"]][:2] == ["size", "count"]
    assert (body["trees"], body["leaves"]) == (36, 252)
    assert body["data"]["simulated"] is True


def test_verify_says_ok_line_by_line(inside, pipelines, binomial):
    done = inside("verify", pipelines["binomial"])

    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert all(line.startswith("ok ") for line in lines)
    assert "5 sample rows" in lines[1]
    assert binomial.digest in lines[2]
    assert json.loads(inside("verify", pipelines["binomial"], "--json").stdout)["ok"] is True


def tampered(source: Path, path: Path) -> Path:
    """Copy an artifact with one leaf of its forest changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            new.writestr(name, data.replace(b"leaf_value=", b"leaf_value=1", 1) if "forest" in name else data)
    return path


@pytest.mark.parametrize("damage", ["tampered", "truncated", "no zip"])
def test_verify_fails_on_what_is_not_whole(inside, pipelines, tmp_path, damage):
    path = tmp_path / "bad.pipeline"
    if damage == "tampered":
        tampered(pipelines["binomial"], path)
    else:
        data = pipelines["binomial"].read_bytes()
        path.write_bytes(data[:-100] if damage == "truncated" else b"no zip at all")

    done = inside("verify", path)
    as_json = inside("verify", path, "--json")

    assert done.returncode == as_json.returncode == 1
    assert done.stdout.startswith("fail  ")
    assert "Traceback" not in done.stderr
    assert json.loads(as_json.stdout)["ok"] is False


def test_a_file_that_is_not_there_is_a_problem(inside):
    for command in ("inspect", "verify", "sample"):
        done = inside(command, "no.pipeline")

        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("Error: There is no artifact at 'no.pipeline'.\nWhat to do: ")


def test_sample_prints_a_request_that_scores(inside, pipelines, binomial):
    done = inside("sample", pipelines["binomial"])

    answer = json.loads(binomial.score_json(done.stdout.encode()))
    assert answer["fields"] == ["y.no", "y.yes"]
    assert len(answer["score"]) == 1


@pytest.fixture
def model(tmp_path: Path) -> Path:
    random = np.random.default_rng(2)
    X = random.normal(size=(300, 3))
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    parameters = {"objective": "multiclass", "num_class": 3, "num_leaves": 5, "verbose": -1, "num_threads": 1}
    data = lightgbm.Dataset(X, y, feature_name=["a", "b", "c"])
    lightgbm.train(parameters, data, 5).save_model(tmp_path / "model.txt")
    return tmp_path / "model.txt"


def test_pack_freezes_a_model_file(inside, model, tmp_path, monkeypatch):
    (tmp_path / "schema.json").write_text(json.dumps({"a": {"type": "Int32", "example": "4"}}))

    monkeypatch.chdir(tmp_path)

    done = inside(
        "pack",
        model,
        "-o",
        "m.pipeline",
        "--labels",
        "x,y,z",
        "--target",
        "t",
        "--name",
        "N",
        "--schema",
        "schema.json",
    )

    assert done.returncode == 0, done.stderr
    scorer = scoring.load(tmp_path / "m.pipeline")
    assert (scorer.name, scorer.target, scorer.labels) == ("N", "t", ("x", "y", "z"))
    assert scorer.schema["a"].type == "Int32"
    assert scorer.digest in done.stdout
    assert done.stderr == "Next: scoring verify m.pipeline\n"
    assert inside("verify", "m.pipeline").returncode == 0
    X = np.random.default_rng(3).normal(size=(50, 3))
    assert (
        scorer.predict(X).tobytes() == lightgbm.Booster(model_file=model).predict(X, num_threads=1).tobytes()
    )


def test_pack_refuses_what_is_no_model_and_writes_nothing(inside, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.txt").write_text("no model")

    done = inside("pack", "model.txt", "-o", "m.pipeline")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert [path.name for path in tmp_path.iterdir()] == ["model.txt"]


def test_debug_shows_the_traceback_wherever_it_stands(run):
    for words in (["--debug", "inspect", "no.pipeline"], ["inspect", "no.pipeline", "--debug"]):
        done = run(*words)

        assert done.returncode == 1
        assert "Traceback" in done.stderr.decode()


def test_data_lists_the_recipes_and_writes_one_that_an_experiment_reads(inside, tmp_path):
    listed = inside("data")
    written = inside("data", "simulated-hydraulic", "-o", str(tmp_path / "rig.csv"))

    assert "uci-hydraulic" in listed.stdout
    assert written.returncode == 0
    assert "SIMULATED" in written.stderr
    lines = (tmp_path / "rig.csv").read_text().splitlines()
    assert lines[0].endswith("cool_cond_y,valve_cond_y,pump_leak_y,acc_gas_leak_y,stable_y")
    assert len(lines) == 2206
    assert [path.name for path in tmp_path.iterdir()] == ["rig.csv"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("data", "simulated-hydraulic"), 2, "-o FILE"),
        (("data", "simulated-hydraulik", "-o", "x.csv"), 1, "simulated-hydraulic"),
        (("data", "simulated-hydraulic", "-o", "x.xls"), 1, ".parquet"),
        (("data", "simulated-hydraulic", "-o", "no/such/x.csv"), 1, "Choose a folder"),
    ],
)
def test_data_says_what_to_do_about_a_wrong_call(inside, words, code, said):
    done = inside(*words)

    assert done.returncode == code
    assert said in done.stderr
