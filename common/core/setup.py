"""The engine's extension module: one stable-ABI binary a platform for every supported Python."""

import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
COMPILERS = ("c++", "g++", "clang++")
KEPT = 16  # engines in the cache
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
    if "ziglang" not in command:
        return [*options, "-static-libstdc++", "-static-libgcc"]
    # zig links its C++ library statically as it is. Its runtime library has an exp and a memcpy of its own,
    # which replace the C library's as soon as any function of it is needed: other bits than LightGBM's.
    return [*options, "-rtlib=none"]


def include_option(objects: Path) -> str:
    """Return where Python's headers are; for another target, where they do not lead to this machine's own.

    Debian's pyconfig.h includes one of the machine's that lies where a cross compiler does not look. The one
    that is here does for every target: what the limited API takes from it is alike on all of them.
    """
    include = Path(sysconfig.get_paths()["include"])
    own = include.parent / (sysconfig.get_config_var("MULTIARCH") or "") / include.name / "pyconfig.h"
    if target() and own.is_file() and own.parent != include:
        headers = objects / "include"
        shutil.copytree(include, headers, dirs_exist_ok=True)
        shutil.copyfile(own, headers / own.name)
        include = headers
    return f"-I{include}"


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


def kept(command: list[str], options: list[str]) -> Path:
    """Name the file in the user's cache that holds what these words make of the sources with this compiler.

    An environment, each copy of it and each wheel for this machine need the same engine, and it takes half a
    minute of processor time to compile.
    """
    version = subprocess.run([*command, "--version"], capture_output=True, check=False).stdout
    words = [Path(command[0]).name, *command[1:], *options, sys.version, *platform.libc_ver()]
    whole = hashlib.sha256("\0".join(words).encode() + version)
    for path in [Path(__file__), *sorted(NATIVE.iterdir())]:
        if path.is_file():
            whole.update(f"\0{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "scoring" / "engines" / f"{whole.hexdigest()[:32]}.so"


def keep(engine: Path, place: Path) -> None:
    """Put an engine into the cache, and let go of the oldest; a cache that cannot be written is no fault."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_suffix(f".{os.getpid()}")
        shutil.copyfile(engine, draft)
        draft.replace(place)
        for old in sorted(place.parent.glob("*.so"), key=lambda path: path.stat().st_mtime)[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:
        pass


class BuildEngine(build_ext):
    """Compile every source at once, with our own options rather than those that Python was built with."""

    def build_extension(self, ext: Extension) -> None:
        """Make the engine, or take the one that was made of the same by the same."""
        command = compiler()
        extra = shlex.split(os.environ.get("CXXFLAGS", ""))
        out = Path(self.get_ext_fullpath(ext.name))
        out.parent.mkdir(parents=True, exist_ok=True)
        fresh = out.with_suffix(".new")
        place = kept(command, [*COMPILE, *extra, *link_options(command)])
        if not target() and place.is_file():
            shutil.copyfile(place, fresh)
            fresh.chmod(0o755)
        else:
            self.compile(ext.sources, command, extra, fresh)
            if not target():
                keep(fresh, place)
        fresh.replace(out)  # a process that has the old one loaded keeps it

    def compile(self, sources: list[str], command: list[str], extra: list[str], out: Path) -> None:
        """Compile and link the engine."""
        objects = Path(self.build_temp) / (target() or "here")
        objects.mkdir(parents=True, exist_ok=True)
        include = include_option(objects)

        def compile_one(source: str) -> str:
            made = objects / (Path(source).stem + ".o")
            self.run_command_line([*command, *COMPILE, *extra, include, "-c", source, "-o", str(made)])
            return str(made)

        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            made = list(pool.map(compile_one, sources))
        self.run_command_line([*command, *made, *link_options(command), "-o", str(out)])

    def run_command_line(self, command: list[str]) -> None:
        """Run the compiler; its own words are the error message."""
        if subprocess.run(command, check=False).returncode:
            raise SystemExit("the engine does not compile: " + shlex.join(command))


class TellingWheel(bdist_wheel):
    """A wheel that names in its tag the C library that an engine built here asks for."""

    def get_tag(self) -> tuple[str, str, str]:
        """Return the tags of Python, binary interface and platform."""
        python, abi, system = super().get_tag()
        if system.startswith("linux_") and not target():
            for engine in Path(self.get_finalized_command("build").build_lib).glob("scoring/_engine*.so"):
                asked = [int(minor) for minor in re.findall(rb"GLIBC_2\.(\d+)\b", engine.read_bytes())]
                if asked:  # none with another C library, such as musl
                    system = system.replace("linux_", f"manylinux_2_{max(*asked, 17)}_", 1)
        return python, abi, system


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
    cmdclass={"bdist_wheel": TellingWheel, "build_ext": BuildEngine},
    options={"bdist_wheel": {"py_limited_api": "cp311"} | ({"plat_name": tag} if tag else {})},
)
