"""The skeleton: the blocks of its README run as they stand, and a deployment lives from apply to nothing."""

import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import scoring
from deployment.replica import replicate
from deployment.template import Template
from deployment.terraform import Terraform

MODEL = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=area
feature_infos=[0:9]
tree_sizes=0

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=4
decision_type=2
left_child=-1
right_child=-2
leaf_value=1.5 2.5
leaf_weight=1 1
leaf_count=1 1
internal_value=2
internal_weight=2
internal_count=2
is_linear=0
shrinkage=1


end of trees
"""


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


def get(port: str, path: str) -> tuple[bytes, dict[str, str]]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return answer.read(), {name.lower(): text for name, text in answer.headers.items()}


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


def test_apply_empty_plan_another_model_rollback_nothing(
    copy: Path, port: str, terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "price.txt").write_text(MODEL)
    scoring.pack(tmp_path / "price.txt", tmp_path / "price.pipeline", target="price")
    first, second = copy / "example" / "cooler.pipeline", tmp_path / "price.pipeline"
    state, data = tmp_path / "terraform.tfstate", tmp_path / "data"
    terraform = Terraform(copy / "terraform", state=state, data=data, environment=terraform_environment)
    terraform.init()
    for pipeline in (first, second, first):
        variables = {
            "name": "life", "pipeline_path": str(pipeline), "port": int(port), "tags": {"team": "rig"}
        }  # fmt: skip
        terraform.apply(terraform.plan(variables))

        assert get(port, "/readyz")[1]["x-pipeline-digest"] == scoring.load(pipeline).digest
        assert b'team="rig"' in get(port, "/metrics")[0]
        assert terraform.plan(variables).empty
    terraform.destroy(variables)

    assert terraform.resources() == []
    assert not (copy / "build" / "running" / "life").exists()
    with pytest.raises(OSError, match="refused"):
        get(port, "/readyz")
