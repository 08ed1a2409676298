"""LocalStack's server binds every address whatever it is told; this one binds the address it is told."""

# mypy: disable-error-code="import-not-found,misc"

from typing import Any

from localstack.runtime.server import twisted
from twisted.internet import endpoints


class LoopbackServer(twisted.TwistedRuntimeServer):
    """The same server, with the interface passed on."""

    def register(self, gateway: Any, listen: Any, ssl_creds: Any = None) -> None:
        """Listen in plain HTTP on each host and port; `ssl_creds` is not used."""
        site = twisted.TwistedGateway(gateway)
        for place in listen:
            endpoint = endpoints.TCP4ServerEndpoint(twisted.reactor, place.port, interface=place.host)
            endpoint.listen(site)
