"""The page: complete, self-contained, well formed, escaped, and the same every time."""

import dataclasses
import os
import re
import stat
from html.parser import HTMLParser
from itertools import pairwise

import numpy as np
import pytest
import scoring
from experiment import report
from experiment.report import theme
from experiment.report.axis import Axis, spanning, steps
from experiment.report.caution import cautions
from experiment.report.markup import VOID, Markup, tag
from experiment.report.metrics import estimates
from experiment.report.number import percent, plain, seconds, size
from experiment.report.page import compose, figures_of
from experiment.report.worst import concentration
from experiment.result import Caution, Column, Evaluation, Importance, Result

HOSTILE = "<script>alert('x')</script>\" onload=\"boom() & <b>"
CLASS_SLUGS = ["confusion", "roc", "precision-recall", "calibration", "distribution", "gain", "lift", "ks"]
NUMBER_SLUGS = ["agreement", "residuals", "residual-drift", "error-quantiles"]


def make(
    task: str, classes: int = 0, rows: int = 300, tests: int = 120, text: str = "column", **change
) -> Result:
    random = np.random.default_rng(4)

    def part(n: int, start: int, fold) -> Evaluation:
        where = np.arange(start, start + n)
        if task == "regression":
            truth = random.normal(50, 10, n)
            return Evaluation(where, truth, truth + random.normal(0, 2, n), fold)
        truth = random.integers(0, classes, n)
        raw = random.normal(size=(n, classes))
        raw[np.arange(n), truth] += 2
        powers = np.exp(raw)
        return Evaluation(where, truth.astype(float), powers / powers.sum(axis=1, keepdims=True), fold)

    validation, test = part(rows, 0, np.arange(rows) % 3), part(tests, rows, None)
    names = tuple(f"{text} {k}" for k in range(24))
    first = Result(
        name=f"{text} experiment",
        task=task,
        target=f"{text} target",
        labels=tuple(f"{text} class {k}" for k in range(classes)),
        source=f"{text} source",
        simulated=False,
        split="random",
        seed=5,
        rows_train=rows,
        rows_test=tests,
        columns=tuple(Column(name, "Str", 0.1, 3, f"{text} summary") for name in names),
        features=names,
        feature_search=((f"{text} pairs", 0.5, 0.4), (f"{text} dates", 0.4, 0.45)),
        validation=validation,
        test=test,
        gain=Importance(names, tuple(float(24 - k) for k in range(24))),
        permutation=Importance(names, tuple(0.1 - 0.01 * k for k in range(24))),
        learning_curve=tuple((k + 1, 0.9**k, 0.9**k + 0.01 * k) for k in range(60)),
        parameters={"num_leaves": 31, "fast": {text: [1, 2]}},
        trees=120,
        stages=(("read", 0.02), ("training", 3.5)),
        versions={"lightgbm": "4.7.0", "python": "3.11"},
        warnings=(Caution("leakage", f"{text} gives the answer away"),),
        baseline_loss=0.7,
        peak_memory_mb=200.0,
        attribution=f"{text} licence",
        test_rows_preview={name: [f"{text} cell"] * 3 for name in names},
        preview_index=(0, 1, 2),
    )
    return dataclasses.replace(first, **change)


