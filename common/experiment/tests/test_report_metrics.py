"""Metrics: against scikit-learn, by hand, and where the data leave something undefined."""

import dataclasses
import json
import math

import numpy as np
import pytest
from experiment.report.curve import rank, thin
from experiment.report.metrics import Estimate, draws, estimates, metrics, resamples, wilson
from experiment.report.statistic import CLIP, auc
from experiment.result import Evaluation, Floats, Importance, Result
from sklearn import metrics as oracle


def probabilities(truth: np.ndarray, classes: int, seed: int, skill: float = 1.5) -> Floats:
    raw = np.random.default_rng(seed).normal(size=(len(truth), classes))
    raw[np.arange(len(truth)), truth] += skill
    powers = np.exp(raw)
    return powers / powers.sum(axis=1, keepdims=True)


def by_key(part: Evaluation, task: str, seed: int = 1) -> dict[str, Estimate]:
    return {e.metric.key: e for e in estimates(part, task, seed)}


def evaluation(truth, prediction, fold=None) -> Evaluation:
    truth = np.asarray(truth, dtype=np.float64)
    return Evaluation(np.arange(len(truth)), truth, np.asarray(prediction, dtype=np.float64), fold)


def result(validation: Evaluation, test: Evaluation, task: str, labels=()) -> Result:
    return Result(
        name="t",
        task=task,
        target="y",
        labels=labels,
        source="s",
        simulated=False,
        split="random",
        seed=3,
        rows_train=len(validation.truth),
        rows_test=len(test.truth),
        columns=(),
        features=(),
        feature_search=(),
        validation=validation,
        test=test,
        gain=Importance((), ()),
        permutation=Importance((), ()),
        learning_curve=(),
        parameters={},
        trees=1,
        stages=(),
        versions={},
    )


@pytest.mark.parametrize(("classes", "ties"), [(2, False), (2, True), (3, False), (5, True)])
def test_values_are_those_of_scikit_learn(classes, ties):
    truth = np.random.default_rng(0).integers(0, classes, 400)
    guess = probabilities(truth, classes, 1)
    if ties:
        guess = np.round(guess, 1) + 1e-9
        guess /= guess.sum(axis=1, keepdims=True)
    found = by_key(evaluation(truth, guess), "binomial" if classes == 2 else "multinomial")
    named, score = guess.argmax(axis=1), guess[:, 1] if classes == 2 else guess
    expected = {
        "log_loss": oracle.log_loss(truth, guess),
        "accuracy": oracle.accuracy_score(truth, named),
        "macro_f1": oracle.f1_score(truth, named, average="macro"),
        "mcc": oracle.matthews_corrcoef(truth, named),
        "auc": oracle.roc_auc_score(truth, score, multi_class="ovr", average="macro"),
        "brier": oracle.brier_score_loss(truth, score),
    }
    assert {k: found[k].value for k in expected} == pytest.approx(expected, rel=1e-12)


def test_regression_values_are_those_of_scikit_learn():
    random = np.random.default_rng(5)
    truth = 1e6 + random.normal(size=300)
    guess = truth + 0.3 * random.normal(size=300)
    found = by_key(evaluation(truth, guess), "regression")
    assert found["rmse"].value == pytest.approx(oracle.root_mean_squared_error(truth, guess))
    assert found["mae"].value == pytest.approx(oracle.mean_absolute_error(truth, guess))
    assert found["r2"].value == pytest.approx(oracle.r2_score(truth, guess), rel=1e-9)


def test_a_case_by_hand():
    guess = [[0.8, 0.2], [0.4, 0.6], [0.3, 0.7], [0.9, 0.1]]
    found = by_key(evaluation([0, 0, 1, 1], guess), "binomial")
    assert found["log_loss"].value == pytest.approx(-np.log([0.8, 0.4, 0.7, 0.1]).mean())
    assert found["accuracy"].value == 0.5
    assert found["auc"].value == 0.5  # of four pairs (0.2, 0.6) against (0.7, 0.1), two are in order
    assert found["brier"].value == pytest.approx((0.04 + 0.36 + 0.09 + 0.81) / 4)
    assert found["mcc"].value == 0.0


