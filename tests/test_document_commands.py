"""The commands of the documents that need nothing but the `scoring` command, run as they stand there."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import lightgbm
import pandas as pd
import pyarrow.parquet
import pytest
import scoring

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "local-rest-scorer" / "example" / "cooler.pipeline"
LABELS = ["cool_cond_y", "valve_cond_y", "pump_leak_y", "acc_gas_leak_y", "stable_y"]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A user's who has the command on the path."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("SCORING_", "PG"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), kept["PATH"]])
    return {**kept, "PATH": path, "HOME": str(tmp_path_factory.mktemp("home"))}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> pd.DataFrame:
    """The simulated rig, its cycles numbered."""
    folder = tmp_path_factory.mktemp("rig")
    command = ["scoring", "data", "simulated-hydraulic", "-o", "rig.csv"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    table = pd.read_csv(folder / "rig.csv")
    table.insert(0, "cycle", range(len(table)))
    return table


def run(document: str, folder: Path, environment: dict[str, str]) -> list[str]:
    """Run the blocks of a document; return what each has printed."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
    said = []
    for block in blocks:
        done = subprocess.run(
            ["sh", "-ec", block],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{document}\n{block}\n{done.stdout}\n{done.stderr}"
        said.append(done.stdout)
    return said


def test_scoring_with_sql_and_next_to_a_database(
    rig: pd.DataFrame, environment: dict[str, str], tmp_path: Path
) -> None:
    cycles = rig.drop(columns=LABELS)
    cycles.to_csv(tmp_path / "cycles.csv", index=False)
    cycles.to_parquet(tmp_path / "cycles.parquet")
    with sqlite3.connect(tmp_path / "rig.sqlite") as database:
        cycles.to_sql("cycles", database, index=False)
    shutil.copy(EXAMPLE, tmp_path / "cooler.pipeline")

    said = run("docs/sql-beside.md", tmp_path, environment)

    assert len(said) == 2
    expected = scoring.load(EXAMPLE).predict(cycles)
    made = pyarrow.parquet.read_table(tmp_path / "scores.parquet").to_pandas()
    written = pd.read_sql("select * from scores order by cycle", sqlite3.connect(tmp_path / "rig.sqlite"))
    for found in (made, written):
        assert (found.drop(columns="cycle").to_numpy() == expected).all()
        assert (found["cycle"] == cycles["cycle"]).all()


def test_plain_sql_is_written(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "cooler.pipeline")

    run("docs/sql-compiled.md", tmp_path, environment)

    assert "CREATE" in (tmp_path / "score.sql").read_text()


def test_the_commands_page(rig: pd.DataFrame, environment: dict[str, str], tmp_path: Path) -> None:
    table = rig[::4].drop(columns=["cycle", *LABELS[1:]]).rename(columns={"cool_cond_y": "cond"})
    table.to_csv(tmp_path / "cooler.csv", index=False)
    inputs = table.drop(columns="cond")
    inputs.to_csv(tmp_path / "new.csv", index=False)
    parameters = {"objective": "regression", "num_threads": 1, "verbose": -1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(inputs, table["cond"]), 10)
    booster.save_model(tmp_path / "model.txt")

    run("common/cli/README.md", tmp_path, environment)

    assert "cond" in (tmp_path / "cooler.html").read_text()
    found = pd.read_csv(tmp_path / "scores.csv")
    assert (found.to_numpy()[:, -1] == booster.predict(inputs)).all()