class Reader(HTMLParser):
    """Checks that tags are balanced, and collects attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert len({k for k, _ in attrs}) == len(attrs), (tag, attrs)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


TASKS = [("binomial", 2), ("multinomial", 3), ("multinomial", 14), ("regression", 0)]


@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_every_figure_is_there_twice_and_the_page_is_well_formed(task, classes):
    page = compose(make(task, classes), None)
    read = Reader(page)
    ids = [a["id"] for _, a in read.tags if "id" in a]
    assert len(set(ids)) == len(ids)
    slugs = NUMBER_SLUGS if task == "regression" else CLASS_SLUGS
    assert [f.slug for f in figures_of(task)] == slugs
    for slug in [*slugs, "importance", "learning", "search", "worst", "metrics"]:
        assert slug in ids
    charts = [s for s in slugs if s != "confusion"]
    for part in ("validation", "test"):
        assert all(f"{slug}-{part}-t" in ids for slug in charts)
    assert "cannot show it" not in read.text
    assert len(page.encode()) < 500_000
    assert not re.search(r"\bnan\b|\binf\b|None", read.text)


@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_figures_and_tables_can_be_reached_without_seeing_or_pointing(task, classes):
    read = Reader(compose(make(task, classes), None))
    ids = {a["id"] for _, a in read.tags if "id" in a}
    for picture in read.all("svg"):
        if picture.get("aria-hidden") != "true":
            assert picture["role"] == "img"
            assert all(name in ids for name in picture["aria-labelledby"].split())
    for region in (a for _, a in read.tags if a.get("role") == "region"):
        assert region["tabindex"] == "0"
        assert region["aria-label"]
    for link in read.all("a"):
        assert link["href"].removeprefix("#") in ids
    headings = [int(name[1]) for name, _ in read.tags if re.fullmatch(r"h[1-6]", name)]
    assert headings.count(1) == 1
    main = headings[headings.index(1) :]
    assert all(after - before <= 1 for before, after in pairwise(main))
    captions = [name for name, _ in read.tags].count("figcaption")
    assert captions == len(read.all("figure"))


@pytest.mark.parametrize(("task", "classes"), TASKS)
def test_nothing_is_loaded_from_elsewhere(task, classes):
    page = compose(make(task, classes), None)
    read = Reader(page)
    for _, attributes in read.tags:
        assert not attributes.keys() & {"src", "srcset", "action", "poster"}
        for name in ("href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,"))
        assert "url(" not in (attributes.get("style") or "")
    style = page.split("<style>")[1].split("</style>")[0]
    assert "@import" not in style
    assert "url(" not in style
    policy = next(a["content"] for a in read.all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")


@pytest.mark.parametrize(("task", "classes"), [("binomial", 2), ("multinomial", 13), ("regression", 0)])
def test_names_and_cells_are_text_whatever_they_hold(task, classes):
    page = compose(make(task, classes, text=HOSTILE + "\x00\x1b"), None)
    read = Reader(page)
    assert len(read.all("script")) == 1
    assert not any(name.startswith("on") for _, attributes in read.tags for name in attributes)
    assert not read.all("b") or all(a.keys() <= {"class"} for a in read.all("b"))
    assert "\x00" not in page
    assert "\x1b" not in page
    assert HOSTILE[:27] in read.text


def test_the_policy_allows_the_page_s_own_script_only():
    import base64
    import hashlib

    page = compose(make("regression"), None)
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#x27;sha256-{digest}&#x27;" in page


def test_both_themes_have_all_colours_and_enough_contrast():
    assert theme.LIGHT.keys() == theme.DARK.keys()
    rules = theme.variables()
    assert "prefers-color-scheme:dark" in rules
    assert rules.count("[data-theme=dark]") == 1
    for colours in (theme.LIGHT, theme.DARK):
        for page in ("page", "card"):
            assert theme.contrast(colours["ink"], colours[page]) >= 7
            for words in ("soft", "accent", "good", "bad"):
                assert theme.contrast(colours[words], colours[page]) >= 4.5
            for line in ("c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "cp"):
                assert theme.contrast(colours[line], colours[page]) >= 3
        assert theme.contrast(colours["warn-ink"], colours["warn-page"]) >= 4.5
        assert theme.contrast(colours["alarm-ink"], colours["alarm-page"]) >= 4.5
        assert theme.contrast(colours["alarm-ink"], colours["alarm-stripe"]) >= 4.5


def test_every_colour_that_the_style_uses_is_declared():
    page = compose(make("binomial", 2), None)
    used = set(re.findall(r"var\(--([\w-]+)", page))
    declared = set(theme.LIGHT) | {"c", "share"}
    assert used <= declared
    assert "@media print" in page


def test_the_same_result_gives_the_same_bytes(tmp_path):
    result = make("multinomial", 3)
    report.write(result, None, tmp_path / "a.html")
    report.write(result, None, tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_writing_replaces_in_one_step_or_not_at_all(tmp_path):
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever fails, the old file stays
        report.write(dataclasses.replace(make("binomial", 2), test=None), None, path)
    assert path.read_text() == "old"
    report.write(make("binomial", 2), None, str(path))
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask
    (tmp_path / "folder").mkdir()
    with pytest.raises(scoring.Problem, match="folder"):
        report.write(make("binomial", 2), None, tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "report.html"]


def test_the_top_says_what_matters_in_words():
    text = Reader(compose(make("binomial", 2), None)).text
    assert re.search(r"Of 120 rows it had never seen, it named the right class for \d+: [\d.]+ %", text)
    assert "95 % interval" in text
    assert re.search(r"The 5 worst rows carry [\d.]+ % of the loss\.", text)
    assert "Possible leakage" in text
    assert "SIMULATED" not in text
    text = Reader(compose(make("regression", simulated=True), None)).text
    assert "SIMULATED DATA" in text
    assert re.search(r"it was off by [\d.]+ on average", text)


def test_a_simulated_result_is_said_so_before_anything_else():
    text = Reader(compose(make("multinomial", 3, simulated=True), None)).text
    assert text.index("SIMULATED DATA") < text.index("Experiment report", 60)


def test_the_shares_of_the_worst_rows_are_right():
    test = Evaluation(np.arange(7), np.zeros(7), np.array([[p, 1 - p] for p in (0.5, 0.9, 0.01, 1, 1, 1, 1)]))
    spread = concentration(make("binomial", 2, test=test))
    losses = -np.log([0.01, 0.5, 0.9])
    assert spread.order[:3].tolist() == [2, 0, 1]
    assert spread.share(1) == pytest.approx(losses[0] / losses.sum())
    assert spread.share(5) == pytest.approx(1.0)
    assert spread.sentence() == "The 5 worst rows carry 100\N{NO-BREAK SPACE}% of the loss."


def test_cautions_come_from_the_numbers_too():
    def codes(result: Result) -> list[str]:
        parts = (estimates(part, result.task, 1) for part in (result.validation, result.test))
        return [caution.code for caution in cautions(result, *parts)]

    assert codes(make("binomial", 2)) == ["leakage"]
    assert "small_test" in codes(make("binomial", 2, tests=20))
    calm = make("binomial", 2)
    sure = np.tile([0.999, 0.001], (120, 1))
    sure[0] = [0.0, 1.0]
    found = codes(dataclasses.replace(calm, test=Evaluation(np.arange(120), np.zeros(120), sure)))
    assert found == ["leakage", "concentrated", "clipped"]
    worse = Evaluation(np.arange(120), np.zeros(120), np.tile([0.1, 0.9], (120, 1)))
    assert "disagreement" in codes(dataclasses.replace(calm, test=worse))


@pytest.mark.parametrize("task", ["binomial", "multinomial", "regression"])
def test_thin_results_make_a_page_too(task):
    classes = {"binomial": 2, "multinomial": 3, "regression": 0}[task]
    bare = {
        "columns": (),
        "features": (),
        "feature_search": (),
        "gain": Importance((), ()),
        "permutation": Importance((), ()),
        "learning_curve": (),
        "parameters": {},
        "stages": (),
        "versions": {},
        "warnings": (),
        "baseline_loss": None,
        "peak_memory_mb": None,
        "attribution": "",
        "test_rows_preview": {},
        "preview_index": (),
    }
    for tests in (0, 1, 2):
        Reader(compose(make(task, classes, rows=6, tests=tests, **bare), None))
    perfect = make(task, classes)
    exact = perfect.test.truth if task == "regression" else np.eye(classes)[perfect.test.truth.astype(int)]
    test = Evaluation(perfect.test.rows, perfect.test.truth, exact)
    assert "No row carries any loss" in Reader(compose(dataclasses.replace(perfect, test=test), None)).text
    constant = np.zeros(9)
    same = constant if task == "regression" else np.tile(np.eye(classes)[0], (9, 1))
    Reader(compose(make(task, classes, test=Evaluation(np.arange(9), constant, same)), None))


def test_a_large_regression_stays_small():
    assert len(compose(make("regression", rows=20_000, tests=5_000), None).encode()) < 500_000


def test_markup_escapes_all_but_markup():
    assert tag("p", "<b>", Markup("<i></i>"), None, class_='"x"', hidden=True, id=None) == (
        '<p class="&quot;x&quot;" hidden>&lt;b&gt;<i></i></p>'
    )
    assert tag("br") == "<br>"


def test_numbers_read_well():
    assert [plain(v) for v in (0.0106, 1234567, 0, -2.5, 3e-9, float("nan"), 0.99996)] == [
        "0.01060",
        "1,234,567",
        "0",
        "\N{MINUS SIGN}2.500",
        "3.00e-9",
        "\N{EN DASH}",
        "0.99996",
    ]
    assert [percent(v).replace("\xa0", " ") for v in (1.0, 551 / 552, 0.99999, 0.0, 0.00001)] == [
        "100 %",
        "99.8 %",
        "99.999 %",
        "0 %",
        "0.001 %",
    ]
    assert [seconds(v).replace("\xa0", " ") for v in (8.1e-7, 0.0123, 3.5, 200)] == [
        "0.810 µs",
        "12.3 ms",
        "3.50 s",
        "3 min 20 s",
    ]
    assert size(43049).replace("\xa0", " ") == "43.0 KB"


def test_ticks_are_round_and_inside():
    assert steps(0, 1) == (0, 0.2, 0.4, 0.6, 0.8, 1)
    assert steps(2361.3, 2741.9) == (2400, 2500, 2600, 2700)
    for axis in (
        spanning("x", [3.0]),
        spanning("x", []),
        Axis("x", 1e-6, 3.0, log=True),
        Axis("x", 0.4, 0.9, log=True),
        Axis("x", 0.0, 220.0, root=True),
    ):
        marks = axis.marks()
        assert len(marks) >= 2
        assert all(-1e-9 <= place <= 1 + 1e-9 for place, _ in marks)
        assert len({label for _, label in marks}) == len(marks)
