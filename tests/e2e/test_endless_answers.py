"""Answers of Cognito's that trickle in or never end: the worker lets go of them in time.

These also tell whether botocore still reads answers the way that `app.transport` bounds it.
"""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.raw_server import (
    RawServer,
    Script,
    Tls,
    in_pieces,
    new_tls,
    raw_server,
    tunnel_to,
    without_end,
)
from tests.resilience.polling import until
from tests.servers import serving, settings_for

READ_TIMEOUT = 0.5
ONE_ATTEMPT = {
    "WORKERS": "1",
    "BREAKER_FAILURES": "1000",
    "COGNITO_MAX_ATTEMPTS": "1",
    "COGNITO_CONNECT_TIMEOUT": "2",
    "COGNITO_READ_TIMEOUT": str(READ_TIMEOUT),
}

MARGIN = 1.5
"""Seconds on top of the time-out: less than until an attempt is given up whose answer goes on."""

MIB = 1024 * 1024
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
STEADY = 0.05
"""Seconds between two bytes: no silence is long enough for a time-out of its own."""

TRICKLES = {
    "status line": without_end(b"HTTP/1.1 200 O", b"K", pause=STEADY),
    "header": without_end(OK + b"X-Padding: ", b"x", pause=STEADY),
    "body": without_end(OK + b"Content-Length: 100000\r\n\r\n", b" ", pause=STEADY),
    "body of no length": without_end(OK + b"\r\n", b" ", pause=STEADY),
    "chunks": without_end(CHUNKED, *(b"1\r\n \r\n"[at : at + 1] for at in range(6)), pause=STEADY),
    "size of a chunk": without_end(CHUNKED, b"0", pause=STEADY),
}

A_LOT = b" " * 65536
TORRENTS = {
    "body of a huge length": without_end(OK + b"Content-Length: 999999999999999\r\n\r\n", A_LOT),
    "body of no length": without_end(OK + b"\r\n", A_LOT),
    "chunks": without_end(CHUNKED, b"10000\r\n" + A_LOT + b"\r\n"),
    "huge chunk": without_end(CHUNKED + b"fffffffffffff\r\n", A_LOT),
    "trailers": without_end(CHUNKED + b"0\r\n", b"X-Padding: x\r\n" * 1000),
    "interim answers": without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
}


@dataclass
class Deployment:
    """One worker of the service, and who answers it in Cognito's place."""

    api: Api
    worker: psutil.Process
    upstream: RawServer

    def ask(self, script: Script) -> requests.Response:
        self.upstream.script = script
        return self.api.get("/devices")

    def let_go(self) -> bool:
        """Whether no connection is left, on either side; the other side never ends one."""
        connections = self.worker.net_connections("tcp")
        held = [one for one in connections if one.raddr and one.raddr.port == self.upstream.port]
        return not held and self.upstream.open == 0

    def peak_memory(self) -> int:
        """The most that the worker ever had resident, in bytes."""
        status = Path(f"/proc/{self.worker.pid}/status").read_text()
        (peak,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peak.split()[1]) * 1024

    def attempts(self) -> Counter[str]:
        """How many attempts at ListDevices had which outcome."""
        exposition = requests.get(f"{self.api.url}/metrics", timeout=5).text
        return Counter(
            {
                sample.labels["outcome"]: int(sample.value)
                for family in text_string_to_metric_families(exposition)
                for sample in family.samples
                if sample.name == "device_bff_cognito_call_duration_seconds_count"
                and sample.labels["operation"] == "ListDevices"
            }
        )


@contextmanager
def deployed(
    cognito: RunningCognito, upstream: RawServer, **variables: str
) -> Iterator[Deployment]:
    settings = settings_for(cognito) | ONE_ATTEMPT | {"COGNITO_ENDPOINT_URL": upstream.url}
    with serving(settings | variables) as service:
        (worker,) = psutil.Process(service.process.pid).children()
        token = cognito.control("POST", "/_local/tokens")["token"]
        yield Deployment(Api(service.url, token), worker, upstream)


