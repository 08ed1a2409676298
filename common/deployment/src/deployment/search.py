"""Templates found: by name near the current directory, or as what a deployment was made with."""

from pathlib import Path

from scoring.problem import Problem
from scoring.spelling import nearest

from deployment.record import Record
from deployment.template import FILE, Template


def find_template(word: str, start: Path | None = None) -> Template:
    """Read the template that is the directory `word`, or that has this name; raises Problem."""
    start = Path.cwd() if start is None else start
    given = (start / word).expanduser()
    if (given / FILE).is_file():
        return Template.read(given)
    places = [start, *start.parents, *Path(__file__).resolve().parents]
    for place in places:
        if "/" not in word and (place / word / FILE).is_file():
            return Template.read(place / word)
    if given.is_dir():
        return Template.read(given)  # says what it lacks
    known = sorted({path.parent.name for place in places for path in place.glob(f"*/{FILE}")})
    close = nearest(word, known)
    around = f"Near here are {', '.join(known)}." if known else "Name a template's directory."
    raise Problem(
        "template_not_found",
        404,
        f"There is no template {word!r}: neither a directory nor a name.",
        f"Did you mean {close!r}?" if close else around,
    )


def template_of(record: Record) -> Template:
    """Read the template that a deployment was made with; raises Problem when it is gone."""
    folder = Path(record.folder)
    if not folder.is_dir():
        raise Problem(
            "template_gone",
            404,
            f"The template of {record.name!r} was at {record.folder!r}, where nothing is now.",
            f"If it moved: `scoring deploy DIRECTORY --name {record.name}` finds it again, then repeat this.",
        )
    return Template.read(folder)
