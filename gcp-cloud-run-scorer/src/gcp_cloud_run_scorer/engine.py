"""The container engine: Docker, Podman or Buildah, whichever is there and works."""

import json
import os
import shlex
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scoring.problem import Problem

ENGINES: Final = ("docker", "podman", "buildah")
EPOCH: Final = "315532800"
"""The start of 1980, in seconds since 1970: the time of every file in the image, or SOURCE_DATE_EPOCH."""


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine that answers. `CONTAINER_ENGINE` may name it with options, such as `podman --root DIR`."""

    name: str
    command: tuple[str, ...]

    @classmethod
    def find(cls, wanted: str | None = None) -> "Engine":
        """Return the engine that is wanted, else the first that works.

        Raises:
            Problem: none works.
        """
        given = wanted or os.environ.get("CONTAINER_ENGINE", "").strip()
        tried = []
        for words in [shlex.split(given)] if given else [[name] for name in ENGINES]:
            name = Path(words[0]).name
            if name not in ENGINES:
                raise Problem("engine_unknown", 400, f"{name} is no engine.", f"Use {', '.join(ENGINES)}.")
            if shutil.which(words[0]) is None:
                tried.append(f"{name} is not installed")
                continue
            engine = cls(name, tuple(words))
            done = engine._attempt("images", "--quiet")
            if done.returncode == 0:
                return engine
            tried.append(f"{name} does not work ({_last(done.stderr)})")
        detail = f"No container engine can build the image: {'; '.join(tried)}."
        hint = "Install Podman or start Docker; or set the recipe's `image` to one that was built elsewhere."
        raise Problem("engine_missing", 500, detail, hint)

    def has(self, tag: str) -> bool:
        """Whether an image is there."""
        return self._attempt("inspect", "--type", "image", tag).returncode == 0

    def build(self, folder: Path, tag: str, arch: str, base: str) -> None:
        """Build the Dockerfile of a folder for a processor; raises Problem with the engine's words."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH", EPOCH)
        how = ["--build-arg", f"BASE={base}", "--platform", f"linux/{arch}", "--tag", tag]
        if self.name == "docker":
            self._run("buildx", "build", "--load", "--provenance=false", *how, str(folder))
        else:
            word = "bud" if self.name == "buildah" else "build"
            self._run(word, "--layers=false", "--pull=false", "--timestamp", epoch, *how, str(folder))

    def measure(self, tag: str) -> tuple[str, int, int]:
        """Return an image's digest, its bytes as a registry would hold it, and those without the base.

        Docker tells the size of the unpacked files only, and no size without the base (0).
        """
        if self.name == "docker":
            found = json.loads(self._run("image", "inspect", tag))[0]
            return str(found["Id"]), int(found["Size"]), 0
        with tempfile.TemporaryDirectory() as folder:
            self._run("push", "--quiet", tag, f"oci:{folder}/image:latest")
            place = Path(folder) / "image"
            digest = str(json.loads((place / "index.json").read_bytes())["manifests"][0]["digest"])
            blobs = place / "blobs" / "sha256"
            layers = json.loads((blobs / digest.partition(":")[2]).read_bytes())["layers"]
            whole = sum(blob.stat().st_size for blob in blobs.iterdir())
            return digest, whole, int(layers[-1]["size"])  # the Dockerfile's own layer is the last

    def push(self, tag: str, place: str) -> str:
        """Push an image to HOST/PATH; return it by the digest that the registry knows.

        Raises:
            Problem: the registry did not take it.
        """
        target = f"{place}:{tag.rpartition(':')[2]}"
        self._run("tag", tag, target)
        if self.name == "docker":
            self._run("push", "--quiet", target)
            found: list[Any] = json.loads(self._run("image", "inspect", target))[0]["RepoDigests"]
            return next(str(name) for name in found if str(name).startswith(f"{place}@"))
        with tempfile.TemporaryDirectory() as folder:
            told = Path(folder) / "digest"
            insecure = ["--tls-verify=false"] if place.startswith(("localhost:", "127.0.0.1:")) else []
            self._run("push", "--quiet", *insecure, "--digestfile", str(told), target, f"docker://{target}")
            return f"{place}@{told.read_text('ascii').strip()}"

    def _attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {"SOURCE_DATE_EPOCH": EPOCH, **os.environ}
        return subprocess.run(
            [*self.command, *words], env=environment, capture_output=True, text=True, check=False
        )

    def _run(self, *words: str) -> str:
        done = self._attempt(*words)
        if done.returncode:
            detail = f"`{self.name} {words[0]}` failed: {done.stderr.strip()[-1500:]}"
            raise Problem("engine_failed", 500, detail, "Mend what it says, and run `make package` again.")
        return done.stdout


def _last(text: str) -> str:
    return text.strip().splitlines()[-1][:200] if text.strip() else "it says nothing"
