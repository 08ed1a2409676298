"""Media types: what a body is, by its Content-Type, and what the answer may be, by Accept."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from scoring.fault import refusal


class Media(StrEnum):
    """A format of bodies and answers; the value is the media type that answers carry."""

    JSON = "application/json"
    CSV = "text/csv"
    NDJSON = "application/x-ndjson"
    ARROW = "application/vnd.apache.arrow.stream"


_ALIASES: Final[Mapping[str, Media]] = {
    **{media.value: media for media in Media},
    "application/csv": Media.CSV,
    "application/ndjson": Media.NDJSON,
    "application/jsonl": Media.NDJSON,
    "application/jsonlines": Media.NDJSON,
}
_UTF8: Final = ("utf-8", "utf8", "us-ascii")
_MOST: Final = 64
"""Entries of an Accept header that are looked at."""


def sent(content_type: bytes | None) -> Media:
    """Return what a body is; no Content-Type means JSON. Raises Problem `unsupported_media_type`."""
    text = (content_type or b"application/json").decode("latin-1")
    essence, *parameters = (part.strip().lower() for part in text.split(";"))
    media = _ALIASES.get(essence)
    if media is None and essence.startswith("application/") and essence.endswith("+json"):
        media = Media.JSON
    if media is None:
        detail = "The Content-Type is none that can be read here."
        hint = f'Send {", ".join(Media)}. With curl, add -H "Content-Type: application/json".'
        raise refusal("unsupported_media_type", detail, hint)
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "charset" and value.strip('"') not in _UTF8:
            raise refusal("unsupported_media_type", "The charset is not UTF-8.", "Encode the body as UTF-8.")
        if name == "header" and value == "absent":
            hint = "Name the columns in the first line."
            raise refusal("unsupported_media_type", "CSV without a header cannot be read here.", hint)
    return media


def wanted(accept: bytes | None, default: Media) -> Media:
    """Return the media that an Accept header likes best; among equals `default` wins, then the first named.

    RFC 9110, section 12.5.1: the most specific range that fits a media type decides its weight. Raises
    Problem `not_acceptable`.
    """
    if not accept or accept.strip() == b"*/*":
        return default
    ranges = [_range(part) for part in accept.decode("latin-1").lower().split(",")[:_MOST]]
    best: tuple[float, bool, int] = (0.0, False, 0)
    chosen: Media | None = None
    for name, media in _ALIASES.items():
        # Only the proper name of a media type is what a wildcard means; other names have to be called.
        group = (f"{name.partition('/')[0]}/*", "*/*") if name == media else ()
        fitting = [
            (3 - (name, *group).index(kind), -place, weight)
            for place, (kind, weight) in enumerate(ranges)
            if kind in (name, *group)
        ]
        if not fitting:
            continue
        _, place, weight = max(fitting)
        rank = (weight, media is default, place)
        if weight > 0 and (chosen is None or rank > best):
            best, chosen = rank, media
    if chosen is None:
        raise refusal("not_acceptable", "", f"Accept one of {', '.join(Media)}.")
    return chosen


def _range(part: str) -> tuple[str, float]:
    kind, *parameters = (piece.strip() for piece in part.split(";"))
    weight = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            digits = value.strip()
            plain = digits.replace(".", "", 1).isdigit() and digits.isascii() and len(digits) < 8
            weight = min(1.0, float(digits)) if plain else 0.0
    return kind, weight
