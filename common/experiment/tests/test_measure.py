"""Measuring an artifact: the numbers are plausible, and the comparison with LightGBM really compares."""

import dataclasses
import hashlib
import zipfile

import lightgbm
import numpy as np
import pytest
import scoring
from experiment.measure import Latency, Measurement, compare, latency, measure, sample
from experiment.report.artifact import section
from scoring.schema import Field


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    random = np.random.default_rng(0)
    X = random.normal(size=(400, 5))
    X[::7, 2] = np.nan
    y = (X[:, 0] + X[:, 1] ** 2 > 1).astype(int) + (X[:, 3] > 1)
    parameters = {
        "objective": "multiclass",
        "num_class": 3,
        "num_leaves": 7,
        "verbosity": -1,
        "num_threads": 1,
    }
    booster = lightgbm.train(parameters, lightgbm.Dataset(X, y), 12)
    path = tmp_path_factory.mktemp("measure") / "small.pipeline"
    scoring.pack(booster, path, name="small")
    return path


@pytest.fixture(scope="module")
def measured(artifact) -> Measurement:
    return measure(artifact)


def test_facts_are_those_of_the_file(artifact, measured):
    data = artifact.read_bytes()
    assert measured.name == "small.pipeline"
    assert measured.octets == len(data)
    assert measured.digest == hashlib.sha256(data).hexdigest()
    assert (measured.inputs, measured.features, measured.outputs, measured.trees) == (5, 5, 3, 36)


def test_times_and_memory_are_plausible(measured):
    for spent in (measured.row, measured.request):
        assert 0 < spent.p50 <= spent.p99 < 1
        assert spent.calls >= 10
    assert measured.row.p50 < measured.request.p50
    assert measured.rows_per_second > 1000
    assert 0 < measured.load_seconds < 30
    assert measured.memory is None or 0 <= measured.memory < 500_000_000
    assert "Python" in measured.machine


def test_bits_are_compared_on_all_rows(measured):
    assert measured.bits_equal
    assert measured.largest_difference == 0.0
    assert measured.compared_rows == 2000


def test_another_forest_is_noticed(artifact):
    scorer = scoring.load(artifact)
    rows = sample(scorer.schema.inputs, 50)
    assert compare(scorer, rows) == (True, 0.0)
    with zipfile.ZipFile(artifact) as archive:
        text = archive.read("forest-0.txt").decode()
    values = next(line for line in text.splitlines() if line.startswith("leaf_value="))
    first = values.split("=")[1].split()[0]
    changed = text.replace(values, values.replace(first, str(float(first) + 0.5), 1), 1)
    scorer.artifact = dataclasses.replace(scorer.artifact, forest=changed.encode())
    equal, difference = compare(scorer, rows)
    assert not equal
    assert difference > 0.01


def test_sampled_rows_follow_the_schema():
    fields = (
        Field("a", minimum=10.0, maximum=20.0),
        Field("b", "Str", categories=("x", "y", "z")),
        Field("c", "Int64", minimum=0, maximum=3),
        Field("d"),
    )
    rows = sample(fields, 500)
    assert rows.shape == (500, 4)
    assert 0.02 < np.isnan(rows).mean() < 0.08
    assert np.nanmin(rows[:, 0]) >= 9.5
    assert np.nanmax(rows[:, 0]) <= 20.5
    assert set(rows[~np.isnan(rows[:, 1]), 1]) == {-1, 0, 1, 2}
    assert set(rows[~np.isnan(rows[:, 2]), 2]) == {0, 1, 2, 3}
    assert np.array_equal(rows, sample(fields, 500), equal_nan=True)


def test_latency_stops_when_patience_ends():
    calls = []
    spent = latency(calls.append, calls=10_000_000, patience=0.02)
    assert isinstance(spent, Latency)
    assert spent.calls < 10_000_000
    assert latency(calls.append, calls=5).calls == 5


def test_a_broken_file_is_a_problem(tmp_path):
    path = tmp_path / "broken.pipeline"
    path.write_bytes(b"PK not a zip")
    with pytest.raises(scoring.Problem):
        measure(path)


def test_the_card_says_yes_or_no(measured):
    assert "yes" in section(measured)
    worse = dataclasses.replace(measured, bits_equal=False, largest_difference=1e-7, memory=None)
    assert "largest difference 1.0e-7" in section(worse)
    assert "not known" in section(worse)
