"""A first deployment with no cloud: the Lambda template applied to LocalStack on this host, and asked.

    python tests/integration/localstack/trial.py [--pipeline x.pipeline] [--once]

packages the function, starts LocalStack, applies the recipe, scores, prints URL, key and a command to paste,
and stays until Enter or Ctrl-C; then all of it is destroyed. With --once it does not wait. The function runs
as Lambda runs it, behind API Gateway, so it needs what the tests of this folder need: Linux, root, Terraform.
Its engine is what this host's compiler makes: a cross compiler for AWS takes minutes to get ready.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
sys.path[:0] = [str(HERE), str(HERE / "plugin" / "src"), str(ROOT / "tests")]

from lambda_sandbox import localstack, parts  # noqa: E402
from lambda_sandbox.package import Built, built  # noqa: E402
from lambda_sandbox.sandbox import unavailable  # noqa: E402
from localstack_service import Cloud, Service  # noqa: E402
from mirror import terraform_settings  # noqa: E402
from scoring.problem import Problem  # noqa: E402

REQUIREMENTS = HERE / "requirements.txt"
TEMPLATE = ROOT / "aws-lambda-scorer"
ELSE = (
    "A first deployment that needs none of this is a process on this host:\n"
    "  .venv/bin/scoring deploy local-rest-scorer --pipeline aws-lambda-scorer/example/cooler.pipeline "
    "--name first"
)


def lacking() -> str | None:
    """Say what keeps this host from it, or nothing."""
    if shutil.which("terraform") is None:
        return "Terraform is not installed."
    reason = unavailable()
    return f"The sandbox of functions cannot be made: {reason}." if reason else None


@contextmanager
def emulator(folder: Path) -> Iterator[tuple[Built, Cloud]]:
    """Start LocalStack, and package the function meanwhile."""
    with ThreadPoolExecutor() as pool:
        package = pool.submit(built, TEMPLATE, native=True)
        installed = pool.submit(localstack.environment, REQUIREMENTS)
        runtime = "python3.11"
        port = localstack.free_port()
        runtimes = {runtime: parts.runtime(runtime)}
        installed.result()
        url = f"http://127.0.0.1:{port}"
        with localstack.LocalStack(REQUIREMENTS, folder, runtimes, port=port, endpoint=url) as running:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "LOCALSTACK_HOST"):
                os.environ.pop(name, None)
            os.environ["AWS_ENDPOINT_URL"] = running.url
            yield package.result(), Cloud(running.url, running.log, None)


def lines(service: Service) -> Iterator[str]:
    """Give what a person needs to go on."""
    outputs = service.outputs
    command = outputs["score_command"].replace(outputs["url"], service.url)
    yield f"url       {service.url}"
    yield f"key       {outputs['api_key']}   (of this emulator alone)"
    yield f"artifact  {outputs['pipeline_digest']}"
    yield f"score     export API_KEY={outputs['api_key']}; {command}"


def tried(pipeline: Path, folder: Path, environment: Mapping[str, str], wait: bool) -> None:
    """Deploy, score, say how to go on, wait and destroy; raises Problem."""
    begin = time.monotonic()
    print("Packaging the function and starting LocalStack. The first time fetches LocalStack.", flush=True)
    with emulator(folder) as (package, cloud):
        print("Applying the recipe.", flush=True)
        service = Service(cloud, package, folder, environment, pipeline)
        service.deploy()
        try:
            got = service.score()
            if (got.status, got.body) != (200, service.scorer.score_json(service.request)):
                detail = f"The deployment answers {got.status}: {got.body[:500]!r}"
                raise Problem("scores_differ", 500, detail, f"See {cloud.log}.")
            print(
                f"The same bytes as from the artifact here, {time.monotonic() - begin:.0f} s after the start."
            )
            print(*lines(service), sep="\n", flush=True)
            if wait:
                input("Enter destroys it. ")
        except (EOFError, KeyboardInterrupt):
            print()
        finally:
            print("Destroying.", flush=True)
            service.terraform.destroy(service.variables)


def main() -> int:
    """Try it; 0 when it scored and was destroyed, 1 for a problem, 2 when this host cannot."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pipeline", type=Path, help="the artifact; the template's example by default")
    parser.add_argument("--once", action="store_true", help="do not wait before destroying")
    given = parser.parse_args()
    reason = lacking()
    if reason:
        print(reason, ELSE, sep="\n", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="scoring-try-") as scratch:
        folder = Path(scratch)
        pipeline = (given.pipeline or TEMPLATE / "example" / "cooler.pipeline").absolute()
        try:
            tried(pipeline, folder, terraform_settings(folder), not given.once)
        except (Problem, parts.PartsError, RuntimeError) as fault:
            print(fault, ELSE, sep="\n", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
