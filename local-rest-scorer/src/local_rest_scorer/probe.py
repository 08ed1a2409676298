"""Probes: asking a server on this host how it is."""

import http.client
import ssl
from typing import Final
from urllib.parse import urlsplit

_SECONDS: Final = 5.0


def answers(url: str, path: str = "/readyz", mutual: bool = False) -> bool:
    """Tell whether the server at this address of this host says that it is well.

    Its certificate is not checked, since it names the host as others call it. With `mutual` TLS nobody gets
    in without a certificate, so being let to the door has to do.
    """
    parts = urlsplit(url)
    assert parts.hostname is not None
    connection: http.client.HTTPConnection
    if parts.scheme == "https" and not mutual:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=_SECONDS, context=context
        )
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=_SECONDS)
    try:
        connection.connect()
        if mutual:
            return True
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
