"""A template: a directory that says in `template.toml` what it is."""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.problem import Problem
from scoring.spelling import nearest

FILE = "template.toml"
INTERFACES = ("http", "sql")
AUTHS = ("api-key", "iam", "none")
ROLLBACKS = ("release", "pipeline")
PLATFORMS = ("x86_64", "aarch64")

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_RUNTIME = re.compile(r"python3\.\d+")
_CLAUSE = re.compile(r"(>=|<=|==|!=|>|<)\s*(\d+(?:\.\d+)*)")

_NEEDED = ("name", "target", "core", "interface", "auth", "emulators", "rollback")
_TOP = (*_NEEDED, "handler", "runtime", "package", "budget")
_PACKAGE = ("builder", "makes", "vendor", "platforms")
_BUDGET = ("package_mb", "image_mb", "start_cpu_s", "request_cpu_ms")


@dataclass(frozen=True)
class Package:
    """What `package` makes before `terraform apply` can use it."""

    builder: str | None = None
    """Module with `package(folder, options) -> list of paths`."""
    makes: tuple[str, ...] = ()
    """Files that it makes, relative to the template."""
    vendor: tuple[str, ...] = ()
    """Distributions of this project whose wheels vendor/ must hold."""
    platforms: tuple[str, ...] = ()
    """Processors that need a wheel of the scoring core of their own."""


@dataclass(frozen=True)
class Template:
    """A template, as its `template.toml` describes it."""

    folder: Path
    name: str
    target: str
    core: str
    interface: str
    auth: str
    emulators: tuple[str, ...]
    rollback: str
    handler: str | None = None
    runtime: str | None = None
    package: Package = field(default_factory=Package)
    budget: Mapping[str, float] = field(default_factory=dict)
    """How large its package or image may be, in megabytes, and how much processor time starting and a request
    of one row may take, in seconds and milliseconds."""

    @property
    def recipe(self) -> Path:
        """The folder with the template's Terraform."""
        return self.folder / "terraform"

    def accepts_core(self, version: str) -> bool:
        """Say whether a version of the scoring core is one that the template was written for."""
        own = _version(version)
        return all(_COMPARE[sign](own, _version(other)) for sign, other in _CLAUSE.findall(self.core))

    @classmethod
    def read(cls, folder: Path) -> "Template":
        """Read and check `template.toml`; raises Problem that lists everything that is wrong with it."""
        folder = folder.resolve()
        path = folder / FILE
        try:
            body = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise Problem(
                "template_not_found",
                404,
                f"{str(folder)!r} is no template: it has no {FILE}.",
                "Name a template's directory.",
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as fault:
            raise Problem(
                "template_invalid", 400, f"{str(path)!r} cannot be read: {fault}.", "Mend the file."
            ) from None
        faults = _Faults()
        known = faults.check(body)
        if faults.found:
            count = len(faults.found)
            raise Problem(
                "template_invalid",
                400,
                f"{str(path)!r} has {count} fault{'s' * (count > 1)}.",
                "Mend each; templates/README.md describes the file.",
                faults.found,
            )
        return cls(folder=folder, **known)


class _Faults:
    """Checks a document and keeps every fault."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []

    def check(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Give the arguments of Template; they are whole only when no fault was found."""
        self._names(body, _TOP, "")
        for name in _NEEDED:
            if name not in body:
                self._add(name, "It is missing.")
        known: dict[str, Any] = {
            "name": self._text(body, "name", _NAME, "lower-case words with hyphens"),
            "target": self._text(body, "target", None, ""),
            "core": self._core(body),
            "interface": self._choice(body, "interface", INTERFACES),
            "auth": self._choice(body, "auth", AUTHS),
            "emulators": self._texts(body, "emulators"),
            "rollback": self._choice(body, "rollback", ROLLBACKS),
            "handler": self._text(body, "handler", _MODULE, "module.function"),
            "runtime": self._text(body, "runtime", _RUNTIME, 'such as "python3.11"'),
        }
        known["package"] = self._package(body.get("package", {}))
        known["budget"] = self._budget(body.get("budget", {}))
        return known

    def _add(self, place: str, detail: str, hint: str = "") -> None:
        self.found.append({"field": place, "detail": detail, "hint": hint})

    def _names(self, body: Mapping[str, Any], known: tuple[str, ...], table: str) -> None:
        for name in body:
            if name not in known:
                close = nearest(name, known)
                hint = f"Did you mean {close!r}?" if close else f"Known are {', '.join(known)}."
                self._add(table + name, "It is not known.", hint)

    def _text(
        self, body: Mapping[str, Any], name: str, shape: "re.Pattern[str] | None", kind: str, table: str = ""
    ) -> str | None:
        value = body.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            self._add(table + name, f"It is {value!r}, expected a text.")
            return None
        if shape is not None and not shape.fullmatch(value):
            self._add(table + name, f"It is {value!r}, expected {kind}.")
        return value

    def _texts(self, body: Mapping[str, Any], name: str, table: str = "") -> tuple[str, ...]:
        value = body.get(name, [])
        if not isinstance(value, list) or not all(isinstance(part, str) and part for part in value):
            self._add(table + name, f"It is {value!r}, expected a list of texts.")
            return ()
        return tuple(value)

    def _choice(self, body: Mapping[str, Any], name: str, choices: tuple[str, ...]) -> str | None:
        value = self._text(body, name, None, "")
        if value is not None and value not in choices:
            close = nearest(value, choices)
            hint = f"Did you mean {close!r}?" if close else ""
            self._add(name, f"It is {value!r}, expected one of {', '.join(choices)}.", hint)
        return value

    def _core(self, body: Mapping[str, Any]) -> str | None:
        value = self._text(body, "core", None, "")
        clauses = [] if value is None else value.split(",")
        if not all(_CLAUSE.fullmatch(clause.strip()) for clause in clauses):
            self._add("core", f"It is {value!r}, expected versions such as '>=0.1,<0.2'.")
        return value

    def _package(self, body: Any) -> Package:
        if not isinstance(body, dict):
            self._add("package", "It is no table.")
            return Package()
        table = "package."
        self._names(body, _PACKAGE, table)
        package = Package(
            self._text(body, "builder", _MODULE, "a module's name", table),
            self._texts(body, "makes", table),
            self._texts(body, "vendor", table),
            self._texts(body, "platforms", table),
        )
        for path in package.makes:
            if Path(path).is_absolute() or ".." in Path(path).parts:
                self._add("package.makes", f"{path!r} leaves the template's directory.")
        for platform in package.platforms:
            if platform not in PLATFORMS:
                self._add("package.platforms", f"{platform!r} is not one of {', '.join(PLATFORMS)}.")
        if package.makes and package.builder is None:
            self._add("package.builder", "It is missing, but `makes` names what it makes.")
        return package

    def _budget(self, body: Any) -> dict[str, float]:
        if not isinstance(body, dict):
            self._add("budget", "It is no table.")
            return {}
        self._names(body, _BUDGET, "budget.")
        for name, value in body.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
                self._add(f"budget.{name}", f"It is {value!r}, expected a number above 0.")
        return dict(body)


def _version(text: str) -> tuple[int, ...]:
    numbers = tuple(int(part) for part in re.findall(r"\d+", text)[:3])
    return numbers + (0,) * (3 - len(numbers))


_COMPARE: Mapping[str, Callable[[tuple[int, ...], tuple[int, ...]], bool]] = {
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
}
