"""The nearest of some names to a misspelt one, for hints."""

from collections.abc import Iterable
from itertools import islice

LONGEST = 64  # names longer than this are not compared: the comparison takes quadratic time
SEEN = 2000  # candidates looked at, and of these
MOST = 200  # candidates compared at most, so that a hostile request cannot buy much work with few bytes
SHOWN = 60  # characters of a caller's name that a message repeats


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """Return the candidate that `name` most likely means, or None.

    A candidate that differs only in case, blanks, hyphens, underscores or dots wins; otherwise the closest by
    difflib's ratio (Ratcliff and Obershelp's matching), at least 0.6.
    """
    from difflib import get_close_matches  # here, for it takes milliseconds to import and is seldom needed

    wanted = _skeleton(name)
    compared: list[str] = []
    for candidate in islice(candidates, SEEN):
        if _skeleton(candidate) == wanted:
            return candidate
        if len(candidate) <= LONGEST and len(compared) < MOST:
            compared.append(candidate)
    if len(name) > LONGEST:
        return None
    # "sepal_lngth" may be nearest in lower case, so compare folded names and answer with the real one.
    folded = {candidate.casefold(): candidate for candidate in reversed(compared)}
    found = get_close_matches(name.casefold(), folded, n=1)
    return folded[found[0]] if found else None


def quoted(name: str) -> str:
    """Return the name in quotation marks, cut to a length that suits a message."""
    return f'"{name}"' if len(name) <= SHOWN else f'"{name[:SHOWN]}..."'


def _skeleton(name: str) -> str:
    if len(name) > 4 * LONGEST:
        return name
    return "".join(character for character in name.casefold() if character.isalnum())
