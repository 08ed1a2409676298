"""The blocks of the cloud templates' README.md, run as they stand there, in copies, at an emulator of AWS."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]
import pytest
import scoring

OVERRIDE = """provider "aws" {
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
}
"""
DROPPED = ("VIRTUAL_ENV", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "MAKEFLAGS", "MAKELEVEL", "PWD")


def blocks(copy: Path) -> list[str]:
    return re.findall(r"^```sh\n(.*?)^```$", (copy / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def copy(packaged: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """A function: the name of a template -> a copy of it elsewhere, with the project's wheels in vendor/."""

    def copied(name: str) -> Path:
        target = tmp_path / "elsewhere" / "my-scorer"
        left_out = shutil.ignore_patterns("build", "__pycache__", ".terraform*", "*.tfstate*")
        shutil.copytree(packaged(name), target, ignore=left_out)
        return target

    return copied


@pytest.fixture
def run(root: Path, terraform_environment: dict[str, str], tmp_path: Path) -> Callable[..., str]:
    """A function that runs a command as a user does who has a home of their own and uv."""
    kept = {name: text for name, text in terraform_environment.items() if name not in DROPPED}
    if shutil.which("uv") is None and (root / ".uv/bin/uv").exists():
        kept["PATH"] = f"{root / '.uv/bin'}{os.pathsep}{kept['PATH']}"
    kept |= {
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
        "UV_PYTHON": sys.executable,
        "HOME": str(tmp_path / "home"),
    }

    def command(folder: Path, text: str, **more: str) -> str:
        done = subprocess.run(
            ["sh", "-ec", text],
            cwd=folder, env={**kept, **more}, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    return command


def test_the_lambda_page_packages_deploys_and_destroys(
    copy: Callable[[str], Path],
    run: Callable[..., str],
    aws_emulator: Callable[[], AbstractContextManager[str]],
) -> None:
    folder = copy("aws-lambda-scorer")
    (folder / "terraform" / "emulator_override.tf").write_text(OVERRIDE)
    first, *others, last = blocks(folder)

    with aws_emulator() as url:
        secret = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1"}
        account: dict[str, Any] = {
            "endpoint_url": url, "region_name": "us-east-1",
            "aws_access_key_id": "test", "aws_secret_access_key": "test",
        }  # fmt: skip
        lambdas, s3 = boto3.client("lambda", **account), boto3.client("s3", **account)
        said = run(folder, first, AWS_ENDPOINT_URL=url, **secret)
        (function,) = lambdas.list_functions()["Functions"]
        for block in others:
            run(folder, block, AWS_ENDPOINT_URL=url, **secret)
        gone = run(folder, last, AWS_ENDPOINT_URL=url, **secret)

        assert function["FunctionName"] == "model-hydraulic-lambda"
        assert scoring.load(folder / "example" / "cooler.pipeline").digest in said
        assert "Destroy complete" in gone
        assert lambdas.list_functions()["Functions"] == []
        (kept,) = s3.list_buckets()["Buckets"]  # the page says so; what lay in it is gone
        assert "Contents" not in s3.list_objects_v2(Bucket=kept["Name"])
    assert json.loads((folder / "terraform" / "terraform.tfstate").read_text())["resources"] == []


def test_the_sagemaker_page_packages(copy: Callable[[str], Path], run: Callable[..., str]) -> None:
    folder = copy("aws-sagemaker-scorer")

    for block in blocks(folder):
        run(folder, block)

    assert zipfile.ZipFile(folder / "build" / "package.zip").namelist()
    digest = scoring.load(folder / "example" / "cooler.pipeline").digest
    assert (folder / "build" / "models" / f"{digest}.tar.gz").is_file()


def test_the_cloud_run_page_tests_itself(
    root: Path, copy: Callable[[str], Path], run: Callable[..., str]
) -> None:
    found = blocks(root / "gcp-cloud-run-scorer")

    # In a copy with an environment of its own: tests/contract/test_isolation.py runs this very word there.
    assert found == ["make test\n"]


def test_the_tutorial_deploys_to_lambda_as_far_as_the_emulator_goes(
    root: Path,
    packaged: Callable[[str], Path],
    run: Callable[..., str],
    aws_emulator: Callable[[], AbstractContextManager[str]],
    tmp_path: Path,
) -> None:
    """The command is the page's own; the smoke test is left out, since the emulator runs no function."""
    folder = tmp_path / "work"
    left_out = shutil.ignore_patterns("__pycache__", ".terraform*", "*.tfstate*", ".venv")
    shutil.copytree(packaged("aws-lambda-scorer"), folder / "aws-lambda-scorer", ignore=left_out)
    (folder / "aws-lambda-scorer" / "terraform" / "emulator_override.tf").write_text(OVERRIDE)
    shutil.copy(folder / "aws-lambda-scorer" / "example" / "cooler.pipeline", folder)
    found = re.search(
        r"^\$ (scoring deploy aws-lambda-scorer .*)$", (root / "docs/tutorial.md").read_text(), re.MULTILINE
    )
    assert found is not None

    with aws_emulator() as url:
        account: dict[str, Any] = {
            "endpoint_url": url, "region_name": "eu-central-1",
            "aws_access_key_id": "test", "aws_secret_access_key": "test",
        }  # fmt: skip
        s3 = boto3.client("s3", **account)
        place = {"LocationConstraint": "eu-central-1"}
        s3.create_bucket(Bucket="my-bucket", CreateBucketConfiguration=place)
        own = {
            "AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
            "SCORING_HOME": str(tmp_path / "scoring"),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        }  # fmt: skip
        run(folder, f"{found[1]} --yes --no-smoke", **own)
        (function,) = boto3.client("lambda", **account).list_functions()["Functions"]
        stored = [each["Key"] for each in s3.list_objects_v2(Bucket="my-bucket")["Contents"]]
        run(folder, "scoring destroy cooler-lambda --yes", **own)

        assert function["FunctionName"] == "cooler-lambda"
        assert stored == [f"cooler-lambda/{scoring.load(folder / 'cooler.pipeline').digest}.pipeline"]
        assert "Contents" not in s3.list_objects_v2(Bucket="my-bucket")
        assert boto3.client("lambda", **account).list_functions()["Functions"] == []
