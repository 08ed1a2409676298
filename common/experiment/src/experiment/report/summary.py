"""The top of the page: what was asked, the answer in plain words, and the facts behind it."""

import math

from experiment.report.comparison import for_reading, guessing
from experiment.report.markup import Markup, join, tag
from experiment.report.metrics import Estimate
from experiment.report.number import MISSING, count, interval, percent, plain, plural, seconds
from experiment.result import Result

TASKS = {
    "binomial": "Which of two classes",
    "multinomial": "Which of several classes",
    "regression": "How much",
}


def heading(result: Result, control: Markup) -> Markup:
    """Return the title, with a control beside it, and the question that the experiment answers."""
    question = f"{TASKS.get(result.task, result.task)}: {result.target}"
    if result.labels:
        shown = ", ".join(result.labels[:8]) + (
            f" and {len(result.labels) - 8} more" if len(result.labels) > 8 else ""
        )
        question += f" ({shown})"
    return join(
        [
            tag("div", tag("p", "Experiment report", class_="kicker"), control),
            tag("h1", result.name),
            tag("p", question, class_="question"),
        ]
    )


def headline(result: Result, test: list[Estimate]) -> Markup:
    """Return the headline number with its interval, in plain words, and the tiles below it."""
    rows = len(result.test.truth)
    if not rows:
        return tag(
            "p", "There are no test rows, so nothing can be said about unseen rows.", class_="headline"
        )
    by_key = {estimate.metric.key: estimate for estimate in test}
    blind = guessing(result)
    words = _regression(result, by_key) if result.task == "regression" else _classes(result, by_key, blind)
    return join([tag("p", *words, class_="headline"), _tiles(result, test, blind)])


def _classes(result: Result, found: dict[str, Estimate], blind: dict[str, float]) -> list[object]:
    accuracy, rows = found["accuracy"], len(result.test.truth)
    right = round(accuracy.value * rows)
    words: list[object] = [f"Of {plural(rows, 'row')} it had never seen, it named the right class for "]
    words += [tag("b", f"{'all' if right == rows > 1 else count(right)}: {percent(accuracy.value)}")]
    words += [
        f" (95\N{NO-BREAK SPACE}% interval {interval(accuracy.low, accuracy.high, share=True)}). "
        if rows > 1
        else ". "
    ]
    if "accuracy" in blind:
        words += [f"Always naming the most frequent class would reach {percent(blind['accuracy'])}. "]
    area = found["auc"]
    if len(result.labels) == 2 and not math.isnan(area.value):
        words += [
            f"It ranks a row of “{result.labels[1]}” above one of “{result.labels[0]}” ",
            tag("b", percent(area.value)),
        ]
        words += [f" of the time ({interval(area.low, area.high, share=True)})."]
    return words


def _regression(result: Result, found: dict[str, Estimate]) -> list[object]:
    error, explained, rows = found["mae"], found["r2"], len(result.test.truth)
    words: list[object] = [f"On {plural(rows, 'row')} it had never seen, it was off by "]
    words += [tag("b", f"{plain(error.value, 3)} on average")]
    words += [f" (95\N{NO-BREAK SPACE}% interval {interval(error.low, error.high)})" if rows > 1 else ""]
    if math.isnan(explained.value):
        return [*words, "."]
    words += [" and explained ", tag("b", percent(explained.value)), f" of the variance of {result.target}"]
    return [*words, f" ({interval(explained.low, explained.high, share=True)})." if rows > 1 else "."]


def _tiles(result: Result, test: list[Estimate], blind: dict[str, float]) -> Markup:
    tiles = []
    for estimate in test:
        if estimate.metric.key in ("log_loss", "macro_f1", "auc", "rmse", "mae", "r2"):
            note = interval(estimate.low, estimate.high, share=estimate.metric.share)
            reference = blind.get(estimate.metric.key, math.nan)
            guess = f"guessing: {plain(reference, 3)}" if not math.isnan(reference) else None
            tiles.append(_tile(f"{estimate.metric.title}, test", for_reading(estimate), note, guess))
    if result.baseline_loss is not None and test:
        loss = test[0]
        outside = not loss.low <= result.baseline_loss <= loss.high
        verdict = "outside the interval" if outside else "within the interval: no proven difference"
        than = f"{loss.metric.spoken} than plain LightGBM's {plain(result.baseline_loss, 3)}"
        tiles.append(_tile("Against defaults", compared(loss.value, result.baseline_loss), than, verdict))
    return tag("ul", *tiles, class_="tiles")


def compared(loss: float, baseline: float) -> str:
    """Say how a loss compares with the baseline's: "12 % lower", "3.1 times higher", "equal"."""
    if loss == baseline or baseline <= 0:
        return "equal" if loss == baseline else "higher"
    if loss > 2 * baseline:
        return f"{plain(loss / baseline, 3)} times higher"
    return f"{percent(abs(baseline - loss) / baseline)} {'lower' if loss < baseline else 'higher'}"


def _tile(name: str, value: str, *notes: str | None) -> Markup:
    lines = [tag("small", note) for note in notes if note]
    return tag("li", tag("span", name, class_="label"), tag("b", value), *lines)


def facts(result: Result) -> Markup:
    """Return sizes, split, seed, trees, versions and times as a list of terms."""
    columns, features = len(result.columns), len(result.features)
    entries: list[tuple[str, object]] = [
        ("Data", result.source),
        ("Rows", f"{count(result.rows_train)} for training, {count(result.rows_test)} for test"),
        ("Split", result.split),
        ("Seed", str(result.seed)),
        ("Columns", f"{plural(columns, 'input')}, from which {plural(features, 'feature')} for the forest"),
        ("Forest", plural(result.trees, "tree")),
    ]
    if result.baseline_loss is not None:
        entries.append(
            (
                "Plain LightGBM",
                f"test loss {plain(result.baseline_loss)} with default settings on raw columns",
            )
        )
    if result.peak_memory_mb is not None:
        entries.append(("Peak memory", f"{plain(result.peak_memory_mb, 3)} MB"))
    versions = ", ".join(f"{name} {version}" for name, version in sorted(result.versions.items()))
    entries.append(("Versions", versions or MISSING))
    pairs = [tag("div", tag("dt", term), tag("dd", value)) for term, value in entries]
    return tag("div", tag("dl", *pairs, class_="facts one"), _stages(result), class_="brief")


def _stages(result: Result) -> Markup | None:
    if not result.stages:
        return None
    total = sum(spent for _, spent in result.stages)
    lines = [
        tag(
            "li",
            tag("span", name, class_="name"),
            tag(
                "span",
                tag("i", class_="c0", style=f"width:{100 * spent / total if total else 0:.1f}%"),
                class_="track",
            ),
            tag("span", seconds(spent), class_="value"),
        )
        for name, spent in result.stages
    ]
    heading = tag("h3", f"Time by stage: {seconds(total)} in all")
    return tag("div", heading, tag("ol", *lines, class_="bars"), class_="stages")
