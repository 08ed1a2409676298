"""Numbers as a person reads them."""

import math

NARROW = "\N{NO-BREAK SPACE}"
MISSING = "\N{EN DASH}"


def plain(value: float | None, digits: int = 4) -> str:
    """Return `value` with `digits` significant digits, no needless exponent and a thousands separator."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    size = abs(value)
    if size < 1e15 and (value == int(value) or (size > 0.5 and abs(value - round(value)) < 1e-9)):
        shown = f"{round(value):,}"
    elif size >= 1e15 or size < 1e-5:
        mantissa, exponent = f"{value:.{max(digits - 2, 0)}e}".split("e")
        shown = f"{mantissa}e{int(exponent)}"
    elif size >= 10 ** (digits - 1):
        shown = f"{value:,.0f}"
    else:
        decimals = min(digits - 1 - math.floor(math.log10(size)), 6)
        shown = f"{value:.{decimals}f}"
        while size < 1 and abs(float(shown)) >= 1 and decimals < 8:
            decimals += 1  # nearly 1 is not 1: an AUC of 0.99996 must not read as perfect
            shown = f"{value:.{decimals}f}"
    return shown.replace("-", "\N{MINUS SIGN}") if value < 0 else shown


def count(value: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{value:,}"


def plural(value: int, one: str, many: str | None = None) -> str:
    """Return `value` and its noun: "1 row", "2 rows"."""
    return f"{count(value)} {one if value == 1 else many or one + 's'}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as per cent, never rounding a share below 1 up to 100 % or one above 0 down to 0 %."""
    if share is None or math.isnan(share):
        return MISSING
    value = 100.0 * share
    for places in range(digits, 8):
        shown = f"{value:.{places}f}"
        if (float(shown) != 100.0 or share >= 1.0) and (float(shown) != 0.0 or share == 0.0):
            break
    if float(shown) == round(float(shown)):
        shown = f"{float(shown):.0f}"
    return f"{shown}{NARROW}%".replace("-", "\N{MINUS SIGN}")


def interval(low: float | None, high: float | None, *, share: bool = False) -> str:
    """Return an interval in words, "0.97 to 0.99", or that there is none."""
    if low is None or high is None or math.isnan(low):
        return "no interval"
    if low == high:
        return "no spread"
    if share:
        return f"{percent(low)} to {percent(high)}"
    return f"{plain(low)} to {plain(high)}"


def size(octets: int) -> str:
    """Return a file size."""
    value = float(octets)
    for unit in ("bytes", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f}{NARROW}{unit}" if unit == "bytes" else f"{plain(value, 3)}{NARROW}{unit}"
        value /= 1000
    return f"{plain(value, 3)}{NARROW}GB"


def seconds(value: float) -> str:
    """Return a duration in the unit that suits it."""
    if value < 0.9995e-3:
        return f"{plain(value * 1e6, 3)}{NARROW}µs"
    if value < 0.9995:
        return f"{plain(value * 1e3, 3)}{NARROW}ms"
    if value < 119.5:
        return f"{plain(value, 3)}{NARROW}s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes}{NARROW}min {rest}{NARROW}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}{NARROW}h {minutes}{NARROW}min"