def test_intervals_repeat_hold_the_value_and_differ_by_seed():
    truth = np.random.default_rng(0).integers(0, 3, 300)
    part = evaluation(truth, probabilities(truth, 3, 2))
    first, again, other = (by_key(part, "multinomial", seed) for seed in (1, 1, 2))
    for key, estimate in first.items():
        assert estimate.low < estimate.value < estimate.high
        assert (estimate.low, estimate.high) == (again[key].low, again[key].high)
        assert (estimate.low, estimate.high) != (other[key].low, other[key].high)


def test_intervals_cover_the_true_value_about_as_often_as_they_claim():
    covered = dict.fromkeys(("accuracy", "mae"), 0)
    for trial in range(120):
        random = np.random.default_rng(trial)
        right = random.random(150) < 0.8
        guess = np.where(right[:, None], [0.9, 0.1], [0.1, 0.9])
        accuracy = by_key(evaluation(np.zeros(150), guess), "binomial", trial)["accuracy"]
        covered["accuracy"] += accuracy.low <= 0.8 <= accuracy.high
        error = by_key(evaluation(np.zeros(150), random.exponential(size=150)), "regression", trial)["mae"]
        covered["mae"] += error.low <= 1.0 <= error.high
    for hits in covered.values():
        assert 0.88 <= hits / 120 <= 1.0


def test_bootstrap_interval_agrees_with_theory():
    random = np.random.default_rng(8)
    loss = random.normal(2, 1, 2000)
    found = by_key(evaluation(np.zeros(2000), np.abs(loss)), "regression")["mae"]
    half = 1.96 * np.abs(loss).std() / math.sqrt(2000)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.12)


def test_draws_are_rows_drawn_with_replacement():
    weights = np.concatenate(list(draws(50, 40, seed=1)))
    assert weights.shape == (40, 50)
    assert (weights.sum(axis=1) == 50).all()
    assert weights.min() == 0
    assert resamples(1) == 0
    assert resamples(1000) == 1000
    assert resamples(10**7) == 200


def test_fold_values_are_those_of_the_folds_alone():
    truth = np.random.default_rng(0).integers(0, 2, 300)
    guess, fold = probabilities(truth, 2, 3), np.arange(300) % 4
    found = by_key(evaluation(truth, guess, fold), "binomial")
    alone = [oracle.roc_auc_score(truth[fold == f], guess[fold == f, 1]) for f in range(4)]
    assert found["auc"].folds == pytest.approx(alone)
    assert found["auc"].fold_mean == pytest.approx(np.mean(alone))
    assert found["auc"].fold_sd == pytest.approx(np.std(alone, ddof=1))


def test_a_class_that_is_absent_in_a_fold_and_in_the_test():
    truth = np.array([0, 0, 1, 1, 1, 1, 0, 1])
    fold = np.array([0, 0, 0, 0, 1, 1, 2, 2])  # fold 1 has no row of class 0, nothing has class 2
    found = by_key(evaluation(truth, probabilities(truth, 3, 4), fold), "multinomial")
    assert len(found["auc"].folds) == 2
    assert len(found["log_loss"].folds) == 3
    assert 0 <= found["auc"].value <= 1
    one = by_key(evaluation([1, 1, 1], probabilities(np.ones(3, int), 2, 1)), "binomial")
    assert math.isnan(one["auc"].value)
    assert math.isnan(one["mcc"].value)
    assert one["log_loss"].value > 0


def test_a_single_row_has_values_and_no_interval():
    found = by_key(evaluation([1], [[0.3, 0.7]]), "binomial")
    assert found["log_loss"].value == pytest.approx(-math.log(0.7))
    assert found["accuracy"].value == 1.0
    assert all(math.isnan(e.low) and math.isnan(e.high) for e in found.values())
    error = by_key(evaluation([1.0], [3.0]), "regression")
    assert error["rmse"].value == 2.0
    assert math.isnan(error["r2"].value)


def test_no_rows_at_all():
    found = by_key(evaluation([], np.empty((0, 2))), "binomial")
    assert all(math.isnan(e.value) for e in found.values())


