"""A publication: all files of a release, in one folder that is there whole or not at all."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from deployment import vendor
from deployment.package import vendored
from deployment.replica import lay
from deployment.template import PLATFORMS, Template
from scoring.draft import not_written
from scoring.problem import Problem

from release import changelog, licences, policy, tarball
from release.bill import NAME as BILL
from release.bill import Made, bill
from release.checkout import Checkout, look
from release.dependency import resolve

SUMS: Final = "SHA256SUMS"
NOTES: Final = "NOTES.md"
LICENCES: Final = "LICENCES.md"

Say = Callable[[str], None]


def publish(root: Path, out: Path, say: Say, dirty: bool = False, kept: Path | None = None) -> Path:
    """Make the release of a checkout in `out`/VERSION, in the place of an earlier one; gives that folder.

    `dirty` releases files that no commit has. Wheels are built from nothing, or taken from the folder `kept`
    if it has them already.

    Raises:
        Problem: the checkout is not fit, a licence is refused, a wheel cannot be built, the checkout changed
            meanwhile, or the folder cannot be written. An earlier release then stays as it was.
    """
    checkout = look(root)
    checkout.check(dirty)
    dependencies = resolve([project for project in checkout.projects[1:] if project.published])
    rules = policy.read(checkout.root)
    rules.check(dependencies.installed)
    with _staged(out / checkout.version) as stage:
        made = list(_wheels(checkout, stage, say, kept))
        made += _archives(checkout, stage, made, say)
        notes = changelog.section(checkout.root, checkout.version)
        _write(stage / NOTES, f"# {checkout.version}\n\n{notes.text}\n")
        _write(stage / LICENCES, licences.table(dependencies, rules, checkout.version))
        shutil.copyfile(checkout.root / "LICENSE", stage / "LICENSE")
        _write(stage / BILL, bill(checkout, made, dependencies))
        _write(stage / SUMS, sums(stage))
        again = look(root)
        if not dirty and (again.commit, again.changed) != (checkout.commit, checkout.changed):
            detail = "The checkout changed while it was being released."
            raise Problem("checkout_changed", 409, detail, "Leave it alone and start again.")
    return out / checkout.version


def sums(folder: Path) -> str:
    """Return the digests of the files in a folder, in the form that `sha256sum --check` reads."""
    digests = (
        (hashlib.sha256(path.read_bytes()).hexdigest(), path.name) for path in sorted(folder.iterdir())
    )
    return "".join(f"{digest}  {name}\n" for digest, name in digests)


def _wheels(checkout: Checkout, stage: Path, say: Say, kept: Path | None) -> Iterator[Made]:
    """Build the wheels, of the core one for each processor."""
    with tempfile.TemporaryDirectory() as scratch:
        for project in checkout.wheels:
            targets = map(vendor.linux, PLATFORMS) if project.name == vendor.CORE else [vendor.HOST]
            for target in targets:
                wheel = vendor.wheel(project.name, project.folder, target, say, kept or Path(scratch))
                copy = stage / wheel.name
                shutil.copyfile(wheel, copy)
                yield Made(copy, project)


def _archives(checkout: Checkout, stage: Path, wheels: list[Made], say: Say) -> Iterator[Made]:
    """Write each template's archive: what is written of it, the wheels that it needs, and the licence."""
    for project in checkout.templates:
        template = Template.read(project.folder)
        needed = tuple(vendor.needed(template))
        own = [wheel.path for wheel in wheels if wheel.project.name in needed]
        missing = set(needed) - {wheel.project.name for wheel in wheels}
        if missing:
            detail = f"{template.name} vendors {', '.join(sorted(missing))}, of which this makes no wheel."
            raise Problem("wheel_missing", 409, detail, "Mend its template.toml.")
        top = f"{template.name}-{project.version}"
        say(f"Archiving {template.name}.")
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / top
            lay(template, folder, [*own, *vendored(template)])
            shutil.copyfile(checkout.root / "LICENSE", folder / "LICENSE")
            path = stage / f"{top}.tar.gz"
            tarball.write(folder, path, top, checkout.moment)
        yield Made(path, project, needed)


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Give a folder to write to; it replaces `target` when the block ends well, else it vanishes."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name}.") as scratch:
            stage, old = Path(scratch) / "new", Path(scratch) / "old"
            stage.mkdir()
            yield stage
            if target.exists():
                target.replace(old)
            try:
                stage.replace(target)
            except OSError:
                if old.exists():
                    old.replace(target)
                raise
    except OSError as fault:
        raise not_written(target, fault) from fault


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
