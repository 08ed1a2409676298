"""What LocalStack finds here: the executor, mended faults and a server that keeps to loopback."""

# mypy: disable-error-code="import-not-found,misc"

from typing import Any

from localstack.runtime import hooks
from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class SandboxExecutorPlugin(RuntimeExecutorPlugin):
    """Chosen by LAMBDA_RUNTIME_EXECUTOR=sandbox."""

    name = "sandbox"

    def load(self, *_: Any, **__: Any) -> Any:
        """Give the executor's class."""
        from lambda_sandbox.executor import SandboxExecutor

        return SandboxExecutor


class LoopbackServerPlugin(RuntimeServerPlugin):
    """Chosen by GATEWAY_SERVER=loopback."""

    name = "loopback"

    def load(self, *_: Any, **__: Any) -> Any:
        """Give the server."""
        from lambda_sandbox.loopback import LoopbackServer

        return LoopbackServer()


@hooks.on_infra_start()  # type: ignore[untyped-decorator]
def mend() -> None:
    """Mend what is wrong in the pinned version, before the first request."""
    from lambda_sandbox import alarm_tags, alias_routing

    alias_routing.mend()
    alarm_tags.mend()
