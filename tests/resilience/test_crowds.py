"""Too many callers, too slow ones, too slow a Cognito: everybody else is served."""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.resilience.conftest import FAULT_SECONDS
from tests.resilience.load import Caller, steady_load
from tests.resilience.table import ChaosTable
from tests.servers import Service, serving, settings_for

SLOW_CLIENTS = 500
STUCK_CALLERS = 64

NOTICEABLE = 1.5
"""Seconds, on a busy machine. The slow ones stay twice as long: who waits for them waits longer."""

NOT_A_WORD = b""
HALF_A_HEAD = b"GET /devices HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Padding: "
HALF_A_BODY = (
    b"POST /devices HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b"Content-Length: 10000\r\n\r\n{"
)
A_LARGE_QUESTION = b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@contextmanager
def slow_clients(url: str, first_words: bytes) -> Iterator[None]:
    """So many connections that begin a request and then send a byte now and then; or say nothing;
    or take nothing of the answer.
    """
    address = urlsplit(url)
    over = threading.Event()
    clients = [socket.socket() for _ in range(SLOW_CLIENTS)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        client.connect((address.hostname, address.port))

    def dawdle() -> None:
        while not over.wait(0.3):
            for client in clients:
                with suppress(OSError):  # the service has had enough of this one
                    client.send(b"x" if first_words in (HALF_A_HEAD, HALF_A_BODY) else b"")

    for client in clients:
        client.sendall(first_words)
    thread = threading.Thread(target=dawdle, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for client in clients:
            client.close()


@pytest.fixture(scope="module")
def crowded_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service with the settings of production, for all kinds of slow clients."""
    with serving(settings_for(cognito_server)) as service:
        yield service


@pytest.mark.parametrize(
    "first_words",
    [
        pytest.param(NOT_A_WORD, id="silent"),
        pytest.param(HALF_A_HEAD, id="half a head"),
        pytest.param(HALF_A_BODY, id="half a body"),
        pytest.param(A_LARGE_QUESTION, id="taking no answer"),
    ],
)
def test_slow_clients_keep_nobody_waiting(
    cognito: RunningCognito,
    crowded_service: Service,
    callers: list[Caller],
    chaos_table: ChaosTable,
    first_words: bytes,
    request: pytest.FixtureRequest,
) -> None:
    name = f"500 slow clients, {request.node.callspec.id}"
    with steady_load(crowded_service.url, callers) as load:
        slow = slow_clients(crowded_service.url, first_words)
        outcome = chaos_table.measure(name, load, slow, max(FAULT_SECONDS, 2 * NOTICEABLE))
    assert set(outcome.answers) == {"200"}
    assert outcome.worst_latency < NOTICEABLE
    assert outcome.wrong == []
    assert outcome.cross_talk == 0


def test_a_slow_cognito_never_takes_all_threads(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """Past the bound callers are told at once, and a probe is answered as ever."""
    settings = settings_for(cognito) | {
        "COGNITO_READ_TIMEOUT": "3",
        "COGNITO_DEADLINE": "4",
        "BREAKER_FAILURES": "1000",
    }
    answers: list[tuple[float, int, str]] = []

    def ask(service: Service, caller: Caller) -> None:
        begun = time.monotonic()
        answer = requests.get(
            f"{service.url}/devices",
            headers={"Authorization": f"Bearer {caller.token}"},
            timeout=15,
        )
        code = "" if answer.ok else answer.json()["code"]
        answers.append((time.monotonic() - begun, answer.status_code, code))

    with serving(settings) as service:
        cognito.control(
            "POST", "/_local/faults", operation="*", fault="hang", seconds=2, times=None
        )
        crowd = [
            threading.Thread(target=ask, args=(service, callers[number % len(callers)]))
            for number in range(STUCK_CALLERS)
        ]
        for thread in crowd:
            thread.start()
        probes = []
        while any(thread.is_alive() for thread in crowd):
            begun = time.monotonic()
            assert requests.get(f"{service.url}/healthz", timeout=5).status_code == 200
            probes.append(time.monotonic() - begun)
            time.sleep(0.05)
        cognito.control("DELETE", "/_local/faults")
    assert max(probes) < 1
    seen = Counter((status, code) for _, status, code in answers)
    assert sum(seen.values()) == STUCK_CALLERS
    assert set(seen) <= {
        (502, "upstream-error"),
        (503, "upstream-unavailable"),
        (504, "upstream-timeout"),
    }
    assert seen[503, "upstream-unavailable"] >= STUCK_CALLERS - 16
    turned_away = [seconds for seconds, status, _ in answers if status == 503]
    assert max(turned_away) < 2
    assert max(seconds for seconds, _, _ in answers) < 5
