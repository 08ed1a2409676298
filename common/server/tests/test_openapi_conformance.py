"""Schemathesis against the running server: what fits the definition, or does not, is answered as defined."""

import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

DOCUMENT = Path(__file__).parents[1] / "src" / "server" / "openapi.json"
CHECKS = (
    "not_a_server_error",
    "response_schema_conformance",
    "content_type_conformance",
    "status_code_conformance",
    "response_headers_conformance",
    "unsupported_method",
)
CONFIG = """
[checks.not_a_server_error]
expected-statuses = [200, 400, 404, 405, 406, 413, 415, 422, 501]
"""


def specific(document: dict[str, Any]) -> dict[str, Any]:
    """Return the definition for one scoring pipeline, so that many requests get as far as the engine."""
    del document["paths"]["/admin/reload"], document["paths"]["/admin/rollback"]  # there are no admin keys
    document["components"]["parameters"]["modelName"]["schema"] = {"enum": ["demo-0"]}
    cell = {
        "anyOf": [
            {"type": "number"},
            {"type": "null"},
            {"type": "boolean"},
            {"type": "string", "maxLength": 6},
        ]
    }
    for name in ("ScoreRequest", "ContributionRequest"):
        members = document["components"]["schemas"][name]["properties"]
        members["fields"] = {"enum": [["a", "b", "c", "d"], ["d", "c", "b", "a"], ["A", "b"]]}
        members["rows"]["items"] = {"type": "array", "minItems": 4, "maxItems": 4, "items": cell}
        document["components"]["schemas"][name].pop("examples")
    for path in ("/model/score", "/model/contribution"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        for media in set(content) - {"application/json"}:  # schemathesis does not write the others
            del content[media]
    return document


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed")
def test_the_server_does_what_the_definition_says(serve: Callable[..., Any], tmp_path: Path) -> None:
    serving = serve()
    document = tmp_path / "openapi.json"
    document.write_text(json.dumps(specific(json.loads(DOCUMENT.read_text("utf-8")))), encoding="utf-8")
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)]
    command += ["--url", f"http://127.0.0.1:{serving.port}", "--checks", ",".join(CHECKS), "--seed", "1"]
    command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "20", "--max-time", "10"]
    found = subprocess.run(
        [*command, "--no-color", "--warnings", "off"],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=tmp_path,
    )
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert not serving.events("defect")
