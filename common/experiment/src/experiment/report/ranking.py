"""Figures of how well scores rank rows: ROC, precision-recall, cumulative gain, lift and KS."""

from collections.abc import Iterator

import numpy as np

from experiment.report.axis import Axis, shares
from experiment.report.chart import POOLED, Chart
from experiment.report.curve import Ranking, rank, stairs, thin
from experiment.report.figure import Figure, Part
from experiment.report.number import percent, plain
from experiment.result import Floats

Named = tuple[int | str, str, Ranking]
"""A ranking with the slot and the name of its line."""


def roc(part: Part) -> Chart | None:
    """Draw the ROC curve of each class (of the second one only, if there are two) and of all pooled."""
    found = list(_rankings(part, pooled=True, mirror=False))
    if not found:
        return None
    chart = Chart(
        f"ROC curves, {part.name.lower()} rows",
        shares("False positive rate"),
        shares("True positive rate", 1.0),
        "; ".join(f"{name}: area {plain(ranking.area())}" for _, name, ranking in found),
    )
    chart.stroke(0, 0, 1, 1, "reference")
    for slot, name, ranking in found:
        chart.line(
            *thin(*ranking.roc()), slot, name, f"AUC {plain(ranking.area())}", nest=_below(slot, found)
        )
    return chart


def precision_recall(part: Part) -> Chart | None:
    """Draw precision against recall, with best F1, accuracy and MCC marked on the main curve."""
    found = list(_rankings(part, pooled=True, mirror=False))
    if not found:
        return None
    main = found[0] if len(part.labels) == 2 else found[-1]
    chart = Chart(
        f"Precision against recall, {part.name.lower()} rows",
        shares("Recall: share of the class that is found"),
        shares("Precision: share of finds that are right", 1.0),
        "; ".join(f"{name}: average precision {plain(r.average_precision())}" for _, name, r in found),
    )
    for slot, name, ranking in found:
        line = _steps(*ranking.precision_recall())
        chart.line(*line, slot, name, f"AP {plain(ranking.average_precision())}", nest=_below(slot, found))
    slot, name, ranking = main
    recall, precision = ranking.precision_recall()
    places: dict[int, list[str]] = {}
    for metric, values in ranking.scores().items():
        places.setdefault(int(np.argmax(values)), []).append(f"{metric} {plain(float(values.max()))}")
    for place, best in places.items():
        threshold = plain(float(ranking.threshold[place]), 3)
        words = f"best {' and '.join(best)} at threshold {threshold}"
        chart.dot(float(recall[place]), float(precision[place]), slot, f"{name}: {words}")
        chart.mark(slot, f"best {', '.join(best)}", f"at {threshold}")
    return chart


def gain(part: Part) -> Chart | None:
    """Draw the share of each class found against the share of rows taken."""
    found = list(_rankings(part))
    if not found:
        return None
    chart = Chart(
        f"Cumulative gain, {part.name.lower()} rows",
        shares("Rows taken, most probable first"),
        shares("Share of the class found"),
        "; ".join(
            f"{name}: the first tenth of the rows holds {percent(_at(r, 0.1))}" for _, name, r in found
        ),
    )
    chart.stroke(0, 0, 1, 1, "reference")
    for slot, name, ranking in found:
        share = f"{percent(_at(ranking, 0.1), 0)} in first tenth"
        chart.line(*thin(*ranking.gain()), slot, name, share, nest=_below(slot, found))
    return chart


def lift(part: Part) -> Chart | None:
    """Draw how many times denser each class is among the rows taken first."""
    found = list(_rankings(part))
    if not found:
        return None
    curves = {name: ranking.lift() for _, name, ranking in found}
    top = max(float(values.max()) for _, values in curves.values())
    chart = Chart(
        f"Lift, {part.name.lower()} rows",
        shares("Rows taken, most probable first"),
        Axis("Times denser than in all rows", 0.0, max(top * 1.08, 1.2)),
        "; ".join(f"{name}: {plain(_at(r, 0.1) / 0.1, 3)} times in the first tenth" for _, name, r in found),
    )
    chart.stroke(0, 1, 1, 1, "reference")
    for slot, name, ranking in found:
        tenth = _at(ranking, 0.1) / 0.1
        chart.line(
            *thin(*curves[name]), slot, name, f"{plain(tenth, 3)} × in first tenth", nest=_below(slot, found)
        )
    return chart


