"""Feature steps: what the engine computes is what scikit-learn would, and targets stay where they belong."""

import numpy as np
import pytest
from experiment.dates import DateParts
from experiment.encodings import Frequencies, TargetMeans
from experiment.graph import Graph, transform
from experiment.interactions import Interactions
from experiment.projections import Components, Discriminants
from experiment.search import paired_gain
from experiment.split import Fold
from experiment.step import Fitted, Known, Step, fit_steps
from scoring.schema import Field
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

NOTHING = np.array([], dtype=np.int64)


def numbers(rows: int = 300, columns: int = 5, classes: int = 3) -> Known:
    rng = np.random.default_rng(1)
    y = rng.integers(0, classes, rows).astype(np.float64)
    X = rng.standard_normal((rows, columns)) @ rng.standard_normal((columns, columns)) + y[
        :, None
    ] * rng.random(columns)
    return Known(X, y, tuple(Field(f"x{k}") for k in range(columns)), classes, 1)


def fit(step: Step, known: Known) -> Fitted:
    return fit_steps((step,), known, NOTHING)


def test_components_equal_those_of_scikit_learn() -> None:
    known = numbers()
    fitted = fit(Components(4), known)
    assert fitted.names[5:] == ("pc1", "pc2", "pc3", "pc4")
    scaled = StandardScaler().fit(known.X)
    other = np.random.default_rng(2).standard_normal((40, 5))
    expected = PCA(4, svd_solver="full").fit(scaled.transform(known.X)).transform(scaled.transform(other))
    found = fitted.apply(other)[:, 5:]
    signs = np.sign(np.sum(found * expected, axis=0))
    np.testing.assert_allclose(found * signs, expected, rtol=1e-9, atol=1e-9)


def test_discriminants_span_those_of_scikit_learn() -> None:
    known = numbers()
    fitted = fit(Discriminants(), known)
    assert fitted.names[5:] == ("ld1", "ld2")
    scaled = StandardScaler().fit_transform(known.X)
    expected = LinearDiscriminantAnalysis(solver="svd").fit(scaled, known.y).transform(scaled)
    found = fitted.matrix[:, 5:]
    for k in range(2):
        assert abs(np.corrcoef(found[:, k], expected[:, k])[0, 1]) > 0.9999


def test_missing_values_are_filled_in_projections() -> None:
    known = numbers()
    known.X[::7, 2] = np.nan
    fitted = fit(Components(3), known)
    assert not np.isnan(fitted.matrix[:, 5:]).any()
    assert np.isnan(fitted.matrix[0, 2])


def test_regression_gets_one_linear_direction() -> None:
    known = numbers(classes=2)
    known = Known(known.X, known.X @ np.arange(5.0), known.fields, 0, 1)
    found = fit(Discriminants(), known).matrix[:, 5]
    assert abs(np.corrcoef(found, known.y)[0, 1]) > 0.999


def test_interactions_find_the_product_that_matters() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (500, 4))
    y = (X[:, 0] * X[:, 1] > 0).astype(np.float64)
    known = Known(X, y, tuple(Field(f"x{k}") for k in range(4)), 2, 1)
    fitted = fit(Interactions(columns=4, keep=3), known)
    assert {"x0*x1", "x0/x1"} & set(fitted.names)
    other = np.array([[1.0, 2.0, 3.0, 4.0], [1.0, 0.0, 0.0, 0.0], [np.nan, 1.0, 1.0, 1.0]])
    found = fitted.apply(other)
    for k, name in enumerate(fitted.names[4:], 4):
        a, b = (other[:, int(part[1])] for part in (name[:2], name[3:]))
        with np.errstate(all="ignore"):
            expected = {"+": a + b, "-": a - b, "*": a * b, "/": np.where(b == 0, np.nan, a / b)}[name[2]]
        np.testing.assert_array_equal(found[:, k], expected)


