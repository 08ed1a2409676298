"""The bill of materials: which libraries are in the image, as CycloneDX 1.5 has it."""

import hashlib
from collections.abc import Mapping
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

from deployment.licence import stated


def bill(folder: Path) -> dict[str, Any]:
    """Return the document for the libraries that are installed in a directory, in the order of their names.

    It has neither a date nor a random number, so that the same libraries give the same document. What the
    base image brings is not in it: the base's publisher lists that.
    """
    components = [_component(path) for path in folder.glob("*.dist-info")]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "gcp-cloud-run-scorer"}},
        "components": sorted(components, key=lambda component: str(component["name"])),
    }


def _component(path: Path) -> Mapping[str, Any]:
    found = HeaderParser().parsestr((path / "METADATA").read_text("utf-8"))
    name, version = str(found["Name"]).lower().replace("_", "-"), str(found["Version"])
    component: dict[str, Any] = {
        "type": "library",
        "name": name,
        "version": version,
        "purl": f"pkg:pypi/{name}@{version}",
        "bom-ref": f"pkg:pypi/{name}@{version}",
        # RECORD has the digest of every file of the library, so this stands for all of them.
        "hashes": [{"alg": "SHA-256", "content": hashlib.sha256((path / "RECORD").read_bytes()).hexdigest()}],
    }
    licence = stated(found)
    if licence:
        component["licenses"] = [{"expression": licence}]
    return component
