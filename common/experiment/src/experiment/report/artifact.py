"""The artifact card: what was frozen into the file and how fast it answers."""

from experiment.measure import Measurement
from experiment.report.markup import Markup, join, tag
from experiment.report.number import count, plain, plural, seconds, size


def section(measured: Measurement) -> Markup:
    """Return the measured facts of an artifact as tiles and a list."""
    tiles = [
        _tile("One row, engine", seconds(measured.row.p50), f"99 of 100 within {seconds(measured.row.p99)}"),
        _tile(
            "One request, JSON to JSON",
            seconds(measured.request.p50),
            f"99 of 100 within {seconds(measured.request.p99)}",
        ),
        _tile(
            "Batch, one thread",
            f"{count(round(measured.rows_per_second))}",
            f"rows a second, {count(measured.batch_rows)} at a time",
        ),
        _tile("Load", seconds(measured.load_seconds), _memory(measured.memory)),
        _parity(measured),
    ]
    entries = [
        ("File", f"{measured.name}, {size(measured.octets)}"),
        ("SHA-256", tag("code", measured.digest)),
        ("Reads", f"{plural(measured.inputs, 'input')}, {plural(measured.features, 'feature')}"),
        ("Forest", f"{plural(measured.trees, 'tree')}, {plural(measured.outputs, 'output')} a row"),
        ("Measured on", measured.machine),
    ]
    pairs = [tag("div", tag("dt", term), tag("dd", value)) for term, value in entries]
    return join([tag("ul", *tiles, class_="tiles"), tag("dl", *pairs, class_="facts")])


def _parity(measured: Measurement) -> Markup:
    rows = plural(measured.compared_rows, "row")
    if measured.bits_equal:
        return _tile("Same bits as LightGBM", "yes", f"on {rows}, raw scores and outputs", kind="good")
    worst = f"largest difference {plain(measured.largest_difference, 3)} on {rows}"
    return _tile("Same bits as LightGBM", "no", worst, kind="bad")


def _memory(octets: int | None) -> str:
    return "memory not known on this system" if octets is None else f"{size(octets)} of memory when loaded"


def _tile(name: str, value: str, note: str, kind: str | None = None) -> Markup:
    return tag("li", tag("span", name, class_="label"), tag("b", value), tag("small", note), class_=kind)
