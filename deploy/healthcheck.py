"""Exits 0 if the service in this container is alive: the health check of Docker, Compose and ECS.

Kubernetes asks over HTTP itself. The certificate is not checked: it names the service, and this
connection does not leave the container.
"""

import os
import ssl
import sys
from http.client import HTTPConnection, HTTPException, HTTPSConnection

TIMEOUT = 2  # seconds


def alive(host: str, port: int, tls: bool) -> bool:
    """Whether `/healthz` answers 200 in time."""
    connection = HTTPConnection(host, port, timeout=TIMEOUT)
    if tls:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = HTTPSConnection(host, port, timeout=TIMEOUT, context=context)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False


if __name__ == "__main__":
    host = os.environ.get("HOST", "127.0.0.1")
    everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - asked there, not listened on
    port = int(os.environ.get("PORT", "8000"))
    tls = "TLS_CERT_FILE" in os.environ
    sys.exit(0 if alive(everywhere.get(host, host), port, tls) else 1)
