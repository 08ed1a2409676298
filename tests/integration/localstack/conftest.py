"""LocalStack without a container engine, the recipe applied to it, and a client of what it serves.

The tests of this folder share one deployment and are read from top to bottom, file by file: the last one
destroys it.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
for folder in (HERE, HERE / "plugin" / "src"):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

from lambda_sandbox import parts  # noqa: E402
from lambda_sandbox.faults import Faults  # noqa: E402
from lambda_sandbox.localstack import LocalStack, free_port  # noqa: E402
from lambda_sandbox.package import Built, built  # noqa: E402
from lambda_sandbox.sandbox import unavailable  # noqa: E402
from localstack_service import Cloud, Service, other_pipeline  # noqa: E402

SHOWN = 60  # last lines of LocalStack's log that a failure prints


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Print the end of LocalStack's log where a test of this folder failed."""
    report = yield
    cloud = getattr(item, "funcargs", {}).get("cloud")
    if report.failed and cloud is not None:
        lines = cloud.log.read_text(errors="replace").splitlines()
        report.sections.append((f"LocalStack's log, {cloud.log}", "\n".join(lines[-SHOWN:])))
    return report


@pytest.fixture(scope="session")
def function_package(root: Path) -> Built:
    """The Lambda template's package, built as `make package` does."""
    return built(root / "aws-lambda-scorer")


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory, function_package: Built) -> Iterator[Cloud]:
    """LocalStack with the process-based Lambda executor; S3 can be made to fail for its functions."""
    reason = unavailable()
    if reason:
        pytest.skip(reason)
    try:
        runtime = parts.runtime(function_package.runtime)
        parts.uv()
    except parts.PartsError as error:
        pytest.skip(str(error))
    port = free_port()
    folder = tmp_path_factory.mktemp("localstack")
    runtimes = {function_package.runtime: runtime}
    with (
        Faults(port) as faults,
        LocalStack(HERE / "requirements.txt", folder, runtimes, port=port, endpoint=faults.url) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "LOCALSTACK_HOST"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ENDPOINT_URL", running.url)  # what localstack-client goes by
        print(f"\nLocalStack answers after {running.startup_s:.1f} s")
        yield Cloud(running.url, running.log, faults)


@pytest.fixture(scope="session")
def service(
    cloud: Cloud,
    function_package: Built,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Service:
    """The recipe applied, with a bucket of the user's own."""
    folder = tmp_path_factory.mktemp("recipe")
    deployed = Service(cloud, function_package, folder, terraform_environment)
    deployed.other = other_pipeline(folder, function_package.template / "example" / "cooler.pipeline")
    deployed.deploy()
    return deployed
