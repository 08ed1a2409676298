"""The package: `build/function.zip`, the same bytes from the same inputs, made without Docker on any machine.

It holds the engine and the contract from the wheel in `vendor/`, the handler, and bytecode for the target's
Python. Options: `arch` (arm64 or x86_64), `python` (such as 3.13; template.toml's runtime by default) and
`numpy` (yes, no, or auto: only if the core cannot be imported without it).
"""

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from deployment.archive import zipped
from scoring.draft import drafted
from scoring.problem import Problem

from aws_lambda_scorer import proof

_PROCESSORS: Final = {"arm64": "aarch64", "aarch64": "aarch64", "x86_64": "x86_64"}
_OPTIONS: Final = ("arch", "python", "numpy")
_NOT_SCORING: Final = ("pack_*.py", "packing.py", "parity.py", "sample.py", "*.pyi", "py.typed")
"""What the core has for packing artifacts, and for type checkers."""
_NOT_RUNNING: Final = ("__main__.py", "package.py", "proof.py", "py.typed")
_NOT_NUMPY: Final = ("f2py", "random", "polynomial", "testing", "distutils", "_pyinstaller", "_core/include")
"""Parts of numpy that it imports only when asked, and nobody here asks."""
_UNPACKED: Final = 40_000_000
_COMPILE: Final = """
import py_compile, sys
from pathlib import Path
root = Path(sys.argv[1])
for path in sorted(root.rglob("*.py")):
    name = path.relative_to(root).as_posix()
    py_compile.compile(path, dfile=f"/var/task/{name}", doraise=True, quiet=1,
                       invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
"""


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Make `build/function.zip` of the template in `folder`, prove it, return its path; raises Problem."""
    for name in options:
        if name not in _OPTIONS:
            raise _wrong(f"There is no option {name!r}.", f"The options are {', '.join(_OPTIONS)}.")
    arch = options.get("arch", "arm64")
    processor = _PROCESSORS.get(arch)
    if processor is None:
        raise _wrong(f"There is no arch {arch!r}.", "Say arch=arm64 or arch=x86_64.")
    wanted = options.get("numpy", "auto")
    if wanted not in ("auto", "yes", "no"):
        raise _wrong(f"The option numpy is {wanted!r}.", "Say numpy=auto, numpy=yes or numpy=no.")
    template = tomllib.loads((folder / "template.toml").read_text(encoding="utf-8"))
    version = options.get("python", template["runtime"]).removeprefix("python")
    python = _interpreter(version)
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        _fill(tree, folder, processor)
        engine = _engine(folder, Path(scratch), tree, processor)
        with_numpy = wanted == "yes" or (wanted == "auto" and proof.needs_numpy(tree, engine, python))
        if with_numpy:
            _numpy(tree, folder, processor, version)
        _compile(tree, python)
        archive = folder / "build" / "function.zip"
        archive.parent.mkdir(exist_ok=True)
        with drafted(archive) as draft:
            whole = {
                path.relative_to(tree).as_posix(): path.read_bytes()
                for path in tree.rglob("*")
                if path.is_file()
            }
            draft.write_bytes(zipped(whole, level=9))
        unpacked = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
        if unpacked > _UNPACKED and not with_numpy:
            detail = f"The package unpacks to {unpacked} bytes."
            raise Problem("package_too_large", 500, detail, "Look at its parts.")
        found = proof.proved(folder, archive, engine, python, with_numpy)
    more = ", numpy included" * with_numpy
    print(f"  {arch}, python{version}: {unpacked / 1e6:.1f} MB unpacked{more}; {found}")
    return [archive]


def _wrong(detail: str, hint: str) -> Problem:
    return Problem("option_invalid", 400, detail, hint)


def _wheel(folder: Path, processor: str) -> Path:
    found = sorted((folder / "vendor").glob(f"scoring_core-*{processor}.whl"))
    if not found:
        hint = (
            "`make package` puts it there: run it in a checkout of the monorepo, or copy a release's vendor/."
        )
        detail = f"{str(folder / 'vendor')!r} has no wheel of scoring-core for {processor}."
        raise Problem("vendor_missing", 400, detail, hint)
    return found[-1]


def _fill(tree: Path, folder: Path, processor: str) -> None:
    """Lay out what the function imports."""
    with zipfile.ZipFile(_wheel(folder, processor)) as wheel:
        for member in wheel.infolist():
            top, _, name = member.filename.partition("/")
            if top == "scoring" and not any(fnmatch(name, pattern) for pattern in _NOT_SCORING):
                wheel.extract(member, tree)
    target = tree / "aws_lambda_scorer"
    target.mkdir()
    for path in sorted((folder / "src" / "aws_lambda_scorer").iterdir()):
        if path.is_file() and path.name not in _NOT_RUNNING:
            shutil.copyfile(path, target / path.name)


def _engine(folder: Path, scratch: Path, tree: Path, processor: str) -> Path | None:
    """Return an engine that runs here: the tree's own (None), or this machine's from its wheel."""
    here = os.uname().machine if sys.platform == "linux" else ""
    if here == processor:
        return None
    name = next((tree / "scoring").glob("_engine*.so")).name
    wheels = sorted((folder / "vendor").glob(f"scoring_core-*{here or 'macosx'}*.whl"))
    if wheels:
        with zipfile.ZipFile(wheels[-1]) as wheel:
            member = next(found for found in wheel.namelist() if fnmatch(found, "scoring/_engine*.so"))
            place = scratch / name
            place.write_bytes(wheel.read(member))
            return place
    import scoring._engine

    return Path(scoring._engine.__file__)  # the one that this command itself runs with


def _numpy(tree: Path, folder: Path, processor: str, version: str) -> None:
    uv = os.environ.get("UV") or shutil.which("uv") or str(Path(sys.prefix).parent / ".uv" / "bin" / "uv")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", str(tree)]
    # python3.11 runs on Amazon Linux 2 with glibc 2.26; later runtimes are on Amazon Linux 2023 with 2.34.
    glibc = "2_17" if version == "3.11" else "2_28"
    command += [
        "--python-platform",
        f"{processor}-manylinux_{glibc}",
        "--python-version",
        version,
        "numpy>=1.26",
    ]
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if ended.returncode:
        detail = f"numpy for {processor} cannot be had: {ended.stderr.strip()[-500:]}"
        raise Problem("numpy_missing", 500, detail, "See that the package index can be reached.")
    for path in tree.iterdir():  # what installers leave behind
        if path.name not in ("scoring", "aws_lambda_scorer", "numpy", "numpy.libs"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for name in _NOT_NUMPY:
        shutil.rmtree(tree / "numpy" / name, ignore_errors=True)
    for path in sorted((tree / "numpy").rglob("*")):
        if path.suffix in (".pyi", ".a", ".h") or (path.name == "tests" and path.parent.name != "_core"):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _interpreter(version: str) -> str:
    """Find the Python whose bytecode the runtime reads."""
    if version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is not None:
        asked = [found, "-I", "-S", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
        said = subprocess.run(asked, capture_output=True, text=True, check=False)
        if said.stdout.strip() == version:
            return found
    hint = f"Install it, for instance with `uv python install {version}`, or package for another runtime."
    raise Problem("python_missing", 400, f"There is no python{version} here to compile bytecode with.", hint)


def _compile(tree: Path, python: str) -> None:
    command = [python, "-I", "-S", "-c", _COMPILE, str(tree)]
    environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ended.returncode:
        raise Problem("not_compiled", 500, f"The code cannot be compiled: {ended.stderr.strip()[-500:]}", "")
