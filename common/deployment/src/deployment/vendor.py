"""The wheels of this project that a template carries along, so that a copy of it needs nothing else.

Where a distribution is installed editable, that is in a checkout of the monorepo, its wheels are built from
those sources. In a copy of a template they must be there already. They are never looked for in a package
index: somebody else may have taken the name there.
"""

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

from scoring.draft import drafted
from scoring.problem import Problem

from deployment.process import run
from deployment.template import Template

CORE = "scoring-core"
"""The one distribution with machine code."""

HOST = ""
"""The platform of a wheel that this machine's own compiler builds."""

_EPOCH = "315532800"  # 1980-01-01, the first day that a zip archive can name
_LEFT_OUT = ("build", "dist", "tests", "*.so", "*.egg-info", "__pycache__", ".*")
_SHOWN = 6  # lines that a problem repeats of what a build says
_RECIPE = "2"  # changes when wheels are built in another way, so that older ones are not taken from the cache
_TOOLS = Path(__file__).with_name("tools.txt")  # what builds wheels, in versions: others write other bytes


def vendor(template: Template, say: Callable[[str], None]) -> list[Path]:
    """See to it that `vendor/` holds the wheels that the template needs; gives their paths.

    Needed are those that template.toml names, and those that pyproject.toml asks for: a copy's environment
    must not look for them anywhere else.

    Raises Problem when one is missing and there are no sources to build it from, or when it cannot be built.
    """
    folder = template.folder / "vendor"
    wheels = []
    for name in needed(template):
        sources = editable(name)
        if sources is None:
            wheels += _present(folder, name, template.package.platforms)
            continue
        targets = _targets(name, template.package.platforms)
        wheels += _put(folder, name, [wheel(name, sources, target, say, cache()) for target in targets])
    return wheels


def needed(template: Template) -> list[str]:
    """Name the distributions of this project whose wheels a copy of the template needs."""
    return list(dict.fromkeys([*template.package.vendor, *_asked_for(template.folder)]))


def wheel(name: str, sources: Path, target: str, say: Callable[[str], None], kept: Path) -> Path:
    """Give the wheel of these sources for HOST or what `linux` names, from the folder `kept` or built now.

    The same sources give the same bytes: the tools that build are pinned, see `tools`. Raises Problem.
    """
    place = kept / f"{name}-{_digest(sources, target)[:24]}"
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        found = sorted(place.glob("*.whl"))
        if found:
            return found[0]
        say(f"Building the wheel of {name}{f' for {target}' if target else ''}.")
        with tempfile.TemporaryDirectory(dir=place.parent) as scratch:
            _build(name, sources, target, Path(scratch))
            (Path(scratch) / "out").replace(place)
    return next(iter(sorted(place.glob("*.whl"))))


def linux(processor: str) -> str:
    """Name what the core is built for, so that it runs on any Linux with glibc and this processor."""
    return f"{processor}-linux-gnu.2.17"


def tools() -> dict[str, str]:
    """Give the versions of the tools that build wheels, by name."""
    lines = _TOOLS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def editable(name: str) -> Path | None:
    """Find the sources of a distribution that is installed editable (PEP 610), else None."""
    try:
        text = metadata.distribution(name).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return None
    origin = json.loads(text) if text else {}
    if not origin.get("dir_info", {}).get("editable"):
        return None
    folder = Path(unquote(urlparse(origin["url"]).path))
    return folder if (folder / "pyproject.toml").is_file() else None


def find_uv(folder: Path) -> str:
    """Find uv: the one that runs this, one on the PATH, or one that a Makefile put beside `folder`."""
    if Path(os.environ.get("UV", "")).is_file():
        return os.environ["UV"]
    places = [place / ".uv" / "bin" for place in (folder, *Path(sys.prefix).parents)]
    path = os.pathsep.join([os.environ.get("PATH", ""), *map(str, places)])
    found = shutil.which("uv", path=path)
    if found is None:
        raise Problem("uv_missing", 500, "Packaging needs uv, which is not on the PATH.", "Install uv.")
    return found