def separation(part: Part) -> Chart | None:
    """Draw Kolmogorov-Smirnov: two distributions for two classes, a gap curve for each of more."""
    if len(part.labels) == 2:
        return _two_distributions(part)
    found = list(_rankings(part))
    if not found:
        return None
    chart = Chart(
        f"Kolmogorov-Smirnov, {part.name.lower()} rows",
        shares("Rows taken, most probable first"),
        shares("True minus false positive rate", 1.0),
        "; ".join(f"{name}: {plain(ranking.separation()[0])}" for _, name, ranking in found),
    )
    for slot, name, ranking in found:
        across, up = ranking.roc()
        taken, _ = ranking.gain()
        best, place = ranking.separation()
        chart.line(*thin(taken, up - across), slot, name, f"KS {plain(best)}", nest=_below(slot, found))
        chart.dot(float(taken[place + 1]), best, slot, f"{name}: largest gap {plain(best)}")
    return chart


def _two_distributions(part: Part) -> Chart | None:
    ranking = rank(*part.one_against_rest(1))
    if ranking is None:
        return None
    best, place = ranking.separation()
    threshold = float(ranking.threshold[place])
    chart = Chart(
        f"Kolmogorov-Smirnov, {part.name.lower()} rows",
        shares(f"Probability of {part.labels[1]}"),
        shares("Share of rows at or above it"),
        f"The gap is largest, {plain(best)}, at probability {plain(threshold, 3)}.",
    )
    across, up = ranking.roc()
    level = np.concatenate([[1.0], ranking.threshold])
    chart.stroke(threshold, float(across[place + 1]), threshold, float(up[place + 1]), "gap")
    for slot, rate in ((1, up), (0, across)):
        chart.line(*_down_to_zero(level, rate), slot, part.labels[slot])
    chart.mark(POOLED, f"largest gap: KS {plain(best)}", f"at {plain(threshold, 3)}", kind="dash")
    return chart


def _down_to_zero(level: Floats, rate: Floats) -> tuple[Floats, Floats]:
    x, y = thin(level, rate)
    return np.append(x, 0.0), np.append(y, 1.0)


def _rankings(part: Part, *, pooled: bool = False, mirror: bool = True) -> Iterator[Named]:
    """Yield (slot, name, ranking) of each class, then of all pooled.

    Without `mirror` the first of two classes is left out: its curve is the other's reflection.
    """
    for slot, k in enumerate(part.shown):
        ranking = rank(*part.one_against_rest(k))
        if ranking is not None and (mirror or len(part.labels) != 2 or k == 1):
            yield slot, part.labels[k], ranking
    if pooled:
        ranking = rank(*part.pooled())
        if ranking is not None:
            yield POOLED, "all classes pooled (micro)", ranking


def _below(slot: int | str, found: list[Named]) -> int:
    """Return how many solid lines are drawn after this one."""
    slots = [s for s, _, _ in found if s != POOLED]
    return len(slots) - 1 - slots.index(slot) if slot in slots else 0


def _steps(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    return stairs(*thin(np.concatenate([[0.0], x]), np.concatenate([[1.0], y])))


def _at(ranking: Ranking, share: float) -> float:
    return float(np.interp(share, *ranking.gain()))


FIGURES = (
    Figure(
        "roc",
        "ROC curve",
        "Lower the threshold and more true cases are caught, at the price of false alarms. The nearer a "
        "curve comes to the upper left corner, the better; on the diagonal the score is no better than a "
        "coin.",
        roc,
    ),
    Figure(
        "precision-recall",
        "Precision and recall",
        "How many finds are right, as more of the class is found. Dots mark the thresholds with the best "
        "F1, accuracy and MCC on the main curve; they were chosen on these very rows, so take them as upper "
        "bounds.",
        precision_recall,
    ),
    Figure(
        "gain",
        "Cumulative gain",
        "If only the first rows by score can be looked at, how much of the class do they hold? The dashed "
        "diagonal is a random order.",
        gain,
    ),
    Figure(
        "lift",
        "Lift",
        "How many times more often the class occurs among the first rows by score than among all. The "
        "dashed line, 1, is a random order.",
        lift,
    ),
    Figure(
        "ks",
        "Kolmogorov-Smirnov",
        "How far apart the scores of the class and of the other rows are. The largest gap is the KS "
        "statistic: 0 means no separation, 1 a clean cut.",
        separation,
    ),
)
