"""Write openapi.yaml as the JSON that the server carries, so that no server needs a YAML reader.

Run it with `make api` after every change of openapi.yaml; a test compares the two.
"""

import json
import os
from pathlib import Path

import yaml

SOURCE = Path(__file__).with_name("openapi.yaml")
TARGET = Path(__file__).parents[1] / "server" / "src" / "server" / "openapi.json"


def published() -> str:
    """Return the definition as JSON text."""
    document = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> None:
    """Write the JSON file, whole or not at all."""
    part = TARGET.with_name(f".{TARGET.name}.{os.getpid()}.part")
    part.write_text(published(), encoding="utf-8")
    part.replace(TARGET)


if __name__ == "__main__":
    main()
