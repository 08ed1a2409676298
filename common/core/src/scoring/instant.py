"""Text of a Time64 cell -> seconds since 1970-01-01T00:00:00Z."""

import re
from datetime import date
from typing import Final

_ISO: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
    r"(?: ?(?:([Zz])|([+-])([0-9]{2})(?::?([0-9]{2}))?))?)?"
)
_EPOCH: Final = date(1970, 1, 1).toordinal()
_DIGITS: Final = 9  # of a second's fraction that are kept: nanoseconds, more than a double can hold today


def seconds(text: str) -> float | None:
    """Return the seconds since 1970-01-01 UTC of an ISO 8601 date or date-time, or None if the text is none.

    The extended format is read (`2018-01-31`, `2018-01-31T23:59`, `2018-01-31 23:59:59.5+01:00`, `...Z`);
    without a zone it is UTC. Week dates, day-of-year dates, dates without hyphens and leap seconds are not
    accepted, so that every Python version and every target reads the same. The result is the double nearest
    to the exact value.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, _, sign, zone_hour, zone_minute = match.groups()
    try:
        days = date(int(year), int(month), int(day)).toordinal() - _EPOCH
    except ValueError:
        return None
    if hour is None:
        return days * 86400.0
    hours, minutes, whole = int(hour), int(minute), int(second or 0)
    away, beyond = int(zone_hour or 0), int(zone_minute or 0)
    if hours > 23 or minutes > 59 or whole > 59 or away > 23 or beyond > 59:
        return None
    whole += days * 86400 + hours * 3600 + minutes * 60
    offset = away * 3600 + beyond * 60
    whole += offset if sign == "-" else -offset
    if fraction is None:
        return float(whole)
    fraction = fraction[:_DIGITS]
    scale: int = 10 ** len(fraction)
    exact: float = (whole * scale + int(fraction)) / scale
    return exact
