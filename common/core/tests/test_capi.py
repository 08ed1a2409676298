"""scoring.h: a C program, compiled with the engine's sources, gives the same bits as the Python module."""

import json
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from scoring._engine import Pipeline

NATIVE = Path(__file__).parents[1] / "native"
CXX, CC = shutil.which("c++"), shutil.which("cc")
pytestmark = pytest.mark.skipif(not (CXX and CC), reason="no C and C++ compiler on this machine")

PROGRAM = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "scoring.h"

static char error[200];

static void* slurp(const char* path, size_t* size) {
  FILE* file = fopen(path, "rb");
  if (!file) exit(2);
  fseek(file, 0, SEEK_END);
  *size = (size_t)ftell(file);
  rewind(file);
  void* data = malloc(*size);
  if (fread(data, 1, *size, file) != *size) exit(2);
  fclose(file);
  return data;
}

static void check(int failed) {
  if (failed) { fprintf(stderr, "%s\n", error); exit(3); }
}

int main(int argc, char** argv) {   /* features.json forest.txt X.bin out.bin */
  size_t features_size, forest_size, bytes;
  void* features = slurp(argv[1], &features_size);
  void* forest = slurp(argv[2], &forest_size);
  if (argc < 5 || scoring_abi() != SCORING_ABI) return 4;

  char tiny[8];
  if (scoring_open(features, 0, forest, forest_size, tiny, sizeof tiny)) return 5;
  if (strcmp(tiny, "feature")) return 5;
  if (scoring_open(features, features_size, forest, 0, NULL, 0)) return 6;

  scoring_pipeline* pipeline =
      scoring_open(features, features_size, forest, forest_size, error, sizeof error);
  if (!pipeline) check(1);
  free(features);
  free(forest);
  double* X = slurp(argv[3], &bytes);
  int64_t inputs = scoring_inputs(pipeline), outputs = scoring_outputs(pipeline);
  int64_t rows = (int64_t)(bytes / sizeof(double)) / inputs;
  scoring_matrix matrix = {X, rows, inputs * 8, 8, SCORING_FLOAT64};
  FILE* out = fopen(argv[4], "wb");
  double* result = malloc(sizeof(double) * (size_t)(rows * scoring_parts(pipeline, 0) * 2));

  check(scoring_predict(pipeline, &matrix, 0, 2, result, error, sizeof error));
  fwrite(result, 8, (size_t)(rows * outputs), out);
  for (int64_t r = 0; r < rows; ++r) {
    check(scoring_row(pipeline, X + r * inputs, 1, result + r * outputs, error, sizeof error));
  }
  fwrite(result, 8, (size_t)(rows * outputs), out);
  check(scoring_transform(pipeline, &matrix, 1, result, error, sizeof error));
  fwrite(result, 8, (size_t)(rows * scoring_features(pipeline)), out);
  check(scoring_contributions(pipeline, &matrix, 1, 1, result, error, sizeof error));
  fwrite(result, 8, (size_t)(rows * scoring_parts(pipeline, 1)), out);
  fclose(out);

  matrix.type = 7;
  if (!scoring_predict(pipeline, &matrix, 0, 1, result, error, sizeof error)) return 7;
  printf("%s %s %d %d|%s", scoring_input_name(pipeline, 1), scoring_feature_name(pipeline, 0),
         scoring_trees(pipeline), scoring_has_counts(pipeline), error);
  if (scoring_input_name(pipeline, -1) || scoring_feature_name(pipeline, 99)) return 8;
  if (!strlen(scoring_isa())) return 9;
  scoring_close(pipeline);
  scoring_close(NULL);
  free(X);
  free(result);
  return 0;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the engine as a shared library, unoptimised, which is quick: the bits do not depend on it."""
    folder = tmp_path_factory.mktemp("capi")
    options = [
        "-std=c++17",
        "-O0",
        "-g0",
        "-fPIC",
        "-ffp-contract=off",
        "-fvisibility=hidden",
        "-DNDEBUG",
        "-pthread",
    ]

    def compile_one(source: Path) -> Path:
        made = folder / f"{source.stem}.o"
        subprocess.run([str(CXX), *options, "-c", source, "-o", made], check=True)
        return made

    sources = [path for path in sorted(NATIVE.glob("*.cpp")) if not path.name.startswith("bind")]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compile_one, sources))
    made = folder / "libscoring.so"
    command: list[str | Path] = [
        str(CXX),
        "-shared",
        "-pthread",
        *objects,
        f"-Wl,--version-script={NATIVE / 'exports.map'}",
        "-o",
        made,
    ]
    subprocess.run(command, check=True)
    return made


def test_a_c_program_gets_the_same_bits(library: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = np.where(rng.random((900, 3)) < 0.1, np.nan, rng.normal(size=(900, 3)))
    label = np.digitize(np.nan_to_num(X).sum(axis=1), [-1, 1])
    options = {"objective": "multiclass", "num_class": 3, "num_threads": 1, "verbose": -1}
    forest = lightgbm.train(
        options, lightgbm.Dataset(np.column_stack([X, X[:, 0]]), label), 10
    ).model_to_string()
    graph = {
        "format": 1,
        "inputs": ["a", "b", "c"],
        "nodes": [{"op": "add", "of": [0, 2]}],
        "outputs": [3, 1, 2, 0],
    }
    features = json.dumps(graph | {"names": ["sum", "b", "c", "a"]})
    for name, text in (("features.json", features), ("forest.txt", forest), ("main.c", PROGRAM)):
        (tmp_path / name).write_text(text)
    (tmp_path / "X").write_bytes(X.tobytes())

    program = tmp_path / "program"
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    command: list[str | Path] = [
        str(CC),
        *strict,
        f"-I{NATIVE}",
        tmp_path / "main.c",
        library,
        "-o",
        program,
        f"-Wl,-rpath,{library.parent}",
    ]
    subprocess.run(command, check=True)
    files = [tmp_path / name for name in ("features.json", "forest.txt", "X", "out")]
    found = subprocess.run([program, *files], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    assert found.stdout == "b sum 30 1|scoring_matrix.type is neither SCORING_FLOAT64 nor SCORING_FLOAT32"

    engine = Pipeline(features.encode(), forest.encode())
    want = [
        engine.predict(X),
        engine.predict(X, raw_score=True),
        engine.transform(X),
        engine.contributions(X),
    ]
    assert (tmp_path / "out").read_bytes() == b"".join(part.tobytes() for part in want)


def test_only_the_c_functions_are_exported(library: Path) -> None:
    if not shutil.which("nm"):
        pytest.skip("no nm on this machine")
    found = subprocess.run(
        ["nm", "-D", "--defined-only", library], capture_output=True, text=True, check=True
    )
    names = {line.split()[-1] for line in found.stdout.splitlines()}
    declared = {
        word.split("(")[0]
        for word in (NATIVE / "scoring.h").read_text().replace("*", " ").split()
        if "(" in word
    }
    assert names == {name for name in declared if name.startswith("scoring_")} - {"scoring_close;"}
