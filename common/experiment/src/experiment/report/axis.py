"""One axis of a chart: its range, its scale and its ticks."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from experiment.report.number import percent, plain
from experiment.result import Floats


def _label(value: float) -> str:
    """Label a tick: no digit that says nothing."""
    shown = plain(value, 6)
    return shown.rstrip("0").rstrip(".") if "." in shown and "e" not in shown else shown


def share_label(value: float) -> str:
    """Label a tick of an axis of shares: 0.2 is "20 %"."""
    return percent(round(value, 9))


@dataclass(frozen=True)
class Axis:
    """A range of values along one side of a chart."""

    title: str
    low: float
    high: float
    log: bool = False
    root: bool = False
    """Square root scale from 0: rare things stay visible beside frequent ones."""
    label: Callable[[float], str] = _label
    ticks: tuple[float, ...] | None = None
    """Values to mark; None chooses round ones."""

    def place(self, values: ArrayLike) -> Floats:
        """Return where values lie, 0 at the low end and 1 at the high end."""
        numbers = np.asarray(values, dtype=np.float64)
        if self.log:
            floor = np.maximum(numbers, self.low)
            return np.asarray(np.log(floor / self.low) / math.log(self.high / self.low))
        linear = (numbers - self.low) / (self.high - self.low)
        return np.asarray(np.sqrt(np.maximum(linear, 0.0)) if self.root else linear)

    def marks(self) -> list[tuple[float, str]]:
        """Return the ticks as (position 0..1, label)."""
        chosen = self.ticks
        if chosen is None:
            choose = _decades if self.log else _squares if self.root else steps
            chosen = choose(self.low, self.high)
        return [(float(self.place(v)), self.label(v)) for v in chosen]


def steps(low: float, high: float, about: int = 5) -> tuple[float, ...]:
    """Return round values between `low` and `high`, about `about` of them."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * m for m in (1, 2, 2.5, 5, 10) if power * m >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(k * step, 12) for k in range(first, last + 1))


def _squares(low: float, high: float) -> tuple[float, ...]:
    """Return values that lie about evenly on a square root scale from 0, rounded to one digit."""
    del low
    raw = [high * (k / 4) ** 2 for k in range(1, 5)]
    powers = [10.0 ** math.floor(math.log10(value)) for value in raw]
    values = {math.floor(value / power) * power for value, power in zip(raw, powers, strict=True)}
    return (0.0, *sorted(round(value, 12) for value in values))


def _decades(low: float, high: float) -> tuple[float, ...]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    tens = [10.0**k for k in range(first, last + 1)]
    if len(tens) >= 6:
        tens = tens[:: math.ceil(len(tens) / 5)]
    elif len(tens) <= 2:
        tens = [10.0**k * m for k in range(first - 1, last + 1) for m in (1, 2, 5)]
        tens = [t for t in tens if low * 0.999 <= t <= high * 1.001]
    return tuple(tens) if len(tens) > 1 else steps(low, high)


def spanning(title: str, values: ArrayLike, *, zero: bool = False, pad: float = 0.04) -> Axis:
    """Return a linear axis that holds all finite values, with a little air; `zero` makes it start at 0."""
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    low, high = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 1.0)
    if zero:
        low = min(low, 0.0)
    if high - low <= 1e-12 * max(abs(high), abs(low), 1e-300):
        air = abs(high) * 0.1 or 1.0
        return Axis(title, 0.0 if zero and low >= 0 else low - air, high + air)
    air = (high - low) * pad
    return Axis(title, low if zero and low == 0.0 else low - air, high + air)


def shares(title: str, high: float = 1.0) -> Axis:
    """Return an axis of shares from 0 to `high`, labelled in per cent."""
    return Axis(title, 0.0, high, label=share_label)
