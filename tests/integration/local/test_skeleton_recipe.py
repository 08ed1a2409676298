"""The skeleton: the blocks of its README run as they stand, in a copy that was made as anybody makes one."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import scoring
from deployment.replica import replicate
from deployment.template import Template


@pytest.fixture
def port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])


@pytest.fixture(scope="module")
def copy(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The skeleton, alone, with an environment of its own in which `make package` was run."""
    target = tmp_path_factory.mktemp("skeleton") / "copy"
    replicate(Template.read(root / "templates" / "skeleton"), target, None, lambda _: None)
    run(target, os.environ, "make package")
    return target


def run(folder: Path, environment: "os._Environ[str] | dict[str, str]", command: str) -> str:
    kept = {name: text for name, text in environment.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.prefix).parent / ".uv" / "bin"))
    assert uv is not None
    kept |= {"PATH": os.pathsep.join([str(Path(uv).parent), kept["PATH"]]), "UV_PYTHON": sys.executable}
    done = subprocess.run(
        ["sh", "-ec", command], cwd=folder, env=kept, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_blocks_of_the_readme_do_what_they_say(
    copy: Path, port: str, terraform_environment: dict[str, str]
) -> None:
    text = (copy / "README.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    environment = {**terraform_environment, "TF_VAR_port": port}

    told = [run(copy, environment, block.replace(":8080", f":{port}")) for block in blocks]

    assert len(told) == 4
    body = (copy / "example" / "request.json").read_bytes()
    expected = scoring.load(copy / "example" / "cooler.pipeline").score_json(body).decode()
    assert told[1].count(expected) == 2
    assert '"event":"request"' in told[2].replace(" ", "")
    assert "Destroy complete" in told[3]
    assert list((copy / "build" / "running").iterdir()) == []
