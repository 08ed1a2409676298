"""Promise: a template answers as the definition says that it serves itself, at /openapi.json.

Schemathesis sends what fits the definition and what does not, always the same requests. The server's own
tests do it at greater length; here every template has its turn.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from frames import Golden

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
CELL = {
    "anyOf": [{"type": kind} for kind in ("number", "null", "boolean")]
    + [{"type": "string", "maxLength": 24}]
}
EXAMPLES = 4
SECONDS = 4
MODEL = {
    "/model/score", "/model/contribution", "/model/media-score", "/model/id", "/model/schema",
    "/model/sample_request", "/model/sample_contribution_request", "/model/capabilities",
    "/livez", "/readyz", "/openapi.json",
}  # fmt: skip


def specific(document: dict[str, Any], frame: Golden) -> dict[str, Any]:
    """The definition for one scoring pipeline, so that many requests get as far as the engine."""
    fields = frame.fields
    document["components"]["parameters"]["modelName"]["schema"] = {"enum": [frame.path.stem]}
    for path in [path for path in document["paths"] if path.startswith("/admin/")]:
        del document["paths"][path]  # there are no admin keys
    for name in ("ScoreRequest", "ContributionRequest"):
        schema = document["components"]["schemas"][name]
        row = {"type": "array", "minItems": 6, "maxItems": 6, "items": CELL}
        schema["properties"] |= {
            "fields": {"enum": [fields, fields[::-1], ["A", *fields[1:]]]},
            "rows": {**schema["properties"]["rows"], "items": row, "maxItems": 3},
        }
        schema.pop("examples", None)
    for path in ("/model/score", "/model/contribution"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        for media in set(content) - {"application/json"}:  # schemathesis does not write the others
            del content[media]
    return document


def test_it_serves_its_definition(template: Path, golden: Any, serve: Any) -> None:
    endpoint = serve(template, golden["binomial"].path)

    got = endpoint.send("GET", "/openapi.json")

    assert got.status == 200
    assert got.json["openapi"].startswith("3.")
    assert set(got.json["paths"]) >= MODEL
    refused = {
        "/model/contribution": 405,
        "/model/media-score": 405,
        "/model/score": 404,
    }  # it reads no files
    for path in MODEL:
        assert endpoint.send("GET", path).status == refused.get(path, 200), path


def test_it_does_what_its_definition_says(template: Path, golden: Any, serve: Any, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    frame = golden["binomial"]
    endpoint = serve(template, frame.path)
    served = endpoint.send("GET", "/openapi.json").json
    document, config = tmp_path / "openapi.json", tmp_path / "schemathesis.toml"
    document.write_text(json.dumps(specific(served, frame)))
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run", str(document)]
    command += ["--url", f"http://127.0.0.1:{endpoint.port}", "--checks", ",".join(CHECKS), "--seed", "1"]
    command += ["--phases", "coverage,fuzzing", "--max-examples", str(EXAMPLES)]
    command += ["--max-time", str(SECONDS), "--no-color", "--warnings", "off"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=tmp_path, check=False)

    print(done.stdout[-3000:])
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
