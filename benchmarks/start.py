"""From nothing to the first score: CPU time of a fresh process, and the time to load a model."""

import statistics
import sys
from collections.abc import Callable
from functools import partial

import lightgbm as lgb
import scoring
from models import NAMES, Model
from table import Table, ratio, seconds
from timing import cpu_seconds, run_process

ROUNDS = 5
PROGRAMS = {
    "python alone": "pass",
    "python and numpy": "import numpy",
    "scoring": "import scoring; import numpy; X = numpy.zeros((1, {features})); "
    "scoring.load({artifact!r}).predict(X)",
    "scoring, a request": "import scoring; scoring.load({artifact!r}).score_json({body!r})",
    "LightGBM": "import lightgbm; import numpy; X = numpy.zeros((1, {features})); "
    "lightgbm.Booster(model_file={text!r}).predict(X, num_threads=1)",
}


def run() -> list[Table]:
    """Measure fresh processes for models A and B, loading for every model."""
    return [_fresh(name) for name in NAMES if name != "C"] + [_loading()]


def _fresh(name: str) -> Table:
    model = Model(name)
    fields = [field.name for field in model.scorer.schema.inputs]
    words = {
        "features": model.plan.features,
        "artifact": str(model.artifact_path),
        "text": str(model.text_path),
        "body": scoring_body(fields),
    }
    taken: dict[str, list[float]] = {key: [] for key in PROGRAMS}
    for _ in range(ROUNDS):
        for key, program in PROGRAMS.items():
            command = [sys.executable, "-c", program.format(**words)]
            taken[key].append(run_process(command, {"OMP_NUM_THREADS": "1"}).cpu)
    median = {key: statistics.median(times) for key, times in taken.items()}
    table = Table(
        f"Fresh process to first score, model {name}: CPU time", ["program", "median", "LightGBM takes"]
    )
    table.rows = [[key, seconds(time), ratio(median["LightGBM"] / time)] for key, time in median.items()]
    table.remarks = [
        "LightGBM imports pandas and scikit-learn where these are installed, and is slower for it."
    ]
    return table


def scoring_body(fields: list[str]) -> bytes:
    """Write a request of one row of zeros."""
    names, cells = (",".join(f'"{text}"' for text in texts) for texts in (fields, ["0"] * len(fields)))
    return f'{{"fields": [{names}], "rows": [[{cells}]]}}'.encode()


def _loading() -> Table:
    table = Table(
        "Loading a model in a running process: CPU time",
        ["model", "scoring.load", "lightgbm.Booster", "ratio"],
    )
    for name in NAMES:
        model = Model(name)
        calls: dict[str, Callable[[], object]] = {
            "ours": partial(scoring.load, model.artifact_path),
            "theirs": partial(lgb.Booster, model_file=model.text_path),
        }
        spent = cpu_seconds(calls)
        table.rows.append(
            [name, seconds(spent["ours"]), seconds(spent["theirs"]), ratio(spent["theirs"] / spent["ours"])]
        )
    table.remarks = ["scoring.load checks every digest, unzips, parses and prepares the forest for speed."]
    return table
