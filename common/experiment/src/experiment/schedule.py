"""The order of work of a condition-monitoring test rig: which fault is set for which cycle."""

from dataclasses import dataclass

import numpy as np

from experiment.result import Floats, Integers

COOLER = (3, 20, 100)
"""Cooler setting in per cent: close to total failure, reduced, full efficiency."""
VALVE = (73, 80, 90, 100)
"""Switching behaviour of the valve in per cent of the optimum."""
PUMP = (2, 1, 0)
"""Internal leakage of the pump: severe, weak, none."""
ACCUMULATOR = (130, 115, 100, 90)
"""Gas precharge of the accumulator in bar."""

RUN_IN, HOLD, EXTRA = 210, 10, 9


@dataclass(frozen=True)
class Schedule:
    """One entry a cycle; the names are those of the labels without their ending."""

    cooler: Integers
    valve: Integers
    pump: Integers
    accumulator: Integers
    unsettled: Integers
    """1 while the rig runs in or is between two settings (the label stable_y), otherwise 0."""
    minutes_stopped: Floats
    """(n,) minutes for which the rig stood still before this cycle; 0 nearly everywhere."""


def schedule(rng: np.random.Generator) -> Schedule:
    """Return 2,205 cycles: for each cooler setting a run-in, then all settings of the other parts.

    A setting is held for ten cycles, a change of the pump takes one cycle more, and now and then the rig is
    switched off between two blocks and starts with colder oil.
    """
    rows: list[tuple[int, int, int, int, int]] = []
    starts: list[int] = []
    for cooler in COOLER:
        rows += [(cooler, 100, 0, 130, 1)] * RUN_IN
        for charge in ACCUMULATOR:
            if charge != ACCUMULATOR[0]:
                rows += [(cooler, 100, 0, charge, 1)] * HOLD
            for wear in PUMP:
                rows.append((cooler, 100, wear, charge, 1))
                for valve in VALVE:
                    starts.append(len(rows))
                    rows += [(cooler, valve, wear, charge, 0)] * HOLD
    rows += [rows[-1]] * EXTRA
    cycles = np.array(rows, dtype=np.int64)
    stopped = np.zeros(len(cycles))
    stopped[0] = 600.0
    stops = rng.choice(np.array(starts), size=21, replace=False)
    stopped[np.sort(stops)] = rng.uniform(3.0, 55.0, size=21)
    cooler, valve, leak, gas, unsettled = cycles.T.copy()
    return Schedule(cooler, valve, leak, gas, unsettled, stopped)