@pytest.fixture(scope="module")
def direct(cognito_server: RunningCognito) -> Iterator[Deployment]:
    with raw_server() as upstream, deployed(cognito_server, upstream) as deployment:
        yield deployment


def assert_given_up(deployment: Deployment, script: Script) -> None:
    started = time.monotonic()
    answer = deployment.ask(script)
    assert time.monotonic() - started < READ_TIMEOUT + MARGIN
    assert (answer.status_code, answer.json()["code"]) == (504, "upstream-timeout")
    until("the connection is closed", deployment.let_go, within=MARGIN)


@pytest.mark.parametrize("script", TRICKLES.values(), ids=TRICKLES)
def test_an_answer_that_trickles_in_has_the_read_time_out_for_all_of_it(
    direct: Deployment, script: Script
) -> None:
    assert_given_up(direct, script)


@pytest.mark.parametrize("script", TORRENTS.values(), ids=TORRENTS)
def test_an_answer_without_an_end_is_neither_read_nor_kept(
    direct: Deployment, script: Script
) -> None:
    before = direct.peak_memory()
    answer = direct.ask(script)
    assert (answer.status_code, answer.json()["code"]) == (502, "upstream-error")
    assert "could not be understood" in answer.json()["detail"]
    until("the connection is closed", direct.let_go, within=MARGIN)
    assert direct.peak_memory() - before < 8 * MIB


@pytest.mark.parametrize("where", ["header", "body"])
def test_trickled_answers_take_no_more_threads_the_longer_they_come(
    direct: Deployment, where: str
) -> None:
    direct.upstream.script = TRICKLES[where]

    def crowd() -> int:
        with ThreadPoolExecutor(6) as callers:
            list(callers.map(direct.api.get, ["/devices"] * 6))
        threads: int = direct.worker.num_threads()
        return threads

    first = crowd()
    assert crowd() <= first + 2, "six were to be had again"
    until("the connections are closed", direct.let_go, within=MARGIN)


def test_a_trickled_answer_counts_as_one_time_out(direct: Deployment) -> None:
    before = direct.attempts()
    assert_given_up(direct, TRICKLES["body"])
    assert direct.attempts() - before == {"upstream-timeout": 1}


# Other ways to Cognito


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return new_tls(tmp_path)


def test_over_tls_answers_are_let_go_of_too(cognito: RunningCognito, tls: Tls) -> None:
    with raw_server(tls.server) as upstream, deployed(cognito, upstream, **tls.trust) as deployment:
        for where in ("header", "body"):
            assert_given_up(deployment, TRICKLES[where])


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxys_answers_are_let_go_of_too(cognito: RunningCognito, scheme: str) -> None:
    """It passes requests over http on, and is asked for a tunnel for those over https."""
    with raw_server() as proxy:
        variables = {
            "COGNITO_ENDPOINT_URL": f"{scheme}://cognito.test",
            f"{scheme.upper()}_PROXY": proxy.url,
            "NO_PROXY": "127.0.0.1",  # where the keys are
            "COGNITO_CONNECT_TIMEOUT": str(READ_TIMEOUT),
        }
        with deployed(cognito, proxy, **variables) as deployment:
            assert_given_up(deployment, TRICKLES["header"])


def test_one_connection_through_a_proxys_tunnel_serves_many_calls(
    cognito: RunningCognito, tls: Tls
) -> None:
    with raw_server(tls.server) as upstream, raw_server() as proxy:
        proxy.script = tunnel_to(upstream.port)
        variables = tls.trust | {"HTTPS_PROXY": proxy.url}
        with deployed(cognito, upstream, **variables) as deployment:
            for _ in range(3):
                answer = deployment.ask(
                    in_pieces(OK + b"Content-Length: 14\r\n\r\n", b'{"Devices":[]}')
                )
                assert (answer.status_code, answer.json()["items"]) == (200, [])
        assert (proxy.connections, upstream.connections) == (1, 1)
