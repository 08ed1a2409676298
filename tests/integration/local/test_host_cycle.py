"""Templates whose target is this host live here from the first apply to nothing, all in the same way.

A template is one of them as long as it serves HTTP and names no emulator, so one that was just made is, too.
"""

import socket
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import scoring
from cycle import Cycle, Life
from deployment.template import Template
from deployment.terraform import Terraform

ROOT = Path(__file__).parents[3]
MANIFESTS = [*ROOT.glob("*/template.toml"), *ROOT.glob("templates/*/template.toml")]
TEMPLATES = sorted(path.parent for path in MANIFESTS)
HERE = [
    folder
    for folder in TEMPLATES
    if (template := Template.read(folder)).interface == "http" and not template.emulators
]
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


@pytest.fixture(scope="module", params=HERE, ids=lambda folder: folder.name)
def life(
    request: pytest.FixtureRequest,
    packaged: Callable[[str], Path],
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Life:
    """One deployment's life on this host."""
    place = request.param.relative_to(ROOT)
    folder, home = packaged(str(place)), tmp_path_factory.mktemp("life")
    (home / "price.txt").write_text(MODEL)
    scoring.pack(home / "price.txt", home / "price.pipeline", target="price")
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port = opened.getsockname()[1]
    known = (folder / "terraform" / "variables.tf").read_text()
    optional = {"state_dir": str(home / "servers"), "tags": {"team": "rig"}, "workers": 1}
    variables: dict[str, Any] = {
        "name": "life", "pipeline_path": str(folder / "example" / "cooler.pipeline"), "port": port,
        **{name: value for name, value in optional.items() if f'variable "{name}"' in known},
    }  # fmt: skip
    terraform = Terraform(
        folder / "terraform", state=home / "terraform.tfstate", data=home / "data",
        environment=terraform_environment,
    )  # fmt: skip

    def there() -> dict[str, Any]:
        places = (home / "servers", folder / "build" / "running")
        with socket.socket() as opened:
            listening = opened.connect_ex(("127.0.0.1", port)) == 0
        return {"listening": listening, "files": [str(path) for place in places for path in place.rglob("*")]}

    other = home / "price.pipeline"
    scorers = {scorer.digest: scorer for scorer in map(scoring.load, (variables["pipeline_path"], other))}

    def answering(outputs: dict[str, Any]) -> str:
        """What the server says of itself, once its scores are those of that artifact."""
        body, _ = _ask(outputs, "/model/sample_request")
        found, headers = _ask(outputs, "/model/score", body)
        digest: str = headers["x-pipeline-digest"]
        assert found == scorers[digest].score_json(body)
        return digest

    with Life(folder, terraform, variables, other, answering=answering, there=there) as life:
        life.play()
    return life


def _ask(outputs: dict[str, Any], path: str, body: bytes | None = None) -> tuple[bytes, Any]:
    headers = {"content-type": "application/json", "x-api-key": outputs.get("api_key") or ""}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(outputs["url"] + path, body, headers)
    with opener.open(request, timeout=10) as answer:
        return answer.read(), answer.headers


class TestCycle(Cycle):
    pass
