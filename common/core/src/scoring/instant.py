"""Text of a Time64 cell -> seconds since 1970-01-01T00:00:00Z, and back."""

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


def instant_text(seconds_since_1970: float) -> str | None:
    """Write seconds since 1970-01-01 UTC as `seconds` reads them, to the nanosecond.

    None when they are not finite or lie outside the years 1 to 9999.
    """
    if seconds_since_1970 - seconds_since_1970 != 0.0:
        return None
    above, below = float(seconds_since_1970).as_integer_ratio()
    whole, nanoseconds = divmod((2 * above * 10**_DIGITS + below) // (2 * below), 10**_DIGITS)
    days, second = divmod(whole, 86400)
    if not date.min.toordinal() <= days + _EPOCH <= date.max.toordinal():
        return None
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    fraction = f".{nanoseconds:0{_DIGITS}d}".rstrip("0") if nanoseconds else ""
    return f"{date.fromordinal(days + _EPOCH).isoformat()}T{clock}{fraction}Z"
