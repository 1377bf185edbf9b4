"""Whatever Cognito answers, callers hear in time what is wrong, and all is well soon after."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer

import pytest

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, assert_problem, call, log_lines
from tests.polling import until
from tests.raw_server import RawServer, Script, silent, without_end
from tests.resilience.load import Caller, sign_in_callers, steady_load
from tests.servers import Service, serving, settings_for

UNAVAILABLE = "503 upstream-unavailable"
TIMEOUT = "504 upstream-timeout"
ERROR = "502 upstream-error"
IMPATIENT = {
    "COGNITO_CONNECT_TIMEOUT": "0.5",
    "COGNITO_READ_TIMEOUT": "0.5",
    "COGNITO_DEADLINE": "2",
    "BREAKER_OPEN_SECONDS": "1",
}
"""Time-outs that tests can wait for."""


@pytest.fixture(scope="module")
def bounded(cognito_server: RunningCognito, upstream: RawServer) -> Iterator[Service]:
    """One worker, with room for eight calls of Cognito, which is a script of the test's."""
    settings = settings_for(cognito_server) | IMPATIENT | {"COGNITO_ENDPOINT_URL": upstream.url}
    few = {"WORKERS": "1", "COGNITO_MAX_IN_FLIGHT": "8", "BREAKER_FAILURES": "1000"}
    with serving(settings | few) as service:
        yield service


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
LONG = b"Content-Length: 100000000000\r\n\r\n"


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(silent, id="silent"),
        pytest.param(without_end(HEAD + b"X: ", b"x", pause=0.05), id="head byte by byte"),
        pytest.param(without_end(HEAD + LONG, b"x", pause=0.05), id="body byte by byte"),
        pytest.param(without_end(HEAD + LONG, b"x" * 65536), id="endless"),
    ],
)
def test_no_call_outlives_its_deadline_or_holds_up_a_probe(
    callers: list[Caller], bounded: Service, upstream: RawServer, script: Script
) -> None:
    """Cognito would go on for ever: that there are answers is what shows the deadline."""
    upstream.script = script
    with ThreadPoolExecutor(12) as crowd:
        asked = [
            crowd.submit(call, f"{bounded.url}/devices", headers=caller.bearer)
            for caller in callers * 2
        ]
        probes = 0
        while not all(one.done() for one in asked):
            assert call(f"{bounded.url}/healthz").status_code == 200
            probes += 1
    answers = {f"{one.result().status_code} {one.result().json()['code']}" for one in asked}
    assert answers <= {TIMEOUT, ERROR, UNAVAILABLE}
    assert probes > 1
    until("Cognito's connections are closed", lambda: upstream.open == 0)


class Dripping(BaseRequestHandler):
    """A long TLS record, a byte at a time; to a client without TLS a long line."""

    def handle(self) -> None:
        with suppress(OSError):
            self.request.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                self.request.sendall(b"\0")
                time.sleep(0.05)


def test_neither_a_handshake_nor_a_key_set_may_drip(
    cognito: RunningCognito, user: SignedIn
) -> None:
    with ThreadingTCPServer(("127.0.0.1", 0), Dripping) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"127.0.0.1:{server.server_address[1]}"
        settings = (
            settings_for(cognito) | IMPATIENT | {"COGNITO_ENDPOINT_URL": f"https://{address}"}
        )
        settings["COGNITO_JWKS_URL"] += f",http://{address}"
        with serving(settings) as service:
            answer = call(f"{service.url}/devices", headers=user.bearer)
            assert_problem(answer, 504, "upstream-timeout")
            until("the keys", lambda: log_lines(service.logs(), event="jwks_fetch_failed"))
            assert call(f"{service.url}/healthz").ok
        server.shutdown()


def test_50_users_at_once_each_see_their_own(cognito: RunningCognito, service: Service) -> None:
    """`Load` compares every answer with its caller's devices and request id."""
    with steady_load(service.url, sign_in_callers(cognito, 50)) as load:
        assert load.carry_on(10) == {"200"}