def test_perfect_predictions_do_not_claim_certainty():
    truth = np.arange(60) % 3
    found = by_key(evaluation(truth, np.eye(3)[truth]), "multinomial")
    assert found["log_loss"].value == 0.0
    assert found["mcc"].value == found["auc"].value == found["macro_f1"].value == 1.0
    assert found["accuracy"].high == 1.0
    assert found["accuracy"].low == pytest.approx(wilson(1.0, 60)[0])
    assert found["accuracy"].low == pytest.approx(60 / (60 + 1.96**2), abs=1e-4)


def test_zero_probability_is_clipped_and_counted():
    part = evaluation([0, 1, 1], [[0.0, 1.0], [0.2, 0.8], [0.5, 0.5]])
    found = by_key(part, "binomial")
    assert found["log_loss"].value == pytest.approx(-np.log([CLIP, 0.8, 0.5]).mean())
    assert found["log_loss"].value == pytest.approx(oracle.log_loss(part.truth, part.prediction), rel=1e-9)
    told = metrics(result(part, part, "binomial", ("a", "b")))
    assert told["test"]["clipped_rows"] == 1


def test_a_constant_target_has_no_r2():
    found = by_key(evaluation(np.full(20, 7.0), np.linspace(6, 8, 20)), "regression")
    assert math.isnan(found["r2"].value)
    assert found["rmse"].value > 0


def test_metrics_are_small_and_json():
    truth = np.arange(200) % 2
    validation = evaluation(truth, probabilities(truth, 2, 5), np.arange(200) % 5)
    test = evaluation(np.ones(30), probabilities(np.ones(30, int), 2, 6))
    told = metrics(result(validation, test, "binomial", ("a", "b")))
    text = json.dumps(told, allow_nan=False)
    assert json.loads(text) == told
    assert len(text) < 2500
    assert set(told["validation"]["auc"]) == {"value", "low", "high", "fold_mean", "fold_sd"}
    assert set(told["test"]["log_loss"]) == {"value", "low", "high"}
    assert told["test"]["auc"]["value"] is None
    assert told["interval"]["resamples"] == {"validation": 1000, "test": 1000}
    assert told == metrics(dataclasses.replace(result(validation, test, "binomial", ("a", "b"))))


def test_weighted_auc_counts_a_row_as_often_as_it_was_drawn():
    random = np.random.default_rng(2)
    score, member = np.round(random.random(60), 1), (random.random(60) < 0.4).astype(float)
    weights = random.integers(0, 4, (3, 60)).astype(float)
    expected = [oracle.roc_auc_score(member, score, sample_weight=w) for w in weights]
    assert auc(score, member)(weights) == pytest.approx(expected)


def test_curves_are_those_of_scikit_learn():
    random = np.random.default_rng(3)
    member = random.random(300) < 0.3
    score = np.round(random.normal(size=300) + member, 2)
    ranking = rank(score, member)
    assert ranking is not None
    assert ranking.area() == pytest.approx(oracle.roc_auc_score(member, score))
    assert ranking.average_precision() == pytest.approx(oracle.average_precision_score(member, score))
    across, up, _ = oracle.roc_curve(member, score, drop_intermediate=False)
    assert np.array_equal(np.array(ranking.roc()), np.array([across, up]))
    best = int(np.argmax(ranking.scores()["MCC"]))
    named = score >= ranking.threshold[best]
    assert ranking.scores()["MCC"][best] == pytest.approx(oracle.matthews_corrcoef(member, named))
    assert ranking.scores()["F1"][best] == pytest.approx(oracle.f1_score(member, named))
    assert ranking.separation()[0] == pytest.approx((up - across).max())
    assert rank(score, np.ones(300)) is None


def test_thinning_keeps_corners_and_ends():
    x = np.concatenate([np.zeros(5000), np.linspace(0, 1, 5000)])
    y = np.concatenate([np.linspace(0, 1, 5000), np.ones(5000)])
    a, b = thin(x, y)
    assert len(a) <= 4
    assert (a[0], b[0], a[-1], b[-1]) == (0, 0, 1, 1)
    assert np.interp(1e-3, a, b) > 0.998
