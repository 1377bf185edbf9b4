"""Our client of Cognito, over a server that answers what a test has written down."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import certifi
import pytest

from app.cognito import attempts
from app.cognito.attempts import Attempts, is_outage
from app.cognito.breaker import CognitoBreaker
from app.cognito.client import CognitoClient
from app.cognito.endpoint import Endpoint
from app.cognito.quota import QuotaBudget
from app.cognito.transport import Transport
from app.counters import Counters
from app.domain import operations
from tests.raw_server import RawServer, in_pieces, raw_server

PLENTY = dict.fromkeys((operations.READS, operations.UPDATES, operations.SIGN_OUTS), 10_000)


@pytest.fixture(autouse=True)
def no_time_to_lose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "BACKOFF_FIRST", 0.001)
    monkeypatch.setattr(attempts, "SLOT_WAIT", 0.01)


def make_attempts(
    *,
    quota: dict[str, int] | None = None,
    breaker_failures: int = 1000,
    deadline: float = 60,
    longest_attempt: float = 10,
    max_attempts: int = 3,
    max_in_flight: int = 10,
) -> Attempts:
    return Attempts(
        budget=QuotaBudget(PLENTY | (quota or {}), Counters(None), workers=1),
        breaker=CognitoBreaker(failures=breaker_failures, open_seconds=10, is_failure=is_outage),
        deadline=deadline,
        longest_attempt=longest_attempt,
        max_attempts=max_attempts,
        max_in_flight=max_in_flight,
    )


@dataclass
class Cognito:
    """The client, and the server that it calls."""

    client: CognitoClient
    server: RawServer

    def says(self, body: object, status: str = "200 OK", **headers: str) -> None:
        """Answer every call so. `body`: bytes as they are, anything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        fields = {"Content-Length": str(len(content)), "Content-Type": "application/x-amz-json-1.1"}
        lines = [f"{name}: {value}" for name, value in (fields | named).items()]
        head = "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""])
        self.server.script = in_pieces(head.encode() + content)

    def refuses(self, kind: str, message: str = "") -> None:
        self.says({"__type": kind, "message": message}, "400 Bad Request")

    def asked(self) -> tuple[str, dict[str, Any]]:
        """The operation and the parameters of the last request."""
        operation = self.server.heads[-1]["X-Amz-Target"].rpartition(".")[2]
        return operation, json.loads(self.server.bodies[-1])


def make_client(
    url: str | None, *, read_timeout: float = 5, region: str = "eu-west-1", **attempts: Any
) -> CognitoClient:
    """A client of the Cognito at `url`. `attempts`: as `make_attempts` takes them."""
    transport = Transport(
        connect_timeout=5, read_timeout=read_timeout, connections=10, ca_bundle=certifi.where()
    )
    return CognitoClient(Endpoint(region, url), transport, make_attempts(**attempts))


@pytest.fixture(scope="package")
def only_cognito() -> Iterator[Cognito]:
    """A client, and its server."""
    with raw_server() as server:
        yield Cognito(make_client(server.url, max_in_flight=10), server)


@pytest.fixture
def cognito(only_cognito: Cognito) -> Cognito:
    """A server that was asked nothing so far."""
    only_cognito.server.heads.clear()
    only_cognito.server.bodies.clear()
    return only_cognito