def cache() -> Path:
    """Name the folder in which built wheels are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scoring" / "wheels"


def _asked_for(folder: Path) -> Iterator[str]:
    """Name the distributions of this project among the dependencies and groups of a pyproject.toml."""
    path = folder / "pyproject.toml"
    body = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    lists = [body.get("project", {}).get("dependencies", []), *body.get("dependency-groups", {}).values()]
    for line in (line for lines in lists for line in lines if isinstance(line, str)):
        found = re.match(r"scoring-[a-z0-9-]+", line)
        if found:
            yield found.group()


def _targets(name: str, platforms: tuple[str, ...]) -> list[str]:
    """List what to build a distribution for: the core for the processors that were named, and this machine.

    Where none are named, the package is for the machine that makes it, whose own compiler is quicker.
    """
    if name != CORE or not platforms:
        return [HOST]
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        return [HOST, *map(linux, platforms)]
    return list(map(linux, dict.fromkeys([*platforms, platform.machine()])))


def _build(name: str, sources: Path, target: str, scratch: Path) -> None:
    copy = scratch / "sources"
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns(*_LEFT_OUT))
    for path in copy.rglob("*"):  # the same bytes whatever this user's umask is
        path.chmod(0o755 if path.is_dir() else 0o644)
    command = [find_uv(sources), "build", "--wheel", "--python", sys.executable]
    command += ["--force-pep517", "--build-constraints", str(_TOOLS)]  # a uv would build with its own version
    command += ["--out-dir", str(scratch / "out"), str(copy)]
    environment = {**os.environ, "SCORING_TARGET": target, "SOURCE_DATE_EPOCH": _EPOCH, "PYTHONHASHSEED": "0"}
    environment.pop("PYTHONPATH", None)
    ended = run(command, scratch, environment)
    if ended.code or not list((scratch / "out").glob("*.whl")):
        raise Problem(
            "wheel_not_built",
            500,
            f"The wheel of {name} cannot be built: {_why(ended.err or ended.out)}",
            "Mend the sources, or see that the package index with the build tools is reached.",
        )


def _why(text: str) -> str:
    """Pick the lines that tell of errors, or the end, from all that a build says."""
    lines = text.strip().splitlines()
    told = [line.strip() for line in lines if "error" in line.lower()][:_SHOWN]
    return " | ".join(told or lines[-_SHOWN:])


def _put(folder: Path, name: str, wheels: list[Path]) -> list[Path]:
    """Copy wheels to the vendor folder and remove older ones of the same distribution."""
    folder.mkdir(exist_ok=True)
    wanted = {wheel.name: wheel for wheel in wheels}
    for old in folder.glob(f"{_stem(name)}-*.whl"):
        if old.name not in wanted:
            old.unlink()
    for wheel in wheels:
        target = folder / wheel.name
        if not target.is_file() or target.read_bytes() != wheel.read_bytes():
            with drafted(target) as draft:
                shutil.copyfile(wheel, draft)
    return [folder / wheel for wheel in wanted]


def _present(folder: Path, name: str, platforms: tuple[str, ...]) -> list[Path]:
    """Give the wheels that a copy of a template must have; raises Problem naming the one that is missing."""
    found = sorted(folder.glob(f"{_stem(name)}-*.whl"))
    wanted = platforms if name == CORE and platforms else ("",)
    for processor in wanted:
        if not any(wheel.stem.endswith(processor) for wheel in found):
            what = f"{name} for {processor}" if processor else name
            raise Problem(
                "vendor_missing",
                400,
                f"{str(folder)!r} has no wheel of {what}.",
                "Run `make package` in the template's directory in a checkout of the monorepo and copy the "
                "directory after that, or take the template's release archive, which holds the wheels.",
            )
    return found


def _stem(name: str) -> str:
    return name.replace("-", "_")


def _digest(sources: Path, target: str) -> str:
    """Digest everything that decides what the wheel holds."""
    ignored = shutil.ignore_patterns(*_LEFT_OUT)
    whole = hashlib.sha256(f"{_RECIPE}\0{target}\0{_EPOCH}\0{sorted(tools().items())}".encode())
    if target == HOST:
        whole.update(f"{sys.platform}\0{platform.machine()}\0{sys.version_info[:2]}".encode())
    for top, folders, files in os.walk(sources):
        left_out = ignored(top, [*folders, *files])
        folders[:] = sorted(set(folders) - left_out)
        for file in sorted(set(files) - left_out):
            path = Path(top) / file
            whole.update(f"{path.relative_to(sources).as_posix()}\0{path.stat().st_size}\0".encode())
            whole.update(path.read_bytes())
    return whole.hexdigest()


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep other processes from building the same wheel meanwhile."""
    with place.with_name(f".{place.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
