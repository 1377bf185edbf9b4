"""Starting and steering the local Cognito from Python, for tests and scripts.

    with running() as cognito:
        boto3.client("cognito-idp", endpoint_url=cognito.url, ...)
        cognito.control("POST", "/_local/faults", operation="ListDevices", fault="throttle")

Imports only the standard library, so that a script that only talks to it starts fast.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

READY_LINE = "Local Cognito ready on "
STOP_SECONDS = 10


class ControlError(RuntimeError):
    """The server refused a call of `/_local/*`; the message is its own."""


class StartError(RuntimeError):
    """The server did not start; the message says where to read why."""


@dataclass(frozen=True)
class RunningCognito:
    """A local Cognito that answers at `url`."""

    url: str

    def control(self, method: str, path: str, **body: Any) -> Any:
        """One call of `/_local/*`, with the members of its body. Raises ControlError."""
        address = urlsplit(self.url)
        connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body else None)
            response = connection.getresponse()
            answer = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise ControlError(answer["error"])
        return answer

    def jwks_url(self, pool_id: str) -> str:
        return f"{self.url}/{pool_id}/.well-known/jwks.json"

    def updated_jwks_url(self, pool_id: str) -> str:
        """Where the keys of the pool's new issuer are, once the pool has switched to it."""
        return f"{self.url}/issuer-cognito-idp/{pool_id}/.well-known/jwks.json"


@contextmanager
def running(port: int = 0, log: Path | None = None) -> Iterator[RunningCognito]:
    """A new server, on a free port unless `port` names one, stopped at the end.

    What it logs goes to standard error, or to the file `log`. Raises StartError.
    """
    command = [sys.executable, "-m", "local_cognito", "--port", str(port)]
    root = Path(__file__).resolve().parent.parent
    with ExitStack() as files:
        errors = files.enter_context(log.open("wb")) if log else None
        # No part of the command comes from outside.
        process = subprocess.Popen(  # noqa: S603
            command, cwd=root, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line.startswith(READY_LINE):
            where = f"its log is in {log}" if log else "see above"
            raise StartError(f"The local Cognito did not start; {where}.")
        yield RunningCognito(line.removeprefix(READY_LINE).strip())
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()
