"""Where Terraform finds the stand-in: a folder of unpacked providers, and the settings that name it."""

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from standin.bindings import GOOGLE
from standin.cache import kept, python_with
from standin.schema import rebuild

TF = (
    "tf==1.2.0",
    "cffi==2.1.1",
    "cryptography==50.0.2",
    "grpcio==1.85.1",
    "msgpack==1.2.4",
    "protobuf==5.29.6",
    "pycparser==3.12",
    "typing-extensions==4.16.0",
)
"""What the provider process runs on; `tf` wants an older protobuf than Google's clients do."""
TYPES = [
    "google_artifact_registry_repository",
    "google_artifact_registry_repository_iam_member",
    "google_bigquery_connection",
    "google_bigquery_dataset",
    "google_bigquery_routine",
    "google_client_config",
    "google_cloud_run_domain_mapping",
    "google_cloud_run_v2_service",
    "google_cloud_run_v2_service_iam_member",
    "google_project",
    "google_project_iam_member",
    "google_project_service",
    "google_secret_manager_secret",
    "google_secret_manager_secret_iam_member",
    "google_secret_manager_secret_version",
    "google_service_account",
    "google_service_account_iam_member",
    "google_storage_bucket",
    "google_storage_bucket_iam_member",
    "google_storage_bucket_object",
]
"""Resources and data sources of the recipe, and a few that a recipe like it may want."""
PACKAGE = Path(__file__).parent


def schema(version: str) -> Path:
    """Return a file with the rebuilt schema of a Google provider; made anew when the rebuilder changes."""
    bindings = GOOGLE[version]
    source = (
        (PACKAGE / "schema.py").read_bytes()
        + (PACKAGE / "bindings.py").read_bytes()
        + " ".join(TYPES).encode()
    )
    name = f"schemas/google-{version}-{hashlib.sha256(source).hexdigest()[:12]}"

    def make(draft: Path) -> None:
        (draft / "schema.json").write_text(json.dumps(rebuild(bindings, TYPES)))

    return kept(name, make) / "schema.json"


def mirror(version: str, folder: Path) -> Path:
    """Lay out the stand-in in `folder` as an unpacked provider of this version; returns its executable."""
    machine = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
    system = platform.system().lower()
    place = folder / "registry.terraform.io/hashicorp/google" / version / f"{system}_{machine}"
    place.mkdir(parents=True)
    program = place / f"terraform-provider-google_v{version}"
    # HOME: `tf` keeps a certificate there.
    program.write_text(
        "#!/bin/sh\n"
        f"STANDIN_SCHEMA='{schema(version)}' PYTHONPATH='{PACKAGE.parent}' HOME='{folder}' "
        f"exec '{python_with(TF)}' -m standin.provider \"$@\"\n"
    )
    program.chmod(0o755)
    return program


def settings(folder: Path, mirrored: Path) -> Path:
    """Write the settings of Terraform that let it find Google's provider in `mirrored`, and nowhere else."""
    path = folder / "google.tfrc"
    path.write_text(
        "disable_checkpoint = true\nprovider_installation {\n"
        f'  filesystem_mirror {{\n    path = "{mirrored}"\n    include = ["hashicorp/google"]\n  }}\n'
        '  direct {\n    exclude = ["hashicorp/google"]\n  }\n}\n'
    )
    return path


def overrides(folder: Path, program: Path) -> Path:
    """Write settings that name the stand-in as a development override, of which Terraform itself warns."""
    path = folder / "overrides.tfrc"
    path.write_text(
        "disable_checkpoint = true\nprovider_installation {\n"
        f'  dev_overrides {{\n    "hashicorp/google" = "{program.parent}"\n  }}\n  direct {{}}\n}}\n'
    )
    return path


@contextmanager
def running(program: Path, ledger: Path) -> Iterator[str]:
    """Keep one provider process for many commands; yields what TF_REATTACH_PROVIDERS must be.

    Terraform then starts none of its own, which makes a plan several times as fast.
    """
    environment = {**os.environ, "STANDIN_LEDGER": str(ledger), "PYTHONUNBUFFERED": "1"}
    words = [str(program), "--dev"]
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                found = re.search(r"TF_REATTACH_PROVIDERS='(.*)'", line)
                if found:
                    yield found[1]
                    break
            else:
                raise RuntimeError("the stand-in ended before it said where it listens")
        finally:
            process.terminate()
