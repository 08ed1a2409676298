"""Recipes: the simulator, the public archive in all its forms, and the download."""

import http.server
import io
import threading
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from experiment import catalogue
from experiment.download import cache_dir, fetch
from experiment.progress import silent
from experiment.recipe import find_recipe
from experiment.recipes import uci_hydraulic
from experiment.simulator import SENSORS, simulate
from experiment.uci_archive import LABELS
from experiment.uci_archive import SENSORS as ARCHIVE
from scoring.problem import Problem

# What the real rig shows: least and greatest cycle mean of each sensor, to four digits.
RANGES = {
    "psa_bar": (155.4, 180.9), "psb_bar": (104.4, 131.6), "psc_bar": (0.840, 2.023), "psd_bar": (0.0, 10.21),
    "pse_bar": (8.366, 9.979), "psf_bar": (8.322, 9.857), "fsa_vol_flow": (2.019, 6.723),
    "fsb_vol_flow": (8.858, 10.40), "tsa_temp": (35.31, 57.90), "tsb_temp": (40.86, 61.96),
    "tsc_temp": (38.25, 59.42), "tsd_temp": (30.39, 53.06), "pump_eff": (2362.0, 2741.0),
    "vs_vib": (0.5244, 0.8391), "cool_eff_pct": (17.56, 47.90), "cool_pwr_pct": (1.062, 2.840),
    "eff_fact_pct": (18.28, 60.76),
}  # fmt: skip


def test_every_recipe_is_found_and_described() -> None:
    found = catalogue()
    assert {"simulated-hydraulic", "uci-hydraulic"} <= set(found)
    assert all(recipe.summary and recipe.default_target in recipe.targets for recipe in found.values())
    with pytest.raises(Problem, match="simulated-hydraulic"):
        find_recipe("simulated-hydraulik")


def test_simulated_values_lie_in_the_ranges_of_the_real_rig() -> None:
    columns = simulate()
    for name, (low, high) in RANGES.items():
        slack = 0.03 * (high - low)
        assert low - slack <= columns[name].min(), name
        assert columns[name].max() <= high + slack, name
        assert np.ptp(columns[name]) > 0.5 * (high - low), name


def test_simulation_repeats_and_has_the_form_of_the_real_data() -> None:
    first, again, other = simulate(1), simulate(1), simulate(2)
    assert list(first) == [*SENSORS, *LABELS]
    assert all(len(values) == 2205 for values in first.values())
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert not np.array_equal(first["psa_bar"], other["psa_bar"])
    kinds = {name: sorted(set(first[name].tolist())) for name in LABELS}
    assert kinds == {
        "cool_cond_y": [3, 20, 100],
        "valve_cond_y": [73, 80, 90, 100],
        "pump_leak_y": [0, 1, 2],
        "acc_gas_leak_y": [90, 100, 115, 130],
        "stable_y": [0, 1],
    }
    assert np.count_nonzero(np.diff(first["cool_cond_y"])) == 2


def test_oil_temperature_has_inertia_over_cycles() -> None:
    oil = simulate()["tsa_temp"]
    assert oil[0] < 40 < 50 < oil[60]
    assert np.all(np.abs(np.diff(oil[:60])) < 3.0)


def test_simulated_table_says_that_it_is_simulated() -> None:
    table = find_recipe("simulated-hydraulic").load(None, silent)
    assert table.simulated
    assert "SIMULATED" in table.source
    assert [caution.code for caution in table.cautions] == ["simulated"]
    with pytest.raises(Problem, match="reads no source"):
        find_recipe("simulated-hydraulic").load(Path("x.zip"), silent)


def write_archive(folder: Path, names: list[str], cycles: int = 6) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(3)
    folder.mkdir(parents=True, exist_ok=True)
    means = {}
    for name in names:
        column, samples = ARCHIVE[name]
        values = np.round(rng.uniform(1.0, 9.0, size=(cycles, samples)), 3)
        lines = ["\t".join(f"{value:.3f}" for value in row) for row in values]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
        means[column] = values.mean(axis=1)
    labels = np.stack([np.arange(cycles) % 3 + k for k in range(5)], axis=1)
    (folder / "profile.txt").write_text("\n".join("\t".join(map(str, row)) for row in labels.tolist()) + "\n")
    return means


def test_archive_folder_gives_cycle_means(tmp_path: Path) -> None:
    means = write_archive(tmp_path / "data", list(ARCHIVE))
    table = find_recipe("uci-hydraulic").load(tmp_path / "data", silent)
    assert table.frame.columns == [*(column for column, _ in ARCHIVE.values()), *LABELS]
    for column, expected in means.items():
        np.testing.assert_allclose(table.frame[column].to_numpy(), expected, rtol=1e-12)
    assert not table.simulated
    assert "CC BY 4.0" in table.attribution
    assert table.cautions == ()


