"""The engine's extension module: one stable-ABI binary a platform for every supported Python."""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
COMPILERS = ("c++", "g++", "clang++")
ZIG = [sys.executable, "-m", "ziglang", "c++"]
# -ffp-contract=off: a fused multiply-add rounds once where two operations round twice: bits would differ.
COMPILE = shlex.split(
    "-std=c++17 -O3 -g0 -DNDEBUG -DPy_LIMITED_API=0x030B0000 -ffp-contract=off -fPIC -pthread "
    "-fvisibility=hidden -fvisibility-inlines-hidden -ffunction-sections -fdata-sections -Wall -Wextra"
)


def target() -> str:
    """Return what to cross-compile for, e.g. aarch64-linux-gnu.2.17, or nothing to build for this machine."""
    return os.environ.get("SCORING_TARGET", "")


def compiler() -> list[str]:
    """Choose the compiler: zig for another target, $CXX, the system's, or zig where there is none."""
    if target():
        return [*ZIG, "-target", target()]
    if os.environ.get("CXX"):
        return shlex.split(os.environ["CXX"])
    found = next(filter(None, map(shutil.which, COMPILERS)), None)
    return [found] if found else ZIG


def link_options(command: list[str]) -> list[str]:
    """Return what makes a library that needs nothing but the C library at run time."""
    if "macos" in target() or (not target() and sys.platform == "darwin"):
        return ["-bundle", "-undefined", "dynamic_lookup", "-Wl,-dead_strip"]
    exports = f"-Wl,--version-script={NATIVE / 'exports.map'}"
    options = ["-shared", "-pthread", "-s", "-Wl,--gc-sections", exports, "-lm"]
    if "ziglang" not in command:  # zig links its C++ library statically as it is
        options += ["-static-libstdc++", "-static-libgcc"]
    return options


def platform_tag() -> str | None:
    """Return the wheel's platform for a cross target, None for this machine's own."""
    if not target():
        return None
    architecture, system, *rest = target().split("-")
    abi, _, version = (rest[0] if rest else "").partition(".")
    if system == "linux" and abi.startswith("gnu"):
        return f"manylinux_{version.replace('.', '_') or '2_17'}_{architecture}"
    if system == "linux" and abi.startswith("musl"):
        return f"musllinux_1_2_{architecture}"
    if system.startswith("macos"):
        release = system.removeprefix("macos").strip(".") or "11.0"
        return f"macosx_{release.replace('.', '_')}_{architecture.replace('aarch64', 'arm64')}"
    known = "<architecture>-linux-gnu.<version>, -linux-musl or -macos.<version>"
    raise SystemExit(f"SCORING_TARGET={target()}: expected {known}")


class BuildEngine(build_ext):
    """Compile every source at once, with our own options rather than those that Python was built with."""

    def build_extension(self, ext: Extension) -> None:
        """Compile and link the engine."""
        command = compiler()
        objects = Path(self.build_temp) / (target() or "here")
        objects.mkdir(parents=True, exist_ok=True)
        include = f"-I{sysconfig.get_paths()['include']}"
        extra = shlex.split(os.environ.get("CXXFLAGS", ""))

        def compile_one(source: str) -> str:
            made = objects / (Path(source).stem + ".o")
            self.run_command_line([*command, *COMPILE, *extra, include, "-c", source, "-o", str(made)])
            return str(made)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            made = list(pool.map(compile_one, ext.sources))
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = out.with_suffix(".new")
        self.run_command_line([*command, *made, *link_options(command), "-o", str(fresh)])
        fresh.replace(out)  # a process that has the old one loaded keeps it

    def run_command_line(self, command: list[str]) -> None:
        """Run the compiler; its own words are the error message."""
        if subprocess.run(command, check=False).returncode:
            raise SystemExit("the engine does not compile: " + shlex.join(command))


tag = platform_tag()
setup(
    ext_modules=[
        Extension(
            "scoring._engine",
            sorted(path.as_posix() for path in NATIVE.glob("*.cpp")),
            depends=sorted(path.as_posix() for path in NATIVE.glob("*.[him]*")),
            py_limited_api=True,
        )
    ],
    cmdclass={"build_ext": BuildEngine},
    options={"bdist_wheel": {"py_limited_api": "cp311"} | ({"plat_name": tag} if tag else {})},
)
