"""The function's zip as its template builds it, made once a process in a copy of the template."""

import atexit
import functools
import platform
import shutil
import tempfile
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Built:
    """A template's package, for this machine's processor."""

    template: Path  # the copy
    archive: Path
    code: Path  # the archive, unzipped as Lambda does it
    handler: str
    runtime: str
    architecture: str  # as Lambda names it


@functools.cache
def built(template: Path, native: bool = False) -> Built:
    """Copy a template, build its package there and unzip it.

    With `native` its engine is the one of this host's compiler, which runs on this host, not at AWS: a first
    cross compiler's build takes minutes.
    """
    from deployment.package import package
    from deployment.template import Template

    folder = Path(tempfile.mkdtemp(prefix="lambda-package-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)  # who asks next is given the same
    left_out = shutil.ignore_patterns(".venv", "build", "*.tfstate*", ".terraform*", "__pycache__", "*.whl")
    copy = Path(shutil.copytree(template, folder / template.name, ignore=left_out))
    architecture = {"aarch64": "arm64"}.get(platform.machine(), platform.machine())
    manifest = Template.read(copy)
    platforms = () if native else (platform.machine(),)  # no wheel for another processor
    manifest = replace(manifest, package=replace(manifest.package, platforms=platforms))
    made = package(manifest, {"arch": architecture}, lambda _: None)
    code = folder / "code"
    with zipfile.ZipFile(made.paths[0]) as archive:
        archive.extractall(code)
    for path in [folder, code, *code.rglob("*")]:
        path.chmod(0o755)
    assert manifest.handler is not None
    assert manifest.runtime is not None
    return Built(copy, made.paths[0], code, manifest.handler, manifest.runtime, architecture)
