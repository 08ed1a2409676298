"""The engine as it is compiled for 64-bit ARM gives the bits of LightGBM and of this machine's engine."""

import importlib.util
import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import lightgbm
import numpy as np
import pytest
from numpy.typing import NDArray
from scoring._engine import Pipeline

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A model with rows, and what LightGBM or this machine's engine makes of them."""

    graph: bytes
    forest: bytes
    rows: Array
    expected: dict[str, Array]


def _generators(root: Path, name: str) -> ModuleType:
    """Load what makes models and nasty rows for the engine's own tests."""
    specification = importlib.util.spec_from_file_location(
        f"arm64_{name}", root / "common/core/tests" / f"{name}.py"
    )
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def _forests(root: Path) -> dict[str, Case]:
    """Every objective, kind of missing value and width of tree, with categories; LightGBM is the oracle."""
    parity = _generators(root, "test_forest_parity")
    kinds = {
        "-".join(f"{value}" for value in one.values()): {"num_leaves": 31, "max_cat_to_onehot": 1, **one}
        for one in parity.OBJECTIVES
    }
    kinds |= {
        "dart": {"objective": "binary", "boosting": "dart"},
        "zero-is-missing": {"objective": "binary", "num_leaves": 60, "zero_as_missing": True},
        "nothing-is-missing": {"objective": "binary", "use_missing": False},
        "wide": {"objective": "regression", "num_leaves": 200, "max_bin": 400, "min_data_in_bin": 1},
        "walked": {"objective": "regression", "num_leaves": 400, "min_sum_hessian_in_leaf": 0},
    }
    made = {}
    for name, parameters in kinds.items():
        text = parity.train(8, 9, {"min_data_in_leaf": 1, **parameters})
        X = np.ascontiguousarray(parity.nasty_rows(text, 8, 520))
        booster = lightgbm.Booster(model_str=text)
        names = [f"x{place}" for place in range(X.shape[1])]
        graph = {
            "format": 1,
            "inputs": names,
            "nodes": [],
            "outputs": list(range(len(names))),
            "names": names,
        }
        scores = np.asarray(booster.predict(X, num_threads=1))
        expected = {
            "raw": np.asarray(booster.predict(X, raw_score=True, num_threads=1)),
            "scores": scores,
            "singles": scores[:100],
        }
        if "rank" not in name:
            own = Pipeline(json.dumps(graph).encode(), text.encode())
            expected |= {
                "original": own.contributions(X),
                "transformed": own.contributions(X, original=False),
            }
        made[name] = Case(json.dumps(graph).encode(), text.encode(), X, expected)
    return made


def _transforms(root: Path) -> Case:
    """Every operation of a graph at once, on specials too; numpy is the oracle of what the forest reads."""
    graphs = _generators(root, "test_graph")
    features = len(graphs.NODES) + 5
    document = graphs.document(3, graphs.NODES, list(range(features)))
    X = graphs.values(np.random.default_rng(4), 1300, 3)
    own = Pipeline(graphs.encode(document), graphs.forest_text(features))
    assert graphs.same_bits(own.transform(X), graphs.reference(document, X))
    scores = own.predict(X)
    expected = {
        "raw": own.predict(X, raw_score=True),
        "scores": scores,
        "singles": scores[:100],
        "original": own.contributions(X),
        "transformed": own.contributions(X, original=False),
    }
    return Case(graphs.encode(document), graphs.forest_text(features), X, expected)


@pytest.fixture(scope="module")
def cases(root: Path) -> dict[str, Case]:
    return {**_forests(root), "transforms": _transforms(root)}


@pytest.fixture(scope="module")
def asked(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cases as the other processor reads them."""
    folder = tmp_path_factory.mktemp("cases")
    for name, case in cases.items():
        place = folder / name
        place.mkdir()
        (place / "graph.json").write_bytes(case.graph)
        (place / "forest.txt").write_bytes(case.forest)
        (place / "rows").write_bytes(case.rows.tobytes())
        if "original" in case.expected:
            (place / "explained").touch()
    return folder


@pytest.mark.parametrize("isa", ["", "baseline"])
def test_every_way_of_asking_gives_the_same_bits(
    machine: Any, core: Path, cases: dict[str, Case], asked: Path, tmp_path: Path, isa: str
) -> None:
    variables = {"SCORING_ISA": isa} if isa else {}

    done = machine.run("engine.py", asked, tmp_path, path=[core], **variables)

    assert json.loads(done.stdout)["isa"] == "baseline"  # NEON is part of every such processor
    assert "numpy" not in json.loads(done.stdout)["modules"]
    wrong = {}
    for name, case in cases.items():
        for way, expected in case.expected.items():
            found = np.frombuffer((tmp_path / name / way).read_bytes())
            different = (found.view("u8") != np.ascontiguousarray(expected).ravel().view("u8")).sum()
            if different:
                wrong[f"{name}, {way}"] = f"{different} of {found.size}"
    assert wrong == {}


def test_all_machine_code_is_for_arm(core: Path, function: Path) -> None:
    for folder in (core, function):
        files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
        machines = [int.from_bytes(data[18:20], "little") for data in files if data[:4] == b"\x7fELF"]
        assert machines == [183]  # e_machine of ELF


def test_nothing_is_contracted(core: Path) -> None:
    dump = shutil.which("llvm-objdump") or shutil.which("aarch64-linux-gnu-objdump")
    if dump is None:
        pytest.skip("no disassembler for ARM is installed: the bits alone tell that nothing is contracted")
    (engine,) = (core / "scoring").glob("_engine*.so")
    listed = subprocess.run([dump, "-d", engine], capture_output=True, text=True, check=True).stdout
    words = {line.split("\t")[1] for line in listed.splitlines() if line.count("\t") > 1}

    assert {"fadd", "fmul"} <= words
    # A fused multiply-add rounds once where two operations round twice.
    assert [word for word in words if word.startswith(("fmadd", "fmsub", "fnmadd", "fmla", "fmls"))] == []


def test_exponentials_are_the_c_librarys(core: Path) -> None:
    reader = shutil.which("readelf")
    if reader is None:
        pytest.skip("readelf is not installed")
    (engine,) = (core / "scoring").glob("_engine*.so")
    listed = subprocess.run([reader, "-W", "--dyn-syms", engine], capture_output=True, text=True, check=True)
    # Num, Value, Size, Type, Bind, Vis, Ndx, Name; who wants a weak one can do without.
    undefined = [line.split() for line in listed.stdout.splitlines() if " UND " in line]
    wanted = [columns[7] for columns in undefined if columns[4] == "GLOBAL"]
    foreign = [name for name in wanted if "@GLIBC_" not in name and not name.startswith(("Py", "_Py"))]

    assert {"exp", "log1p", "memcpy"} <= {name.partition("@")[0] for name in wanted}
    assert foreign == []
