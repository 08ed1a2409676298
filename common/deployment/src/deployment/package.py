"""Packages: what a template's own builder makes, checked, measured and held against its budget."""

import importlib
import sys
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import scoring
from scoring.problem import Problem

from deployment.template import Template
from deployment.vendor import vendor

_SHOWN = 10  # parts of an archive that the table lists
_BAR = 20  # characters of the bar that shows how much of the budget is used
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Made:
    """What was made, and how large it is."""

    paths: tuple[Path, ...]
    size: int
    """Bytes of all files together."""
    budget: float | None
    """Bytes that the template allows, if it says."""

    @property
    def fits(self) -> bool:
        """Whether the budget is kept."""
        return self.budget is None or self.size <= self.budget


def package(template: Template, options: Mapping[str, str], say: Callable[[str], None]) -> Made:
    """Fill `vendor/`, run the template's builder and check what it made; `say` gets a table of sizes.

    `options` are the builder's own, such as arch=x86_64. Raises Problem, also the builder's.
    """
    _check_core(template)
    vendor(template, say)
    if template.package.builder is None:
        say(f"{template.name} needs no package.")
        return Made((), 0, None)
    with _module(template.folder, template.package.builder) as builder:
        given = builder.package(template.folder, dict(options))
    paths = tuple(dict.fromkeys(Path(path).resolve() for path in given or ()))
    missing = missing_package(template)
    if missing:
        raise Problem(
            "package_incomplete",
            500,
            f"{template.package.builder} ended without making {', '.join(missing)}.",
            "template.toml says in package.makes what it makes: one of them is wrong.",
        )
    paths = paths or tuple(template.folder / path for path in template.package.makes)
    limit = template.budget.get("package_mb")
    measured = tuple(template.folder / path for path in template.package.makes) or paths
    made = Made(paths, sum(map(_size, measured)), None if limit is None else limit * _MEGABYTE)
    for line in table(template.folder, measured, made):
        say(line)
    return made


def vendored(template: Template) -> list[Path]:
    """Have the builder put into `vendor/` what a copy needs besides wheels; gives those files.

    A builder that has such things has a function `vendored(folder) -> list of paths`. Raises Problem.
    """
    if template.package.builder is None:
        return []
    with _module(template.folder, template.package.builder) as builder:
        more = getattr(builder, "vendored", None)
        return [] if more is None else [Path(path) for path in more(template.folder)]


def as_options(words: Sequence[str]) -> dict[str, str]:
    """Read options of a builder, name=value; raises Problem."""
    for word in words:
        if "=" not in word:
            raise Problem("option_invalid", 400, f"{word!r} is no option.", "Write name=value.")
    return {name: value for name, _, value in (word.partition("=") for word in words)}


def missing_package(template: Template) -> list[str]:
    """List the files that `package` would make and that are not there."""
    return [path for path in template.package.makes if not (template.folder / path).exists()]


def outdated_package(template: Template) -> list[str]:
    """List the files of the package that are older than the template's own sources."""
    sources = [template.folder / "pyproject.toml", *(template.folder / "src").rglob("*.py")]
    newest = max((path.stat().st_mtime for path in sources if path.is_file()), default=0.0)
    made = [path for path in template.package.makes if (template.folder / path).is_file()]
    return [path for path in made if (template.folder / path).stat().st_mtime < newest]


def table(folder: Path, paths: Sequence[Path], made: Made) -> Iterator[str]:
    """Lay out sizes: each file, the largest parts of an archive, and the budget as a bar."""
    for path in paths:
        name = path.relative_to(folder) if path.is_relative_to(folder) else path
        yield f"  {_size(path) / _MEGABYTE:8.3f} MB  {name}"
        if path.is_file() and zipfile.is_zipfile(path):
            parts = _parts(path)
            for part, size in parts.most_common(_SHOWN):
                yield f"  {size / _MEGABYTE:8.3f} MB    {part}"
            if len(parts) > _SHOWN:
                rest = sum(parts.values()) - sum(size for _, size in parts.most_common(_SHOWN))
                yield f"  {rest / _MEGABYTE:8.3f} MB    {len(parts) - _SHOWN} others"
    if made.budget:
        share = made.size / made.budget
        bar = "#" * min(_BAR, round(share * _BAR))
        verdict = "" if made.fits else ": OVER THE BUDGET, see [budget] in template.toml"
        yield f"  [{bar:<{_BAR}}] {share:.0%} of {made.budget / _MEGABYTE:g} MB{verdict}"


def _parts(path: Path) -> "Counter[str]":
    """Add up the packed bytes of an archive by its top folders and files."""
    parts: Counter[str] = Counter()
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            parts[member.filename.partition("/")[0]] += member.compress_size
    return parts


def _size(path: Path) -> int:
    if path.is_dir():
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return path.stat().st_size


def _check_core(template: Template) -> None:
    if not template.accepts_core(scoring.__version__):
        raise Problem(
            "core_version",
            400,
            f"{template.name} is written for scoring-core {template.core}; here is {scoring.__version__}.",
            "Take the template of the same release as the scoring core.",
        )


@contextmanager
def _module(folder: Path, name: str) -> Iterator[ModuleType]:
    """Import a module of the template in `folder`, not one of the same name that is installed besides."""
    source = str(folder / "src")
    top = name.partition(".")[0]
    before = {key: module for key, module in sys.modules.items() if key == top or key.startswith(f"{top}.")}
    for key in before:
        del sys.modules[key]
    sys.path.insert(0, source)
    importlib.invalidate_caches()
    try:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as fault:
            raise Problem(
                "builder_missing",
                400,
                f"The builder {name} cannot be imported: {fault}.",
                f"template.toml names it in package.builder; it should lie in {source!r}.",
            ) from fault
        if not callable(getattr(module, "package", None)):
            raise Problem(
                "builder_missing", 400, f"{name} has no function package(folder, options).", "Write one."
            )
        yield module
    finally:
        sys.path.remove(source)
        for key in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[key]
        sys.modules.update(before)
