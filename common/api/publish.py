"""Write openapi.yaml as the JSON that those carry who serve it, so that nobody needs a YAML reader.

Run it with `make api` after every change of openapi.yaml; tests compare them.
"""

import json
import os
from pathlib import Path

import yaml

SOURCE = Path(__file__).with_name("openapi.yaml")
ROOT = Path(__file__).parents[2]
TARGETS = (
    ROOT / "common" / "server" / "src" / "server" / "openapi.json",
    ROOT / "aws-lambda-scorer" / "src" / "aws_lambda_scorer" / "openapi.json",
)


def published() -> str:
    """Return the definition as JSON text."""
    document = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    """Write the JSON files, each whole or not at all."""
    for target in TARGETS:
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        part.write_text(published(), encoding="utf-8")
        part.replace(target)


if __name__ == "__main__":
    main()
