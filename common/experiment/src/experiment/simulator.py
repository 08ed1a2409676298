"""A small physical simulator of a hydraulic test rig, for trying things out without the real data.

It imitates, and does not copy, the rig of the public data set "Condition monitoring of hydraulic
systems": a working circuit with a fixed load cycle of 60 s, a cooling circuit, and four parts that can be
worn. Every number that comes out is simulated and says so. The physics is deliberately plain:

* the load cycle is a row of pressure stages; the valve follows each of them with a first-order lag that grows
  with its wear, and part of the cycle may still run with the settings of the cycle before;
* the oil has a temperature with inertia over many cycles, warmed by the pump and cooled by the cooler;
* viscosity falls exponentially with temperature (the usual two-constant law) and sets leakage and
  friction losses;
* a leaking pump loses flow, the more so when the oil is thin and the accumulator holds little gas.
"""

import numpy as np

from experiment.result import Floats, Integers
from experiment.schedule import Schedule, schedule

SENSORS = (
    "psa_bar", "psb_bar", "psc_bar", "psd_bar", "pse_bar", "psf_bar", "fsa_vol_flow", "fsb_vol_flow",
    "tsa_temp", "tsb_temp", "tsc_temp", "tsd_temp", "pump_eff", "vs_vib", "cool_eff_pct", "cool_pwr_pct",
    "eff_fact_pct",
)  # fmt: skip
LABELS = ("cool_cond_y", "valve_cond_y", "pump_leak_y", "acc_gas_leak_y", "stable_y")

VERSION = 1
"""Raised whenever the same seed would give other cycles."""

_SECONDS = 60
_STAGES = ((0, 145.0), (9, 176.0), (17, 158.0), (29, 150.0), (41, 171.0), (53, 155.0))
"""(second at which the stage starts, pressure in bar at nominal viscosity)."""
_AMBIENT = 24.0
_OIL_CYCLES = 17.0
"""Time constant of the oil temperature, in cycles."""
_COOLER_CYCLES = 0.75
"""Time constant of the cooler's efficiency after its setting has changed, in cycles."""


def simulate(seed: int = 1) -> dict[str, Floats]:
    """Return the 17 sensor means and 5 labels of 2,205 simulated cycles, float64 arrays of that length."""
    rng = np.random.default_rng(seed)
    plan = schedule(rng)
    n = len(plan.cooler)
    carried = _carried(plan, rng)
    valve = _mixed(plan.valve, carried)
    leak = _mixed(plan.pump, carried)
    gas = _mixed(plan.accumulator, carried)

    efficiency, oil, previous = _thermal(plan, carried, leak, rng)
    hot = (oil - 35.0) / 20.0
    thin = np.exp(-0.42 * hot)  # viscosity relative to that at 35 degrees
    slack = np.clip((130.0 - gas) / 40.0, 0.0, None)
    # Leakage paths multiply: thin oil through a worn pump while the accumulator cannot help out.
    stress = np.tanh(2.5 * leak * (0.08 + 0.92 * slack) * np.clip(hot - 0.28, 0.0, None) ** 1.5)

    pressure, lost = _load_cycle(valve, rng)
    wear = (100.0 - valve) / 27.0
    creep = _creep(plan, oil)
    warming = oil - previous

    psa = pressure - 11.3 + 13.4 * thin - 0.22 * wear + 0.28 * leak + 24.0 * stress + 0.25 * slack
    psb = psa - 49.0 - 2.5 * thin - 0.32 * lost + 0.9 * stress
    psc = 1.21 + 0.81 * thin - 0.006 * lost - 0.008 * leak - 0.86 * stress
    pse = 5.53 + 4.42 * thin - 0.012 * leak + 0.01 * slack
    psf = pse * 0.968 + 0.24
    fsa = 6.47 + 0.3 * thin - 0.055 * lost - 0.035 * leak - 4.5 * stress - 0.02 * slack
    fsb = 6.85 + 3.38 * thin - 0.004 * leak
    tsb = oil + 3.0 + 2.5 * thin
    tsc = oil - 1.1 + 4.0 * thin
    tsd = oil - 3.6 - 0.03 * efficiency + 1.4 * warming + 0.1 * _drift(n, 0.5, rng)
    pump_power = 2047.0 + 490.0 * thin + 16.0 * leak + 4.5 * wear + 315.0 * stress + 5.0 * slack
    vibration = 0.552 + 0.065 * hot + 0.008 * leak + 0.135 * stress + 0.004 * wear
    power = 0.0356 * efficiency * (0.92 + 0.45 * hot) + 0.50 + 0.03 * warming
    factor = 62.4 - 2.2 * thin - 0.75 * lost - 0.5 * leak - 38.0 * stress + 0.25 * slack

    noise = {
        "psa_bar": (psa, 0.05), "psb_bar": (psb, 0.045), "psc_bar": (psc, 0.007), "psd_bar": (creep, 0.0),
        "pse_bar": (pse, 0.012), "psf_bar": (psf, 0.012), "fsa_vol_flow": (fsa, 0.011),
        "fsb_vol_flow": (fsb, 0.02), "tsa_temp": (oil, 0.05), "tsb_temp": (tsb, 0.05),
        "tsc_temp": (tsc, 0.06), "tsd_temp": (tsd, 0.07), "pump_eff": (pump_power, 1.7),
        "vs_vib": (vibration, 0.011), "cool_eff_pct": (efficiency, 0.4), "cool_pwr_pct": (power, 0.02),
        "eff_fact_pct": (factor, 0.13),
    }  # fmt: skip
    columns = {
        name: np.round(mean + spread * rng.standard_normal(n), 6) for name, (mean, spread) in noise.items()
    }
    for name, floor in (("psd_bar", 0.0), ("eff_fact_pct", 18.3), ("fsa_vol_flow", 2.0)):
        columns[name] = np.maximum(columns[name], floor)
    labels = (plan.cooler, plan.valve, plan.pump, plan.accumulator, plan.unsettled)
    return columns | {name: values.astype(np.float64) for name, values in zip(LABELS, labels, strict=True)}


