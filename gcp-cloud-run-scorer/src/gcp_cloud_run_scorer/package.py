"""Packaging: the container image, built here, measured, and pushed by digest when a repository is named.

Options: `repository=REGION-docker.pkg.dev/PROJECT/REPOSITORY` pushes; `arch=x86_64` (Cloud Run's own; or
`aarch64`); `download=yes` puts google-cloud-storage into the image; `engine=podman` (or docker, buildah: else
the first of them that works); `base=IMAGE@sha256:...` builds on that very image.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from scoring.draft import drafted
from scoring.problem import Problem

from gcp_cloud_run_scorer.engine import Engine
from gcp_cloud_run_scorer.libraries import PLATFORMS, install
from gcp_cloud_run_scorer.sbom import bill

BASE: Final = "docker.io/library/python:3.11-slim"
_OPTIONS: Final = ("arch", "base", "download", "engine", "repository")


def package(folder: Path, options: Mapping[str, str]) -> list[Path]:
    """Build the image of the template in `folder`; return the files that say what was built.

    `build/image.json` has `digest` (of the manifest), `bytes` (compressed, also without the base), `tag`,
    `inputs` and `reference`, which is the pushed image by digest, or null. When nothing changed, nothing is
    built again; the repository is remembered, so that later images are pushed there too.

    Raises:
        Problem: an option is wrong, no container engine works, or one of its commands failed.
    """
    for name in options:
        if name not in _OPTIONS:
            raise Problem("option_unknown", 400, f"{name} is no option.", f"There are {', '.join(_OPTIONS)}.")
    arch = PLATFORMS.get(options.get("arch", "x86_64"))
    if arch is None:
        detail = f"arch is {options['arch']!r}."
        raise Problem("option_invalid", 400, detail, f"It can be {' or '.join(PLATFORMS)}.")
    engine = Engine.find(options.get("engine"))
    build = folder / "build"
    libraries = build / "image" / arch.image
    install(folder, libraries, arch, download=_yes(options.get("download", "")))
    listed = build / f"sbom-{arch.image}.json"
    _write(listed, bill(libraries))
    base = options.get("base", BASE)
    about = build / "image.json"
    inputs = _inputs(folder, libraries, listed, f"{base} {arch.image}")
    before = _read(about)
    repository = options.get("repository", str(before.get("repository") or "")).strip("/")
    if before.get("inputs") == inputs and engine.has(str(before.get("tag"))):
        made = before
    else:
        tag = f"localhost/{folder.resolve().name}:{inputs[:12]}"
        engine.build(folder, tag, arch.image, base)
        digest, size, added = engine.measure(tag)
        made = {"bytes": size, "bytes_without_base": added, "digest": digest, "inputs": inputs}
        made |= {"reference": None, "tag": tag}
    if repository and not str(made["reference"]).startswith(f"{repository}/"):
        made["repository"] = repository
        made["reference"] = engine.push(str(made["tag"]), f"{repository}/{folder.resolve().name}")
    _write(about, made)
    return [about, listed]


def _inputs(folder: Path, libraries: Path, listed: Path, more: str) -> str:
    """Return a digest of all that goes into the image."""
    total = hashlib.sha256(more.encode())
    sources = [*libraries.rglob("*"), *(folder / "src").rglob("*.py"), folder / "Dockerfile", listed]
    for path in sorted(path for path in sources if path.is_file() and "__pycache__" not in path.parts):
        total.update(f"{path.relative_to(folder)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _yes(text: str) -> bool:
    if text not in ("", "no", "yes"):
        raise Problem("option_invalid", 400, f"download is {text!r}.", "It can be yes or no.")
    return text == "yes"


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with drafted(path) as draft:
        draft.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", "utf-8")
