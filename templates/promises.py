"""Keep the table of promises in templates/README.md equal to what the contract tests said.

    python templates/promises.py [--check]

writes the table between the markers `<!-- promises -->` and `<!-- /promises -->` from build/promises.json,
which every whole run of the contract tests leaves behind; with --check it only says, by its exit code,
whether something would change. What no test has said yet, or what it found broken, stays as it is.
"""

import argparse
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "templates" / "README.md"
SAID = ROOT / "build" / "promises.json"
MARKERS = re.compile(r"(?<=<!-- promises -->\n).*?(?=<!-- /promises -->)", re.DOTALL)
ORDER = (
    "layout",
    "readme",
    "interface",
    "same bytes",
    "same problems",
    "api",
    "budget",
    "isolation",
    "cycle",
)
NOT_APPLICABLE = "does not apply: "
KEPT, BROKEN, NONE, UNKNOWN = "kept", "broken", "–", "?"

Pair = tuple[str, str]
"""A promise and a template."""
Cell = tuple[str, tuple[str, ...]]
"""What holds, and why a part of the promise, or all of it, does not apply."""


def judged(said: Iterable[tuple[str, str]]) -> Cell:
    """Return what the outcomes of a promise's tests amount to; each is an outcome and a reason to skip."""
    found = list(said)
    outcomes = {outcome for outcome, _ in found}
    reasons = sorted({why.removeprefix(NOT_APPLICABLE) for _, why in found if why.startswith(NOT_APPLICABLE)})
    if "failed" in outcomes:
        return BROKEN, ()
    if "passed" in outcomes:
        return KEPT, tuple(reasons)
    everything = reasons and all(why.startswith(NOT_APPLICABLE) for _, why in found)
    return (NONE, tuple(reasons)) if everything else (UNKNOWN, ())


def keep(found: Mapping[Pair, Cell]) -> None:
    """Add what a run has said to build/promises.json."""
    cells = {**said(), **found}
    SAID.parent.mkdir(exist_ok=True)
    draft = SAID.with_name(f".{SAID.name}.{os.getpid()}")
    draft.write_text(json.dumps([[*pair, *cell] for pair, cell in sorted(cells.items())], indent=1), "utf-8")
    draft.replace(SAID)


def said() -> dict[Pair, Cell]:
    """Return what the runs up to now have said."""
    if not SAID.exists():
        return {}
    listed = json.loads(SAID.read_text("utf-8"))
    return {(promise, template): (state, tuple(reasons)) for promise, template, state, reasons in listed}


def differing(found: Mapping[Pair, Cell]) -> list[str]:
    """Name the cells in which the document says otherwise; what is broken has failed a test already."""
    written = read(README.read_text("utf-8"))
    return [
        f"{promise} of {template} is {_told(cell)}, not {_told(written.get((promise, template)))}"
        for (promise, template), cell in sorted(found.items())
        if cell[0] not in (UNKNOWN, BROKEN) and not _within(cell, written.get((promise, template)))
    ]


def _within(cell: Cell, written: Cell | None) -> bool:
    """Say whether a document has a cell; where a tool is missing, not every reason can be found anew."""
    return written is not None and cell[0] == written[0] and set(cell[1]) <= set(written[1])


def read(text: str) -> dict[Pair, Cell]:
    """Return the cells of the table in a document."""
    match = MARKERS.search(text)
    lines = [] if match is None else match[0].splitlines()
    notes = dict(re.findall(r"^(\d+)\. (.+)\.$", "\n".join(lines), re.MULTILINE))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    cells: dict[Pair, Cell] = {}
    for template, *row in rows[2:]:
        for promise, cell in zip(rows[0][1:], row, strict=True):
            state, *marks = cell.replace("(", " ").replace(")", " ").replace(",", " ").split()
            cells[promise, template.strip("`")] = state, tuple(sorted(notes[mark] for mark in marks))
    return cells


def table(cells: Mapping[Pair, Cell]) -> str:
    """Return the table in Markdown, with its notes."""
    promises, templates = _axes(cells)
    notes = sorted({reason for _, reasons in cells.values() for reason in reasons})
    lines = [f"| | {' | '.join(promises)} |", "|---" * (len(promises) + 1) + "|"]
    for template in templates:
        row = [_marked(cells.get((promise, template), (UNKNOWN, ())), notes) for promise in promises]
        lines.append(f"| `{template}` | {' | '.join(row)} |")
    if notes:
        lines += ["", *(f"{number}. {note}." for number, note in enumerate(notes, 1))]
    return "\n".join(lines) + "\n"


def plain(cells: Mapping[Pair, Cell]) -> Iterator[str]:
    """Give the table's lines for a terminal."""
    promises, templates = _axes(cells)
    wide = max(map(len, templates), default=0)
    yield f"{'':{wide}}  {'  '.join(promises)}"
    for template in templates:
        row = (f"{cells.get((promise, template), (UNKNOWN, ()))[0]:{len(promise)}}" for promise in promises)
        yield f"{template:{wide}}  {'  '.join(row)}".rstrip()


def _axes(cells: Iterable[Pair]) -> tuple[list[str], list[str]]:
    pairs = list(cells)
    promises = {promise for promise, _ in pairs}
    ordered = [*(name for name in ORDER if name in promises), *sorted(promises - set(ORDER))]
    return ordered, sorted({template for _, template in pairs})


def _marked(cell: Cell, notes: Sequence[str]) -> str:
    state, reasons = cell
    marks = ", ".join(str(notes.index(reason) + 1) for reason in reasons)
    return f"{state} ({marks})" if marks else state


def _told(cell: Cell | None) -> str:
    if cell is None:
        return "in the table"
    return f"{cell[0]!r}" + (f" ({'; '.join(cell[1])})" if cell[1] else "")


def main() -> int:
    """Run the command; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the table of promises of templates/README.md.")
    parser.add_argument("--check", action="store_true", help="change nothing; fail if the table is stale")
    given = parser.parse_args()
    text = README.read_text("utf-8")
    if MARKERS.search(text) is None:
        print(f"{README} has no <!-- promises --> and <!-- /promises --> markers.", file=sys.stderr)
        return 1
    new = {pair: cell for pair, cell in said().items() if cell[0] not in (UNKNOWN, BROKEN)}
    if not new:
        print("No run has said anything of promises yet: `make unit` does.", file=sys.stderr)
        return 0
    there = {
        path.parent.name for place in ("*", "templates/*") for path in ROOT.glob(f"{place}/template.toml")
    }
    cells = {pair: cell for pair, cell in {**read(text), **new}.items() if pair[1] in there}
    fresh = MARKERS.sub(lambda _: table(cells), text)
    if fresh != text and given.check:
        print(f"{README} is stale: run `make tables`.", file=sys.stderr)
        return 1
    if fresh != text:
        README.write_text(fresh, "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
