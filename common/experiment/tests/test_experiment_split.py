"""Properties of splits and folds, and the search for suspicious data."""

import numpy as np
import pytest
from experiment.split import (
    Fold,
    group_folds,
    random_folds,
    split_groups,
    split_random,
    split_time,
    time_folds,
)
from experiment.suspicion import drift, duplicates, leakage, ordered_target
from hypothesis import given, settings
from hypothesis import strategies as st
from scoring.problem import Problem
from scoring.schema import Field


@given(st.lists(st.integers(1, 60), min_size=2, max_size=6), st.integers(0, 9))
@settings(max_examples=30, deadline=None)
def test_random_split_keeps_the_shares_of_classes(sizes: list[int], seed: int) -> None:
    values = np.repeat(np.arange(len(sizes)), sizes).astype(np.float64)
    split = split_random(values, len(sizes), seed)
    assert sorted([*split.train, *split.test]) == list(range(len(values)))
    for label, size in enumerate(sizes):
        tested = int(np.sum(values[split.test] == label))
        assert abs(tested - size / 4) <= 1
        assert tested < size
    again = split_random(values, len(sizes), seed)
    assert np.array_equal(split.test, again.test)


def test_seeds_give_different_splits() -> None:
    values = (np.arange(200) % 3).astype(np.float64)
    assert not np.array_equal(split_random(values, 3, 1).test, split_random(values, 3, 2).test)
    assert len(split_random(np.arange(200).astype(np.float64), 0, 1).test) == 50


@pytest.mark.parametrize("classes", [0, 3])
def test_folds_judge_every_row_once(classes: int) -> None:
    values = np.random.default_rng(0).integers(0, 3, 101).astype(np.float64)
    folds = random_folds(values, classes, 5, 1)
    assert np.array_equal(np.sort(np.concatenate([fold.judge for fold in folds])), np.arange(101))
    for fold in folds:
        assert not set(fold.fit) & set(fold.judge)
        assert len(fold.fit) + len(fold.judge) == 101


def test_groups_are_never_torn_apart() -> None:
    rng = np.random.default_rng(1)
    groups = rng.integers(0, 23, 300)
    values = rng.integers(0, 3, 300).astype(np.float64)
    for classes in (0, 3):
        split = split_groups(values, classes, groups, "machine", 1)
        assert not set(groups[split.train]) & set(groups[split.test])
        assert 30 <= len(split.test) <= 120
        for fold in group_folds(values, classes, groups, 5, 1):
            assert not set(groups[fold.fit]) & set(groups[fold.judge])
    with pytest.raises(Problem, match="At least 4"):
        split_groups(values, 3, groups % 3, "machine", 1)


def test_time_split_and_folds_never_look_ahead() -> None:
    times = np.random.default_rng(2).permutation(np.arange(200) // 3).astype(np.float64)
    split = split_time(times, "day")
    assert times[split.train].max() < times[split.test].min()
    assert 45 <= len(split.test) <= 60
    folds: list[Fold] = time_folds(times, 4)
    assert len(folds) == 4
    for fold in folds:
        assert times[fold.fit].max() < times[fold.judge].min()
    with pytest.raises(Problem, match="without a time"):
        split_time(np.array([1.0, np.nan]), "day")
    with pytest.raises(Problem, match="hardly varies"):
        split_time(np.zeros(30), "day")


def test_ordered_target_is_noticed() -> None:
    rng = np.random.default_rng(3)
    runs = np.repeat([0.0, 1.0, 2.0], 100)
    assert [caution.code for caution in ordered_target(runs, 3)] == ["ordered_label"]
    assert ordered_target(rng.permutation(runs), 3) == []
    walk = np.cumsum(rng.standard_normal(300))
    assert ordered_target(walk, 0)
    assert ordered_target(rng.permutation(walk), 0) == []


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_leaking_column_is_named(classes: int) -> None:
    rng = np.random.default_rng(4)
    y = rng.integers(0, classes, 400).astype(np.float64) if classes else rng.uniform(0, 9, 400)
    X = np.stack(
        [rng.standard_normal(400), y * 2 + rng.normal(0, 0.01, 400), y + rng.normal(0, 3, 400)], axis=1
    )
    X[::50, 0] = np.nan
    fields = [Field("noise"), Field("answer"), Field("hint")]
    found = leakage(X, y, fields, classes, 1)
    assert ["answer" in caution.detail for caution in found] == [True]


def test_drift_and_duplicates() -> None:
    rng = np.random.default_rng(5)
    fields = [Field("same"), Field("moved"), Field("letter", "Str", categories=("a", "b"))]
    train = np.stack([rng.standard_normal(600), rng.standard_normal(600), rng.integers(0, 2, 600)], axis=1)
    test = np.stack([rng.standard_normal(300), rng.standard_normal(300) + 1, np.zeros(300)], axis=1)
    (caution,) = drift(train, test, fields)
    assert "moved" in caution.detail
    assert "letter" in caution.detail
    assert "same" not in caution.detail
    assert drift(train[:300], train[300:], fields) == []
    assert duplicates(train, test) == []
    (caution,) = duplicates(train, np.vstack([test, train[:2]]))
    assert "2 of 302" in caution.detail
