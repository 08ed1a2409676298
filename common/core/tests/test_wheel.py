"""The wheel: one for every Python from 3.11 on, small, and in need of nothing but the C library."""

import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

CORE = Path(__file__).parents[1]
PARTS = ("pyproject.toml", "setup.py", "backend.py", "MANIFEST.in", "README.md", "native", "src")


def build_command(out: Path) -> list[str]:
    if importlib.util.find_spec("setuptools"):
        return [sys.executable, "-c", f"import backend; backend.build_wheel({str(out)!r})"]
    uv = shutil.which("uv") or shutil.which("uv", path=CORE.parents[1] / ".uv" / "bin")
    if not uv:
        pytest.skip("neither setuptools nor uv is here to build a wheel with")
    return [uv, "build", "--quiet", "--wheel", "--python", sys.executable, "--out-dir", str(out)]


def build(folder: Path, out: str, **more: str) -> None:
    """Build folder/core into folder/out, with a cache of its own."""
    uv_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
    environment = os.environ | {
        "CXXFLAGS": "-O0",  # larger than the real one, and compiled in half the time
        "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(uv_cache),
        "XDG_CACHE_HOME": str(folder / "cache"),
    }
    command = build_command(folder / out)
    found = subprocess.run(
        command, cwd=folder / "core", env=environment | more, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "core"
    source.mkdir()
    for part in PARTS:  # a copy: the build leaves nothing behind in the repository
        if (CORE / part).is_dir():
            shutil.copytree(
                CORE / part, source / part, ignore=shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
            )
        else:
            shutil.copy(CORE / part, source / part)
    build(folder, "out")
    (made,) = (folder / "out").glob("*.whl")
    with zipfile.ZipFile(made) as archive:
        archive.extractall(folder / "unpacked")
    return made


def engine(wheel: Path) -> Path:
    return wheel.parents[1] / "unpacked" / "scoring" / "_engine.abi3.so"


def test_one_wheel_for_every_python(wheel: Path) -> None:
    assert re.fullmatch(r"scoring_core-[0-9.]+-cp311-abi3-\w+\.whl", wheel.name)
    assert platform.machine() in wheel.name
    assert wheel.stat().st_size < 2_000_000


def test_what_is_inside(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("__init__.py", "_engine.abi3.so", "_engine.pyi", "py.typed"):
        assert f"scoring/{name}" in names
    assert not [name for name in names if name.endswith((".cpp", ".hpp", ".o"))]


def tool(name: str, *arguments: str) -> str:
    found = shutil.which(name)
    if not found:
        pytest.skip(f"no {name} on this machine")
    return subprocess.run([found, *arguments], capture_output=True, text=True, check=True).stdout


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="the wheel's tag names a version of glibc alone"
)
def test_it_names_the_c_library_that_it_asks_for(wheel: Path) -> None:
    asked = re.findall(r"GLIBC_2\.(\d+)", tool("readelf", "--version-info", str(engine(wheel))))

    assert f"-manylinux_2_{max(17, *map(int, asked))}_{platform.machine()}.whl" in wheel.name


def test_the_same_engine_is_compiled_once(wheel: Path, tmp_path: Path) -> None:
    folder = wheel.parents[1]
    (kept,) = (folder / "cache" / "scoring" / "engines").glob("*.so")

    build(folder, "again", PATH=os.pathsep.join([str(failing_compilers(tmp_path)), os.environ["PATH"]]))

    (again,) = (folder / "again").glob("*.whl")
    with zipfile.ZipFile(again) as archive:
        assert archive.read("scoring/_engine.abi3.so") == kept.read_bytes() == engine(wheel).read_bytes()


def failing_compilers(folder: Path) -> Path:
    """Compilers that say their versions as the real ones do, and compile nothing."""
    for name in ("c++", "g++", "clang++"):
        real = shutil.which(name)
        if real:
            (folder / name).write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec {real} --version\nexit 1\n')
            (folder / name).chmod(0o755)
    return folder


def test_only_the_c_library_is_needed(wheel: Path) -> None:
    needed = set(re.findall(r"NEEDED.*\[(.*)\]", tool("readelf", "-d", str(engine(wheel)))))
    assert needed <= {
        "libc.so.6",
        "libm.so.6",
        "libpthread.so.0",
        "libdl.so.2",
        "ld-linux-x86-64.so.2",
        "ld-linux-aarch64.so.1",
    }


def test_only_the_two_interfaces_are_exported(wheel: Path) -> None:
    names = {line.split()[-1] for line in tool("nm", "-D", "--defined-only", str(engine(wheel))).splitlines()}
    assert "PyInit__engine" in names
    assert "scoring_open" in names
    assert all(name == "PyInit__engine" or name.startswith("scoring_") for name in names)


def test_the_unpacked_engine_imports(wheel: Path) -> None:
    program = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('_engine', sys.argv[1])\n"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module)\n"
        "assert module.nothing(1) is None and module.isa\n"
    )
    subprocess.run([sys.executable, "-c", program, str(engine(wheel))], check=True)
