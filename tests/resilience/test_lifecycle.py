"""Workers die, are replaced and are told to stop; callers should not notice."""

import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
import requests

from local_cognito.process import RunningCognito
from tests.calls import connect, receive
from tests.resilience.load import NO_ANSWER, Caller, Load, steady_load
from tests.resilience.polling import until
from tests.resilience.relay import relaying
from tests.servers import Service, serving, settings_for

HEALTHZ = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


def workers(service: Service) -> list[int]:
    """gunicorn's workers, oldest first."""
    children = psutil.Process(service.process.pid).children()
    return [child.pid for child in sorted(children, key=psutil.Process.create_time)]


def ask(service: Service, caller: Caller) -> requests.Response:
    bearer = {"Authorization": f"Bearer {caller.token}"}
    return requests.get(f"{service.url}/devices", headers=bearer, timeout=30)


def delay_calls(cognito: RunningCognito, seconds: float) -> None:
    cognito.control(
        "POST", "/_local/faults", operation="*", fault="delay", seconds=seconds, times=None
    )


def until_with_cognito(cognito: RunningCognito, calls: int) -> None:
    until(
        "the calls are with Cognito",
        lambda: cognito.control("GET", "/_local/calls").get("ListDevices") == calls,
    )


def test_a_reload_fails_no_call(own_service: Service, own_load: Load) -> None:
    before, began = set(workers(own_service)), time.monotonic()
    own_service.process.send_signal(signal.SIGHUP)
    until("every worker replaced", lambda: not before & set(workers(own_service)))
    own_load.carry_on()
    assert set(own_load.seen(began)) == {"200"}


def test_a_killed_worker_is_replaced_and_takes_along_only_its_own_calls(
    own_service: Service, own_load: Load
) -> None:
    (victim, survivor), began = workers(own_service), time.monotonic()
    os.kill(victim, signal.SIGKILL)
    until("a new worker", lambda: len(set(workers(own_service)) - {victim}) == 2)
    own_load.until_well()
    lost = [call for call in own_load.since(began) if call.status != 200]
    assert {call.status for call in lost} <= {NO_ANSWER}
    assert len(lost) <= len(own_load.callers)  # one a connection, at most
    assert survivor in workers(own_service)


def test_a_rolling_restart_behind_a_load_balancer_fails_no_call(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """The new one is ready before new connections go there, and then the old one is stopped."""
    with ExitStack() as stack:
        old = stack.enter_context(serving(settings_for(cognito)))
        balancer = stack.enter_context(relaying(old.url))
        load = stack.enter_context(steady_load(balancer.url, callers))
        balancer.send_to(stack.enter_context(serving(settings_for(cognito))).url)
        assert old.terminate() == 0
        load.carry_on()
        load.stopping.set()
    assert set(load.seen()) == {"200"}


def test_sigterm_lets_calls_under_way_finish_and_exits_with_0(
    cognito: RunningCognito, own_service: Service, callers: list[Caller]
) -> None:
    delay_calls(cognito, 2)
    with ThreadPoolExecutor(len(callers)) as threads:
        answers = [threads.submit(ask, own_service, caller) for caller in callers]
        until_with_cognito(cognito, len(callers))
        assert own_service.terminate() == 0
    assert [answer.result().status_code for answer in answers] == [200] * len(callers)


def test_sigterm_under_load_loses_no_answer(
    cognito: RunningCognito, own_service: Service, own_load: Load
) -> None:
    """Whatever Cognito was asked has been answered to the last byte; newcomers are refused."""
    assert own_service.terminate() == 0
    own_load.stopping.set()
    calls = cognito.control("GET", "/_local/calls")
    until(
        "every answer arrived",
        lambda: own_load.seen()["200"] == calls["ListDevices"] + calls["GetDevice"],
    )
    assert set(own_load.seen()) <= {"200", f"{NO_ANSWER} ConnectionError"}


def test_idle_connections_do_not_hold_a_stop(own_service: Service) -> None:
    """They have a moment's grace, and not the 30 seconds of GRACEFUL_TIMEOUT."""
    with ExitStack() as stack:
        kept = [stack.enter_context(connect(own_service.url)) for _ in range(20)]
        for connection in kept:
            connection.sendall(HEALTHZ)
            assert receive(connection).status == 200
        silent = [stack.enter_context(connect(own_service.url)) for _ in range(20)]
        own_service.process.send_signal(signal.SIGTERM)
        assert own_service.process.wait(20) == 0
        for connection in kept + silent:
            assert connection.recv(1) == b""


def test_a_draining_worker_says_on_a_kept_connection_that_it_is_not_ready(
    cognito: RunningCognito, own_service: Service, callers: list[Caller]
) -> None:
    delay_calls(cognito, 2)
    with connect(own_service.url) as probe, ThreadPoolExecutor(1) as thread:
        slow = thread.submit(ask, own_service, callers[0])
        until_with_cognito(cognito, 1)
        answers = []

        def is_the_last() -> bool:
            probe.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n")
            answers.append(receive(probe))
            return answers[-1].headers["Connection"] == "close"

        assert not is_the_last()
        own_service.process.send_signal(signal.SIGTERM)
        until("it takes leave", is_the_last)
        assert answers[-1].status == 503
        assert answers[-1].json()["checks"]["accepting"] is False
        assert slow.result().status_code == 200
    assert own_service.process.wait(30) == 0


def test_a_call_may_take_longer_than_a_worker_may_be_silent(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """gunicorn ends workers whose event loop stands still, and no others."""
    settings = settings_for(cognito) | {"GUNICORN_CMD_ARGS": "--timeout 2", "WORKERS": "1"}
    slow = {"COGNITO_READ_TIMEOUT": "9"}
    with serving(settings | slow) as service:
        delay_calls(cognito, 5)
        assert ask(service, callers[0]).status_code == 200
        assert "WORKER TIMEOUT" not in service.logs()


def test_a_worker_that_is_told_to_quit_quits_at_once(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """Ctrl-C in a terminal tells it, too."""
    with serving(settings_for(cognito)) as service:
        delay_calls(cognito, 10)
        with ThreadPoolExecutor(1) as thread:
            slow = thread.submit(ask, service, callers[0])
            until_with_cognito(cognito, 1)
            assert service.terminate(signal.SIGINT) == 0
            assert isinstance(slow.exception(), requests.ConnectionError)


def test_nothing_is_left_behind(cognito: RunningCognito, tmp_path: Path) -> None:
    with serving(settings_for(cognito) | {"TMPDIR": str(tmp_path)}) as service:
        service.process.send_signal(signal.SIGHUP)
        until("reloaded", lambda: service.logs().count("Booting worker") == 4)
        assert list(tmp_path.iterdir()) != []
        assert service.terminate() == 0
    assert list(tmp_path.iterdir()) == []


def test_a_start_on_a_port_that_is_taken_leaves_nothing_behind(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = {"PORT": str(taken.getsockname()[1]), "TMPDIR": str(tmp_path)}
        with (
            pytest.raises(RuntimeError, match="in use"),
            serving(settings_for(cognito) | settings),
        ):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_told_in_one_line(cognito: RunningCognito) -> None:
    settings = settings_for(cognito) | {"WORKER_CONNECTIONS": "many"}
    told = pytest.raises(RuntimeError, match="device-bff: WORKER_CONNECTIONS: ")
    with told as failure, serving(settings):
        pass
    assert "Traceback" not in str(failure.value)


def test_it_listens_on_ipv6(cognito: RunningCognito) -> None:
    with serving(settings_for(cognito) | {"HOST": "::1"}) as service:
        assert requests.get(f"{service.url}/healthz", timeout=5).ok
