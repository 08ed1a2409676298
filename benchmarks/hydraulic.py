"""How good the experiment is on real data, honestly: many splits, all five labels, beside plain LightGBM.

    python benchmarks/hydraulic.py --source cycle_means.csv --splits 10 --results hydraulic.ndjson

reads the hydraulic data set (UCI's zip or folder, or a prepared table of cycle means), runs the default
experiment for each label on seeded random 75/25 splits, and prints a Markdown table. Every split's line is
written to --results as soon as it is known; a second start goes on from there. Nothing is chosen on the
reported test rows: each experiment searches inside its own training rows.
"""

import argparse
import json
import math
import time
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np
import polars as pl
from experiment import run
from experiment.loss import loss, row_losses
from experiment.progress import silent
from experiment.recipe import find_recipe
from experiment.report.statistic import mcc

RECIPE = "uci-hydraulic"
BUDGET = 600.0
"""Seconds. The default budget already allows the most thorough plan on this data, so this one plans no more;
it only keeps the clock of a busy machine from cutting an experiment short."""


def measure(truth: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Return log loss, accuracy, Matthews' correlation and the number of wrong rows."""
    guess = prediction.argmax(axis=1)
    classes = prediction.shape[1]
    confusion = np.zeros((1, classes, classes))
    np.add.at(confusion[0], (truth.astype(np.int64), guess), 1.0)
    return {
        "log_loss": loss(truth, prediction),
        "accuracy": float((guess == truth).mean()),
        "mcc": float(mcc(confusion)[0]),
        "wrong": float((guess != truth).sum()),
        "worst_row": float(row_losses(truth, prediction).max()),
    }


def plain(table: pl.DataFrame, inputs: list[str], target: str, test_rows: np.ndarray) -> dict[str, float]:
    """Train LightGBM with its own defaults on the same rows and measure it on the same test rows."""
    labels, y = np.unique(table[target].to_numpy(), return_inverse=True)
    X = table.select(inputs).cast(pl.Float64).to_numpy()
    train = np.setdiff1d(np.arange(len(y)), test_rows)
    kind = (
        {"objective": "binary"} if len(labels) == 2 else {"objective": "multiclass", "num_class": len(labels)}
    )
    booster = lgb.train(
        kind | {"num_threads": 1, "verbosity": -1, "deterministic": True},
        lgb.Dataset(X[train], y[train]),
        100,
    )
    found = np.asarray(booster.predict(X[test_rows]))
    both = np.stack([1 - found, found], axis=1) if len(labels) == 2 else found
    return measure(y[test_rows].astype(np.float64), both)


def one(source: Path | None, target: str, seed: int) -> dict[str, Any]:
    """Run one experiment and return its line."""
    started = time.perf_counter()
    result = run(target=target, recipe=RECIPE, source=source, seed=seed, budget=BUDGET)
    seconds = time.perf_counter() - started
    table = find_recipe(RECIPE).load(source, silent).frame
    inputs = [column.name for column in result.columns]
    table = table.with_columns(pl.col(target).cast(pl.Float64))
    return {
        "target": target,
        "seed": seed,
        "inputs": len(inputs),
        "seconds": round(seconds, 2),
        "trees": result.trees,
        "cut_short": any(caution.code == "budget" for caution in result.warnings),
        "validation": measure(result.validation.truth, result.validation.prediction),
        "test": measure(result.test.truth, result.test.prediction),
        "plain": plain(table, inputs, target, result.test.rows),
    }


def markdown(lines: list[dict[str, Any]]) -> str:
    """Return the table: mean, standard deviation over splits and the worst split."""
    head = "| label | splits | | log loss mean | sd | worst | accuracy % | worst | MCC | wins |"
    rows = [head, "|---|---|---|---|---|---|---|---|---|---|"]
    for target in dict.fromkeys(line["target"] for line in lines):
        mine = [line for line in lines if line["target"] == target]
        better = sum(line["test"]["log_loss"] < line["plain"]["log_loss"] for line in mine)
        for title, part in (
            ("experiment", "test"),
            ("its own validation", "validation"),
            ("plain LightGBM", "plain"),
        ):
            losses = np.array([line[part]["log_loss"] for line in mine])
            shares = 100 * np.array([line[part]["accuracy"] for line in mine])
            spread = losses.std(ddof=1) if len(losses) > 1 else math.nan
            wins = f"{better}/{len(mine)}" if part == "test" else ""
            rows.append(
                f"| {target if part == 'test' else ''} | {len(mine) if part == 'test' else ''} | {title} "
                f"| {losses.mean():.4f} | {spread:.4f} | {losses.max():.4f} | {shares.mean():.2f} "
                f"| {shares.min():.2f} | {np.mean([line[part]['mcc'] for line in mine]):.4f} | {wins} |"
            )
    seconds = sorted(line["seconds"] for line in lines)
    rows.append(
        f"\nAn experiment took {seconds[len(seconds) // 2]:.0f} s (median), {seconds[-1]:.0f} s at most."
    )
    return "\n".join(rows)


def main() -> None:
    """Run what is missing and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--source", type=Path, help="UCI's zip or folder, or a table of cycle means")
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--first", type=int, default=0, help="seed of the first split")
    parser.add_argument("--target", action="append", help="label; all five if not given; may be repeated")
    parser.add_argument("--results", type=Path, default=Path("build/hydraulic.ndjson"))
    arguments = parser.parse_args()
    arguments.results.parent.mkdir(parents=True, exist_ok=True)
    targets = tuple(arguments.target or find_recipe(RECIPE).targets)
    seeds = range(arguments.first, arguments.first + arguments.splits)
    text = arguments.results.read_text() if arguments.results.exists() else ""
    known = {(line["target"], line["seed"]): line for line in map(json.loads, text.splitlines())}
    for target in targets:
        for seed in seeds:
            if (target, seed) not in known:
                known[target, seed] = one(arguments.source, target, seed)
                with arguments.results.open("a") as stream:
                    stream.write(json.dumps(known[target, seed]) + "\n")
    print(markdown([known[target, seed] for target in targets for seed in seeds]))


if __name__ == "__main__":
    main()
