# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "lightgbm>=4.6", "numpy>=1.26", "pandas>=2.2", "pyarrow>=18",
#     "duckdb>=1.3", "scoring-cli", "scoring-core", "scoring-experiment", "scoring-server",
#     "scoring-sql",
# ]
#
# [tool.uv.sources]
# scoring-core = { path = "../common/core", editable = true }
# scoring-server = { path = "../common/server", editable = true }
# scoring-sql = { path = "../common/sql", editable = true }
# scoring-cli = { path = "../common/cli", editable = true }
# scoring-experiment = { path = "../common/experiment", editable = true }
# ///
"""Measure, and write the tables to benchmarks/results; README.md says what they mean.

uv run benchmarks/run.py [names...]       in an environment of their own
python benchmarks/run.py batch row        in this one
"""

import datetime
import importlib
import importlib.metadata
import os
import platform
import sys
import traceback
from pathlib import Path

NAMES = (
    "batch",
    "row",
    "contribution",
    "transform",
    "start",
    "files",
    "sizes",
    "cross_build",
    "compiled_sql",
    "embedded",
    "beside",
    "server_speed",
    "postgres",
)
RESULTS = Path(__file__).resolve().parent / "results"
LIBRARIES = (
    "scoring-core",
    "lightgbm",
    "numpy",
    "lleaves",
    "onnxruntime",
    "tl2cgen",
    "daal4py",
    "pyarrow",
    "pandas",
)


def main(names: list[str]) -> int:
    """Run the named measurements, all without names; returns the exit code."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(
            f"There is no measurement called {', '.join(unknown)}; there are {', '.join(NAMES)}.",
            file=sys.stderr,
        )
        return 2
    sections, failed = [], []
    for name in names or NAMES:
        print(f"measuring {name}", file=sys.stderr, flush=True)
        try:
            for table in importlib.import_module(name).run():
                print(table.markdown(), flush=True)
                sections.append(table.markdown())
        except Exception:  # noqa: BLE001  one measurement's failure must not lose the others
            failed.append(name)
            traceback.print_exc()
            sections.append(f"## {name}\n\nThis measurement failed; see its messages.\n")
    RESULTS.mkdir(exist_ok=True)
    machine = f"{platform.machine()}-{platform.system().lower()}"
    page = "-".join([f"{datetime.date.today():%Y-%m-%d}", machine, *names])  # a part never replaces the whole
    path = RESULTS / f"{page}.md"
    fresh = path.with_suffix(".new")
    fresh.write_text("\n".join([_heading(), *sections]))
    fresh.replace(path)
    print(f"\nwritten to {path}", file=sys.stderr)
    return 1 if failed else 0


def _heading() -> str:
    versions = [f"{name} {version}" for name in LIBRARIES if (version := _version(name))]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"# Measured on {datetime.date.today():%d %B %Y}\n\n{_processor()}, {os.cpu_count()} cores, "
        f"{platform.system()}, Python {platform.python_version()}; {', '.join(versions)}.\n"
        f"Load averages at the end: {load}. All ratios come from one run, rivals in turns.\n"
    )


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