def test_partial_archive_uses_the_sensors_that_are_there(tmp_path: Path) -> None:
    write_archive(tmp_path / "data", ["TS1", "CE"])
    with zipfile.ZipFile(tmp_path / "part.zip", "w") as archive:
        for path in (tmp_path / "data").iterdir():
            archive.write(path, f"inside/{path.name}")
    table = find_recipe("uci-hydraulic").load(tmp_path / "part.zip", silent)
    assert table.frame.columns == ["tsa_temp", "cool_eff_pct", *LABELS]
    assert [caution.code for caution in table.cautions] == ["partial_data"]
    assert "psa_bar" in table.cautions[0].detail


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda folder: (folder / "profile.txt").unlink(), "profile.txt"),
        (lambda folder: (folder / "TS1.txt").write_text("1\t2\n"), "not 60"),
        (lambda folder: (folder / "TS1.txt").write_text("a\tb\n"), "not a table of numbers"),
        (lambda folder: (folder / "CE.txt").write_text("\t".join(["1"] * 60) + "\n"), "1 cycles"),
    ],
)
def test_damaged_archive_is_refused(tmp_path: Path, spoil, told: str) -> None:  # type: ignore[no-untyped-def]
    write_archive(tmp_path / "data", ["TS1", "CE"])
    spoil(tmp_path / "data")
    with pytest.raises(Problem, match=told):
        find_recipe("uci-hydraulic").load(tmp_path / "data", silent)


def test_prepared_table_is_a_source(tmp_path: Path) -> None:
    frame = pl.DataFrame(simulate()).head(30).with_columns(pl.lit(1).alias("stray"))
    frame.write_csv(tmp_path / "means.csv")
    table = find_recipe("uci-hydraulic").load(tmp_path / "means.csv", silent)
    assert "stray" not in table.frame.columns
    assert table.frame.width == 22
    frame.drop("pump_leak_y").write_csv(tmp_path / "means.csv")
    with pytest.raises(Problem, match="pump_leak_y"):
        find_recipe("uci-hydraulic").load(tmp_path / "means.csv", silent)


def test_real_files_agree_with_each_other(hydraulic: Path) -> None:
    recipe = find_recipe("uci-hydraulic")
    means = recipe.load(hydraulic / "cycle_means.csv", silent)
    raw = recipe.load(hydraulic / "raw_1hz.zip", silent)
    assert means.frame.height == raw.frame.height == 2205
    for column in raw.frame.columns:
        np.testing.assert_allclose(
            means.frame[column].cast(pl.Float64).to_numpy(),
            raw.frame[column].cast(pl.Float64).to_numpy(),
            rtol=1e-10,
        )


@pytest.fixture
def server(tmp_path: Path):  # type: ignore[no-untyped-def]
    """Serve a zip of a small archive at /good.zip, and its first half, cut off, at /cut.zip."""
    write_archive(tmp_path / "data", ["TS1", "CE"])
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for path in sorted((tmp_path / "data").iterdir()):
            archive.write(path, path.name)
    body = memory.getvalue()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path != "/none.zip" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path == "/cut.zip" else body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_download_is_whole_or_not_at_all(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(uci_hydraulic, "LEAST", 100)
    seen: list[tuple[str, int, int]] = []
    for page, code in (("cut", "download_failed"), ("none", "download_failed")):
        monkeypatch.setattr(uci_hydraulic, "URL", f"{server}/{page}.zip")
        with pytest.raises(Problem, match="--source") as caught:
            uci_hydraulic.load(None, silent)
        assert caught.value.code == code
        assert list(cache_dir().iterdir()) == []
    monkeypatch.setattr(uci_hydraulic, "URL", f"{server}/good.zip")
    table = uci_hydraulic.load(None, lambda *step: seen.append(step))
    assert table.frame.width == 7
    assert any(stage == "download" and done == total > 0 for stage, done, total in seen)
    monkeypatch.setattr(uci_hydraulic, "URL", "http://127.0.0.1:9/gone.zip")
    assert uci_hydraulic.load(None, silent).digest == table.digest  # from the cache


def test_download_checks_size_digest_and_address(server: str, tmp_path: Path) -> None:
    for limits in (
        {"least": 10**6, "most": 10**7},
        {"least": 1, "most": 50},
        {"least": 1, "most": 10**7, "digest": "0" * 64},
    ):
        with pytest.raises(Problem, match="not the expected file"):
            fetch(f"{server}/good.zip", tmp_path / "x.zip", silent, **limits)
        assert not (tmp_path / "x.zip").exists()
    with pytest.raises(Problem, match="https"):
        fetch("ftp://example.org/x.zip", tmp_path / "x.zip", silent, least=1, most=2)