def _carried(plan: Schedule, rng: np.random.Generator) -> Floats:
    """Return the share of each cycle that still ran with the settings of the cycle before, 0..1."""
    settings = np.stack([plan.cooler, plan.valve, plan.pump, plan.accumulator])
    changed = np.any(np.diff(settings, axis=1, prepend=settings[:, :1]) != 0, axis=0)
    return np.where(changed, rng.beta(1.1, 4.0, size=len(changed)), 0.0)


def _mixed(setting: Integers | Floats, carried: Floats) -> Floats:
    before = np.concatenate([setting[:1], setting[:-1]])
    mixed: Floats = carried * before + (1.0 - carried) * setting
    return mixed


def _drift(n: int, size: float, rng: np.random.Generator) -> Floats:
    """Return a slow random walk over n cycles, pulled back to zero, standard deviation about `size`."""
    steps = rng.standard_normal(n) * size * np.sqrt(2.0 / 120.0)
    out = np.empty(n)
    level = 0.0
    for i, step in enumerate(steps.tolist()):
        level += step - level / 120.0
        out[i] = level
    return out


def _thermal(
    plan: Schedule, carried: Floats, leak: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return per cycle the mean cooling efficiency in per cent, and the oil temperature: mean, at start."""
    setting = {3: (19.6, 55.3), 20: (27.4, 45.2), 100: (47.0, 35.9)}
    goal = np.array([setting[c][0] for c in plan.cooler.tolist()])
    rest = np.array([setting[c][1] for c in plan.cooler.tolist()])
    rest += 0.35 * leak + _drift(len(rest), 0.35, rng)
    goal += _drift(len(goal), 0.35, rng)
    goal, rest = _mixed(goal, carried), _mixed(rest, carried)
    oil, efficiency = 35.4, 50.0
    means = np.empty((3, len(goal)))
    keep_oil, keep_cooler = np.exp(-1.0 / _OIL_CYCLES), np.exp(-1.0 / _COOLER_CYCLES)
    for i in range(len(goal)):
        stop = plan.minutes_stopped[i]
        if stop:
            oil = max(35.6, _AMBIENT + (oil - _AMBIENT) * float(np.exp(-stop / 90.0)))
            # After a rest the cooler seems efficient until warm oil has reached it.
            efficiency += (49.0 - efficiency) * (1.0 - float(np.exp(-stop / 12.0)))
        new_oil = rest[i] + (oil - rest[i]) * keep_oil
        new_efficiency = goal[i] + (efficiency - goal[i]) * keep_cooler
        # The mean of an exponential approach over the cycle.
        mean_efficiency = goal[i] + (efficiency - goal[i]) * (1.0 - keep_cooler) * _COOLER_CYCLES
        means[:, i] = mean_efficiency, 0.5 * (oil + new_oil), oil
        oil, efficiency = new_oil, new_efficiency
    return means[0], means[1], means[2]


def _load_cycle(valve: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return per cycle the mean pressure in bar, and the mean amount by which late switching missed it."""
    seconds = np.arange(_SECONDS, dtype=np.float64)
    starts = np.array([s for s, _ in _STAGES], dtype=np.float64)
    levels = np.array([p for _, p in _STAGES])
    stage = np.searchsorted(starts, seconds, side="right") - 1
    since = seconds - starts[stage]
    step = np.diff(levels, prepend=levels[-1])[stage]
    lag = 0.25 + 4.2 * (np.clip(100.0 - valve, 0.0, None) / 100.0) ** 1.1
    behind = step * np.exp(-since / lag[:, None])  # (n, 60): bar still missing at each second
    wave = levels[stage] - behind + 0.4 * rng.standard_normal((len(valve), _SECONDS))
    return wave.mean(axis=1), np.abs(behind).mean(axis=1)


def _creep(plan: Schedule, oil: Floats) -> Floats:
    """Return the pressure behind the relief valve: it builds up over hundreds of cycles of cold oil."""
    out = np.empty(len(oil))
    level = 0.0
    for i, (temperature, cooler) in enumerate(zip(oil.tolist(), plan.cooler.tolist(), strict=True)):
        charge = 10.05 if cooler == 100 and temperature < 44.0 else 0.0
        level += (charge - level) * (0.005 if charge else 0.3)
        out[i] = level
    return out
