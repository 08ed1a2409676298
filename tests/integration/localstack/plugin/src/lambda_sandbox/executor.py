"""LocalStack's executor of Lambda functions, over a sandbox for each execution environment."""

# mypy: disable-error-code="import-not-found,misc"

import json
import logging
import os
import shutil
import tempfile
import threading
from pathlib import Path
from typing import Any

from localstack import config
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from lambda_sandbox.alias_metrics import record_error
from lambda_sandbox.sandbox import Function, Runtime, Sandbox, SandboxError, unavailable

LOG = logging.getLogger(__name__)
HOME = Path(tempfile.gettempdir()) / "sandboxes"
RUNTIMES = "SANDBOX_RUNTIMES"  # JSON: {"python3.11": {"emulator": ..., "client": ..., "python": ...}}
ENDPOINT = "SANDBOX_AWS_ENDPOINT_URL"  # where functions find AWS, when that is not LocalStack itself


class SandboxExecutor(RuntimeExecutor):
    """One execution environment; LocalStack makes as many as there are invocations at once."""

    def __init__(self, id: str, function_version: Any) -> None:  # noqa: A002  LocalStack passes it by this name
        super().__init__(id=id, function_version=function_version)
        self._sandbox: Sandbox | None = None
        self._read = 0
        self._lock = threading.Lock()

    @classmethod
    def validate_environment(cls) -> bool:
        """Say whether functions can be run here."""
        reason = unavailable()
        if reason:
            LOG.error("no Lambda functions can be run: %s", reason)
        return reason is None and RUNTIMES in os.environ

    @classmethod
    def prepare_version(cls, function_version: Any) -> None:
        """Unzip the package, and the layers over each other in their order."""
        settings = function_version.config
        settings.code.prepare_for_execution()
        layers = _layers(function_version)
        for layer in settings.layers or []:
            layer.code.prepare_for_execution()
            shutil.copytree(layer.code.get_unzipped_code_location(), layers, dirs_exist_ok=True)

    @classmethod
    def cleanup_version(cls, function_version: Any) -> None:
        """Remove what `prepare_version` made beside LocalStack's own copy."""
        shutil.rmtree(_layers(function_version), ignore_errors=True)

    def start(self, env_vars: dict[str, Any]) -> None:
        """Start the sandbox; LocalStack allows LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT seconds for it."""
        settings = self.function_version.config
        runtimes = json.loads(os.environ[RUNTIMES])
        if settings.runtime not in runtimes:
            raise SandboxError(f"runtime {settings.runtime} is not one of {', '.join(sorted(runtimes))}")
        runtime = Runtime(**{name: Path(path) for name, path in runtimes[settings.runtime].items()})
        variables = {name: str(value) for name, value in env_vars.items()}
        own = settings.environment or {}
        if ENDPOINT in os.environ and "AWS_ENDPOINT_URL" not in own:
            variables["AWS_ENDPOINT_URL"] = os.environ[ENDPOINT]
        layers = _layers(self.function_version)
        function = Function(
            code=Path(settings.code.get_unzipped_code_location()),
            handler=settings.handler,
            name=self.function_version.id.function_name,
            variables=variables,
            layers=layers if layers.exists() else None,
            memory_mb=int(settings.memory_size),
            timeout_s=int(settings.timeout),
            scratch_mb=int(settings.ephemeral_storage.size if settings.ephemeral_storage else 512),
        )
        # LocalStack starts it from a pool of threads, and its own namespace ends it at the latest.
        self._sandbox = Sandbox(function, runtime, home=HOME, tied=False)
        self._sandbox.start(config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT)

    def stop(self) -> None:
        """End the sandbox."""
        if self._sandbox is not None:
            self._sandbox.stop()

    def invoke(self, payload: dict[str, str]) -> Any:
        """Run one event; an unhandled error, a lost process and a time-out are results, not exceptions."""
        assert self._sandbox is not None
        _, body, headers = self._sandbox.invoke(payload["payload"].encode(), payload.get("trace-id", ""))
        error = "x-amz-function-error" in headers
        try:
            document = json.loads(body)
            error = error or (isinstance(document, dict) and {"errorType", "errorMessage"} <= document.keys())
        except ValueError:  # the emulator answers a time-out with a sentence
            error = True
            text = body.decode("utf-8", "replace")
            body = json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": text}).encode()
        if error:
            record_error(payload["invoked-function-arn"])
        return InvocationResult(payload["invoke-id"], body, is_error=error, logs=self._new_log())

    def get_address(self) -> str:
        """Where LocalStack finds the sandbox."""
        return "127.0.0.1"

    def get_endpoint_from_executor(self) -> str:
        """Where the sandbox finds LocalStack: it shares the network."""
        return "127.0.0.1"

    def get_runtime_endpoint(self) -> str:
        """Where a sandbox of LocalStack's own would report; this one answers its caller instead."""
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def get_logs(self) -> str:
        """Everything that the sandbox has written."""
        return self._sandbox.text() if self._sandbox is not None else ""

    def _new_log(self) -> str:
        with self._lock:
            text = self.get_logs()
            new, self._read = text[self._read :], len(text)
        return new


def _layers(function_version: Any) -> Path:
    return HOME / f"layers-{function_version.config.revision_id}"
