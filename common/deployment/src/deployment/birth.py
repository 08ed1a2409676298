"""Birth: a new template, as a renamed copy of the skeleton.

The skeleton is a whole template that tests run as it is, not a text full of placeholders that nothing can
run. A copy with a few words replaced is then all that is wanted: a template engine such as copier would add a
dependency, a syntax and questions, and take the skeleton itself out of the tests. What such an engine does
besides, keeping old copies up to date, the contract tests do here: they say what is amiss.
"""

import re
import tempfile
from pathlib import Path
from typing import Final

from scoring.problem import Problem

from deployment.replica import sources
from deployment.template import FILE, Template

SKELETON: Final = Path("templates") / "skeleton"

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*-scorer")
_OWN: Final = "skeleton-scorer"
_BARE: Final = ("\n", "\r", '"', "\\", "`", "{", "}", "<", ">", "|")
"""What a target's name may not have, since it stands in TOML, Markdown, Python and Terraform."""


def born(name: str, target: str, into: Path, skeleton: Path | None = None) -> Path:
    """Make the directory `into`/`name`, a template for `target`, such as "Azure Functions"; return it.

    It passes the contract tests as it is, and answers requests as every template does. The directory appears
    whole or not at all.

    Raises:
        Problem: the name or the target cannot be one, the directory is there, or no skeleton is found.
    """
    if not _NAME.fullmatch(name) or name == _OWN:
        detail = f"{name!r} can be no template's name."
        hint = "Take small letters, digits and hyphens, and end in -scorer: azure-functions-scorer."
        raise Problem("name_invalid", 422, detail, hint)
    target = target.strip()
    if not target or any(letter in target for letter in _BARE):
        detail = f"{target!r} can be no target."
        raise Problem("target_invalid", 422, detail, 'Name it in a few plain words: "Azure Functions".')
    made = into.absolute() / name
    if made.exists():
        raise Problem("target_taken", 409, f"{str(made)!r} is there.", "Choose another name or directory.")
    template = Template.read(find_skeleton(into) if skeleton is None else skeleton)
    words = {
        _OWN: name,
        _OWN.replace("-", "_"): name.replace("-", "_"),
        "test_skeleton_": f"test_{name.removesuffix('-scorer').replace('-', '_')}_",
        template.target: target,
    }
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=into, prefix=f".{name}.") as scratch:
        draft = Path(scratch) / name
        for source in sources(template.folder):
            copy = draft / _renamed(source.relative_to(template.folder).as_posix(), words)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(_written(source.read_bytes(), words))
            copy.chmod(source.stat().st_mode & 0o777)
        draft.replace(made)
    return made


def find_skeleton(start: Path) -> Path:
    """Find the skeleton of the checkout that holds `start`, or else these sources; raises Problem."""
    for place in (start.absolute(), *start.absolute().parents, *Path(__file__).resolve().parents):
        if (place / SKELETON / FILE).is_file():
            return place / SKELETON
    detail = f"There is no {SKELETON} here or above."
    raise Problem("skeleton_not_found", 404, detail, "Run this in a checkout of the repository.")


def _renamed(text: str, words: dict[str, str]) -> str:
    for old, new in words.items():
        text = text.replace(old, new)
    return text


def _written(data: bytes, words: dict[str, str]) -> bytes:
    """Return a file with the words replaced; what is no text, such as an artifact, stays as it is."""
    try:
        return _renamed(data.decode("utf-8"), words).encode()
    except UnicodeDecodeError:
        return data
