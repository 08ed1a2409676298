"""A tiny template without providers, a server that answers for it, and artifacts to deploy."""

import hashlib
import json
import os
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import scoring
from deployment.console import Console
from deployment.deploy import Order
from scoring.artifact import Artifact
from scoring.sample import expectations
from scoring.schema import Field

TINY = Path(__file__).parent / "tiny"
SECRET = "a-signature-that-nobody-may-see"
FOREST = """tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=0
objective=regression
feature_names=a
feature_infos=[0:1]

Tree=0
num_leaves=2
num_cat=0
split_feature=0
split_gain=1
threshold=0.5
decision_type=2
left_child=-1
right_child=-2
leaf_value={low} {high}
leaf_weight=1 3
leaf_count=1 3
internal_value=0
internal_weight=0
internal_count=4
is_linear=0
shrinkage=1


end of trees
"""


def build(path: Path, low: float) -> Path:
    graph = {"format": 1, "inputs": ["a"], "nodes": [], "outputs": [0], "names": ["a"]}
    parts = {
        "name": path.stem,
        "task": "regression",
        "target": "y",
        "labels": (),
        "inputs": (Field("a", "Float64", example="0.25"),),
        "features": json.dumps(graph).encode(),
        "forest": FOREST.format(low=low, high=low + 1.25),
        "libraries": {},
        "data": {},
        "metrics": {},
    }
    scorer = scoring.Scorer(Artifact.create(**parts))
    Artifact.create(**parts, samples=expectations(scorer, [["0.25"], ["0.75"]])).write(path)
    return path


@pytest.fixture(scope="session")
def pipelines(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Give three artifacts with different scores."""
    folder = tmp_path_factory.mktemp("pipelines")
    return [
        build(folder / f"{name}.pipeline", low) for name, low in (("one", 1.5), ("two", 2.5), ("three", 3.5))
    ]


@pytest.fixture(scope="session")
def digests(pipelines: list[Path]) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in pipelines]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Give, and set, an environment in which Terraform knows nothing of this machine's user."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    config = tmp_path / "config.tfrc"
    config.write_text("disable_checkpoint = true\n")
    for name in list(os.environ):
        if name.startswith(("TF_", "AWS_", "SCORING_", "SCORER_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(config))
    monkeypatch.setenv("SCORING_HOME", str(tmp_path / "home"))
    return dict(os.environ)


@dataclass
class Target:
    """The server that stands for what a recipe deploys: it scores with the artifact at `live`."""

    live: Path
    port: int
    key: str
    seen: list[str] = field(default_factory=list)
    status: int = 200
    answer: bytes | None = None
    digest: str | None = None


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            server.seen.append(self.path)
            status, answer = server.status, b"busy"
            if status == 200 and self.headers["x-api-key"] != server.key:
                status, answer = 403, b"no"
            elif status == 200:
                answer = server.answer or scoring.load(server.live).score_json(body)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            if server.digest:
                self.send_header("x-pipeline-digest", server.digest)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        key = hashlib.sha256(f"demo {SECRET}".encode()).hexdigest()
        server = Target(tmp_path / "live", http.server_port, key)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        http.shutdown()
        thread.join()


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Give a copy of the tiny template."""
    return Path(shutil.copytree(TINY, tmp_path / "tiny-scorer"))


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret.tfvars"
    path.write_text(f'signature = "{SECRET}"\n')
    return path


@pytest.fixture
def console() -> Console:
    return Console(yes=True)


@pytest.fixture
def order(
    template: Path, target: Target, environment: dict[str, str], secret_file: Path
) -> Callable[..., Order]:
    """Make an order for the deployment `demo` of the tiny template."""

    def make(pipeline: Path | None, *settings: str, **others: object) -> Order:
        where = (f"port={target.port}", f"live={target.live}")
        return Order(
            str(template),
            pipeline,
            "demo",
            (*where, *settings),
            (secret_file,),
            **others,  # type: ignore[arg-type]
        )

    return make
