"""Workers die, are replaced and are told to stop; callers should not notice."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread
from urllib.parse import urlsplit

import psutil
import pytest

from local_cognito.process import RunningCognito
from tests.calls import call, connect, log_lines, receive
from tests.polling import until
from tests.raw_server import relay
from tests.resilience.load import NO_ANSWER, Caller, Load, steady_load
from tests.servers import Service, listens, serving, settings_for

BOOTING = "Booting worker"


class Balancer(ThreadingTCPServer):
    """A load balancer: new connections go to `target`; those that stand stay where they are."""

    daemon_threads = True
    block_on_close = False
    target = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Relay(BaseRequestHandler):
    server: Balancer

    def handle(self) -> None:
        relay(self.request, urlsplit(self.server.target).port or 0)


@pytest.fixture(scope="module")
def balancer() -> Iterator[Balancer]:
    with Balancer(("127.0.0.1", 0), Relay) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is temporary is written there."""
    return tmp_path_factory.mktemp("of-the-service")


@pytest.fixture(scope="module")
def old(cognito_server: RunningCognito, balancer: Balancer, folder: Path) -> Iterator[Service]:
    """Reloaded, killed in part, and in the end replaced."""
    with serving(settings_for(cognito_server) | {"TMPDIR": str(folder)}) as service:
        balancer.target = service.url
        yield service


@pytest.fixture
def load(old: Service, balancer: Balancer, callers: list[Caller]) -> Iterator[Load]:
    with steady_load(balancer.url, callers) as load:
        yield load


def workers(service: Service) -> set[int]:
    return {child.pid for child in psutil.Process(service.process.pid).children()}


def test_a_reload_fails_no_call(old: Service, load: Load) -> None:
    before = workers(old)
    old.process.send_signal(signal.SIGHUP)
    until("the old ones are gone", lambda: not any(map(psutil.pid_exists, before)))
    load.carry_on()
    assert {answer for _, answer in load.heard} == {"200"}


def test_a_killed_worker_is_replaced_and_takes_along_only_its_own_calls(
    old: Service, load: Load
) -> None:
    victim, survivor = workers(old)
    started = old.logs().count(BOOTING)
    os.kill(victim, signal.SIGKILL)
    until("a new worker", lambda: old.logs().count(BOOTING) > started)
    load.until_well()
    lost = [answer for _, answer in load.heard if answer != "200"]
    assert set(lost) <= {NO_ANSWER}
    assert len(lost) <= len(load.callers)  # one a connection, at most
    assert survivor in workers(old)


def test_a_rolling_restart_fails_no_call_and_leaves_nothing_behind(
    cognito: RunningCognito, old: Service, balancer: Balancer, load: Load, folder: Path
) -> None:
    """The new one is ready before new connections go there, and then the old one is stopped."""
    with serving(settings_for(cognito)) as new:
        balancer.target = new.url
        assert list(folder.iterdir()) != []
        assert old.terminate() == 0
        load.carry_on()
        load.stopping.set()
        assert {answer for _, answer in load.heard} == {"200"}
        assert list(folder.iterdir()) == []


def test_a_stop_waits_for_calls_under_way_and_not_for_idle_connections(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    with (
        serving(settings_for(cognito) | {"GRACEFUL_TIMEOUT": "600"}) as service,
        ThreadPoolExecutor(len(callers)) as threads,
        ExitStack() as stack,
    ):
        idle = [stack.enter_context(connect(service.url)) for _ in range(40)]
        for connection in idle[:20]:
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert receive(connection).status == 200
        cognito.control("POST", "/_local/faults", operation="*", fault="delay", times=None)
        answers = [
            threads.submit(call, f"{service.url}/devices", headers=caller.bearer)
            for caller in callers
        ]
        asked = len(callers)
        until(
            "the calls are with Cognito",
            lambda: cognito.control("GET", "/_local/calls").get("ListDevices") == asked,
        )
        with connect(service.url) as probe:
            probe.sendall(b"GET /readyz HTTP/1.1\r\n")
            service.process.send_signal(signal.SIGTERM)
            until("it accepts no more", lambda: not listens(service.url))
            probe.sendall(b"Host: x\r\n\r\n")
            ready = receive(probe)
        assert (ready.status, ready.headers["Connection"]) == (503, "close")
        assert ready.json()["checks"]["accepting"] is False
        assert [answer.result().status_code for answer in answers] == [200] * asked
        assert service.process.wait(60) == 0
        assert {connection.recv(1) for connection in idle} == {b""}


def test_the_number_of_workers_is_the_command_lines_wherever_it_counts(
    cognito_server: RunningCognito,
) -> None:
    """Cognito's quota is shared out among them."""
    settings = settings_for(cognito_server) | {"WORKERS": "5"}
    with serving(settings | {"GUNICORN_CMD_ARGS": "--workers 3"}) as service:
        until("three boot", lambda: service.logs().count(BOOTING) == 3)
        assert log_lines(service.logs(), event="starting")[0]["workers"] == 3


def test_a_metrics_folder_that_cannot_be_stops_the_start_and_is_told_in_one_line(
    cognito_server: RunningCognito, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    wrong = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "file" / "below")}
    told = pytest.raises(RuntimeError, match=r"device-bff: PROMETHEUS_MULTIPROC_DIR.*: ")
    with told as failure, serving(settings_for(cognito_server) | wrong):
        pass
    assert "Traceback" not in str(failure.value)