def letters() -> Known:
    rng = np.random.default_rng(4)
    codes = rng.integers(-1, 3, 400).astype(np.float64)
    codes[::11] = np.nan
    y = (rng.random(400) < np.where(codes == 1, 0.9, 0.2)).astype(np.float64)
    return Known(codes[:, None], y, (Field("letter", "Str", categories=("a", "b", "c")),), 2, 1)


def test_frequencies() -> None:
    known = letters()
    found = fit(Frequencies(), known).matrix[:, 1]
    codes = known.X[:, 0]
    assert found[np.isnan(codes)][0] == pytest.approx(np.isnan(codes).mean())
    assert found[codes == 2][0] == pytest.approx((codes == 2).mean())
    assert found[codes == -1][0] == pytest.approx((codes == -1).mean())


def test_target_means_are_cross_fitted_in_training_and_whole_in_scoring() -> None:
    known = letters()
    fitted = fit(TargetMeans(), known)
    codes, y = known.X[:, 0], known.y
    rows = codes == 1
    expected = (y[rows].sum() + 10 * y.mean()) / (rows.sum() + 10)
    scored = fitted.apply(np.array([[1.0], [np.nan], [-1.0], [99.0]]))[:, 1]
    assert scored[0] == pytest.approx(expected, rel=1e-10)
    assert scored[2] == scored[3]
    assert len(set(fitted.matrix[rows, 1].tolist())) == 5  # one value a part
    # A row's own answer does not enter its own feature.
    changed = y.copy()
    row = int(np.flatnonzero(rows)[0])
    changed[row] = 1 - changed[row]
    again = fit(TargetMeans(), Known(known.X, changed, known.fields, 2, 1))
    assert again.matrix[row, 1] == fitted.matrix[row, 1]
    assert again.apply(np.array([[1.0]]))[0, 1] != scored[0]


def test_target_means_have_a_column_a_class() -> None:
    known = letters()
    y = (np.arange(400) % 3).astype(np.float64)
    fitted = fit(TargetMeans(), Known(known.X, y, known.fields, 3, 1))
    assert fitted.names == ("letter", "letter:mean[0]", "letter:mean[1]", "letter:mean[2]")
    np.testing.assert_allclose(fitted.apply(known.X)[:, 1:].sum(axis=1), 1.0, rtol=1e-9)


def test_date_parts_that_vary() -> None:
    days = np.arange(0, 800 * 86400, 86400 * 3.25)
    known = Known(days[:, None], np.zeros(len(days)), (Field("day", "Time64"),), 2, 1)
    fitted = fit_steps((DateParts(),), known, np.array([0]))
    assert set(fitted.names) == {
        "day:year",
        "day:month",
        "day:day",
        "day:weekday",
        "day:hour",
        "day:dayofyear",
        "day:week",
    }
    found = dict(zip(fitted.names, fitted.apply(np.array([[951782400.0 + 3600 * 5]]))[0], strict=True))
    assert (found["day:year"], found["day:month"], found["day:day"], found["day:hour"]) == (2000, 2, 29, 5)
    assert found["day:weekday"] == 1


def test_graph_is_canonical_and_refuses_nothing_it_wrote() -> None:
    graph = Graph(["a", "b"])
    graph.feature(0, "a")
    graph.feature(graph.node("fill", [1], value=float("nan")), "filled")
    assert b'"value":null' in graph.to_bytes()
    assert transform(graph.to_bytes(), np.array([[1.0, 2.0]])).tolist() == [[1.0, 2.0]]


def test_one_lucky_fold_never_keeps_a_step() -> None:
    folds = [Fold(NOTHING, np.arange(4)) for _ in range(5)]
    before, after = np.ones(20), np.ones(20)
    after[0] = 0.0
    gain, error = paired_gain(before, after, folds)
    assert gain == pytest.approx(0.05)
    assert gain <= error * (1 + 1e-12)
    gain, error = paired_gain(before, before * np.tile([0.8, 0.9], 10), folds)
    assert gain > error
