"""How much work an experiment may do: settled beforehand from the size of the data and the budget.

Nothing is decided by looking at the clock while working, or the same command would give different artifacts
on a busy and on a quiet machine. The clock is a hard stop only, at twice the budget, and whoever reads the
result is told.
"""

import time
from dataclasses import dataclass, field

DEFAULT_BUDGET = 30.0
LEAST_STOP = 120.0
"""Seconds before which the clock stops nothing: plans, not clocks, keep to small budgets."""
_CELLS_PER_THREAD = 250_000
_SECONDS_PER_CELL = 4.5e-9
"""Cost of one row in one column in one tree, measured on one core of a small server."""
_SECONDS_PER_BIN = 5e-8
"""Cost of looking at one column's histogram for one tree; rules when there are few rows."""


@dataclass(frozen=True)
class Plan:
    """What will be done."""

    level: str
    folds: int
    search_rows: int
    """Training rows that the search for steps looks at; the final numbers use all."""
    search: bool
    interactions: bool
    sets: int
    """Parameter sets that are compared."""
    iterations: int
    """Upper limit of iterations of one member."""
    leaves: int
    """Leaves of a tree in a regularised member."""
    haste: float
    """Factor on learning rates: fewer iterations have to learn faster."""
    seconds: float
    """What it is expected to take."""


_LEVELS = (
    ("thorough", 5, 20_000, True, True, 3, 120),
    ("standard", 4, 10_000, True, True, 2, 90),
    ("brief", 3, 5_000, True, True, 2, 70),
    ("short", 3, 3_000, True, False, 1, 50),
    ("least", 3, 3_000, False, False, 1, 30),
)


def make_plan(rows: int, columns: int, classes: int, budget: float) -> Plan:
    """Return the most thorough plan that is expected to fit into `budget` seconds, else the least one."""
    plans = [_priced(level, rows, columns, classes) for level in _LEVELS]
    return next((plan for plan in plans if plan.seconds <= budget), plans[-1])


def _priced(level: tuple[str, int, int, bool, bool, int, int], rows: int, columns: int, classes: int) -> Plan:
    name, folds, search_rows, search, interactions, sets, iterations = level
    engineered = columns + (28 if interactions else 12 if search else 0) + classes
    trees = iterations * (classes if classes > 2 else 1)
    leaves = 15 if rows < 20_000 else 31

    def fits(count: float, fitted: int) -> float:
        per_tree = engineered * (fitted * _SECONDS_PER_CELL * 4 + leaves * _SECONDS_PER_BIN)
        return count * trees * per_tree

    seconds = 1.0 + rows * columns * 2e-7
    if search:
        tries = 4 if interactions else 3
        seconds += fits(tries * folds * 0.7, min(rows, search_rows)) + tries * folds * 0.1
    seconds += fits(sets * folds, rows) + fits(4, rows)
    haste = _LEVELS[0][-1] / iterations
    return Plan(name, folds, search_rows, search, interactions, sets, iterations, leaves, haste, seconds)


def useful_threads(threads: int, rows: int, columns: int) -> int:
    """Return how many of the threads are worth using: on small data they wait for each other, spinning."""
    return max(1, min(threads, rows * columns // _CELLS_PER_THREAD))


def hard_stop(budget: float) -> float:
    """Return the seconds after which work is cut short."""
    return max(2.0 * budget, LEAST_STOP)


@dataclass
class Clock:
    """Seconds since the start, stage by stage, and whether it is too late to go on."""

    limit: float
    stages: list[tuple[str, float]] = field(default_factory=list)
    start: float = field(default_factory=time.perf_counter)
    stopped: bool = False
    """True once something was cut short."""
    _lap: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Book the seconds since the last lap under a stage."""
        now = time.perf_counter()
        self.stages.append((stage, now - self._lap))
        self._lap = now

    def late(self) -> bool:
        """Tell whether the hard stop is reached, and remember that it was."""
        if time.perf_counter() - self.start > self.limit:
            self.stopped = True
        return self.stopped
