"""Workers die, are replaced and are told to stop; callers should not notice."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from local_cognito.process import RunningCognito
from tests.resilience.conftest import FAULT_SECONDS, settings_over
from tests.resilience.load import NO_ANSWER, Caller, Load, steady_load
from tests.resilience.polling import until
from tests.resilience.relay import Relay, relaying
from tests.resilience.table import ChaosTable, at_once
from tests.servers import ROOT, Service, serving, settings_for

STOP_SECONDS = 10
AT_ONCE = 0.5
QUITS = 10


def workers(service: Service) -> list[int]:
    """gunicorn's workers, oldest first."""
    children = psutil.Process(service.process.pid).children()
    return [child.pid for child in sorted(children, key=psutil.Process.create_time)]


@pytest.fixture
def patient_load(patient_service: Service, callers: list[Caller]) -> Iterator[Load]:
    with steady_load(patient_service.url, callers) as load:
        yield load


@contextmanager
def signalled(service: Service, number: signal.Signals) -> Iterator[None]:
    """The signal, and all workers replaced before the fault counts as over."""
    before = set(workers(service))
    service.process.send_signal(number)
    yield
    until("every worker replaced", lambda: not before & set(workers(service)))
    until("two workers", lambda: len(workers(service)) == 2)


def test_a_reload_fails_no_call(
    patient_service: Service, patient_load: Load, chaos_table: ChaosTable
) -> None:
    reload = signalled(patient_service, signal.SIGHUP)
    outcome = chaos_table.measure("SIGHUP reload", patient_load, reload, FAULT_SECONDS)
    assert set(outcome.answers) == {"200"}
    assert outcome.wrong == []
    assert outcome.cross_talk == 0


def test_a_killed_worker_takes_along_only_the_calls_it_was_answering(
    patient_service: Service, patient_load: Load, chaos_table: ChaosTable
) -> None:
    victim, survivor = workers(patient_service)
    kill = at_once(lambda: os.kill(victim, signal.SIGKILL))
    outcome = chaos_table.measure("a worker killed by SIGKILL", patient_load, kill, FAULT_SECONDS)
    lost = [call for call in outcome.calls if call.failed]
    assert {call.status for call in lost} <= {NO_ANSWER}
    assert len(lost) <= len(patient_load.callers)  # one a connection, at most
    assert outcome.recovered_in < 1
    assert outcome.wrong == []
    assert outcome.cross_talk == 0
    until("a new worker", lambda: len(workers(patient_service)) == 2)
    assert survivor in workers(patient_service)


def test_a_rolling_restart_behind_a_load_balancer_fails_no_call(
    cognito: RunningCognito, callers: list[Caller], chaos_table: ChaosTable
) -> None:
    """The new one is ready before new connections go there, and then the old one is stopped."""
    settings = settings_for(cognito)
    with ExitStack() as stack:
        old = stack.enter_context(serving(settings))
        balancer = stack.enter_context(relaying(old.url))
        load = stack.enter_context(steady_load(balancer.url, callers))

        @contextmanager
        def roll() -> Iterator[None]:
            new = stack.enter_context(serving(settings))
            balancer.send_to(new.url)
            assert old.terminate() == 0
            yield

        outcome = chaos_table.measure("rolling restart", load, roll(), FAULT_SECONDS)
        load.stop()
    assert set(outcome.answers) == {"200"}
    assert outcome.wrong == []
    assert outcome.cross_talk == 0


def ask(service: Service, caller: Caller, path: str = "/devices") -> requests.Response:
    return requests.get(
        service.url + path, headers={"Authorization": f"Bearer {caller.token}"}, timeout=15
    )


def test_sigterm_lets_calls_under_way_finish_and_exits_with_0(
    cognito: RunningCognito, patient_service: Service, callers: list[Caller]
) -> None:
    answers: list[requests.Response] = []
    cognito.control("POST", "/_local/faults", operation="*", fault="delay", seconds=2, times=None)
    threads = [
        threading.Thread(target=lambda one=one: answers.append(ask(patient_service, one)))
        for one in callers
    ]
    for thread in threads:
        thread.start()
    until(
        "all calls are with Cognito",
        lambda: cognito.control("GET", "/_local/calls").get("ListDevices") == len(callers),
    )
    assert patient_service.terminate() == 0
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * len(callers)


def test_sigterm_under_load_cuts_no_call_short(
    patient_service: Service, patient_load: Load
) -> None:
    begun = time.monotonic()
    assert patient_service.terminate() == 0
    patient_load.stop()
    seen = patient_load.seen(begun)
    # Whoever comes when it is gone is refused; whoever came before has an answer, to the last byte.
    assert set(seen) <= {"200", "no answer (ConnectionError)"}
    refused = [call for call in patient_load.between(begun) if call.status == NO_ANSWER]
    last_answer = max(call.ended for call in patient_load.calls if not call.failed)
    assert all(call.begun > begun for call in refused)
    assert all(call.ended - call.begun < AT_ONCE for call in refused)
    assert last_answer > begun
    assert patient_load.wrong == []


def test_newcomers_are_refused_at_once_while_calls_under_way_finish(
    cognito: RunningCognito, patient_service: Service, callers: list[Caller]
) -> None:
    cognito.control("POST", "/_local/faults", operation="*", fault="delay", seconds=2)
    answers: list[requests.Response] = []
    slow = threading.Thread(target=lambda: answers.append(ask(patient_service, callers[0])))
    slow.start()
    until(
        "the call is with Cognito",
        lambda: "ListDevices" in cognito.control("GET", "/_local/calls"),
    )
    begun = time.monotonic()
    patient_service.process.send_signal(signal.SIGTERM)
    address = urlsplit(patient_service.url)

    def refused() -> bool:
        try:
            socket.create_connection((address.hostname, address.port), timeout=5).close()
        except ConnectionRefusedError:
            return True
        return False

    until("nobody is let in", refused)
    assert time.monotonic() - begun < AT_ONCE
    assert slow.is_alive()
    slow.join()
    assert [answer.status_code for answer in answers] == [200]
    assert patient_service.process.wait(STOP_SECONDS) == 0


def test_a_draining_worker_says_on_a_kept_connection_that_it_is_not_ready(
    cognito: RunningCognito, patient_service: Service, callers: list[Caller]
) -> None:
    with requests.Session() as probe:
        probe.trust_env = False
        assert probe.get(f"{patient_service.url}/readyz", timeout=5).status_code == 200
        cognito.control("POST", "/_local/faults", operation="*", fault="delay", seconds=2)
        slow = threading.Thread(target=ask, args=(patient_service, callers[0]))
        slow.start()
        until(
            "the call is with Cognito",
            lambda: "ListDevices" in cognito.control("GET", "/_local/calls"),
        )
        patient_service.process.send_signal(signal.SIGTERM)
        answers = []

        def is_the_last() -> bool:
            """Asked after the signal; one asked before may be answered after it, and say so too."""
            answers.append(probe.get(f"{patient_service.url}/readyz", timeout=5))
            return answers[-1].headers["Connection"] == "close"

        until("it takes leave", is_the_last)
        assert answers[-1].status_code == 503
        assert answers[-1].json()["checks"]["accepting"] is False
        slow.join()
    assert patient_service.process.wait(STOP_SECONDS) == 0


def test_ready_means_that_the_breaker_is_closed(
    network: Relay, cognito: RunningCognito, callers: list[Caller]
) -> None:
    settings = settings_over(network, cognito) | {
        "WORKERS": "1",
        "BREAKER_OPEN_SECONDS": "2",
    }
    with serving(settings) as service, network.refusing():
        until("breaker open", lambda: ask(service, callers[0]).status_code == 503)
        answer = requests.get(f"{service.url}/readyz", timeout=5)
        assert answer.status_code == 503
        assert answer.json()["checks"]["cognito"] is False
        assert requests.get(f"{service.url}/healthz", timeout=5).status_code == 200
        until("ready to probe", lambda: requests.get(f"{service.url}/readyz", timeout=5).ok)


def test_nothing_is_left_behind(cognito: RunningCognito, tmp_path: Path) -> None:
    with serving(settings_for(cognito) | {"TMPDIR": str(tmp_path)}) as service:
        service.process.send_signal(signal.SIGHUP)
        until("reloaded", lambda: service.logs().count("Booting worker") == 4)
        assert list(tmp_path.iterdir()) != []
        assert service.terminate() == 0
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_service_left_behind_the_next_one_removes(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    """Another that lives beside it keeps its own."""
    settings = settings_for(cognito) | {"TMPDIR": str(tmp_path)}

    def folders() -> set[Path]:
        return set(tmp_path.glob("device-bff-metrics-*"))

    with serving(settings):
        of_the_living = folders()
        with serving(settings) as killed:
            workers = psutil.Process(killed.process.pid).children()
            killed.terminate(signal.SIGKILL)
            psutil.wait_procs(workers, timeout=10)
        (left,) = folders() - of_the_living
        with serving(settings):
            assert left not in folders()
            assert of_the_living < folders()


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


@pytest.mark.parametrize("delay", [0.15, 0.3, 0.45, 0.6])
def test_sigterm_while_it_starts_ends_it_and_leaves_nothing_behind(
    cognito: RunningCognito, tmp_path: Path, delay: float
) -> None:
    service = subprocess.Popen(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=os.environ | settings_for(cognito) | {"PORT": "0", "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    time.sleep(delay)
    service.terminate()
    assert service.wait(STOP_SECONDS) in (0, -signal.SIGTERM)  # the latter by Python, before us
    assert list(tmp_path.iterdir()) == []


def test_a_worker_that_is_told_to_stop_while_it_boots_serves_those_who_wait(
    cognito: RunningCognito,
) -> None:
    with serving(settings_for(cognito) | {"WORKERS": "1"}) as service:
        address = urlsplit(service.url)
        os.kill(workers(service)[0], signal.SIGKILL)
        with ExitStack() as stack:
            waiting = [
                stack.enter_context(socket.create_connection((address.hostname, address.port), 10))
                for _ in range(10)
            ]
            until("booting", lambda: service.logs().count("limits_are_per_process") == 2)
            service.process.send_signal(signal.SIGTERM)
            for connection in waiting:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            for connection in waiting:
                assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
            assert service.process.wait(STOP_SECONDS) == 0
        assert "Exception" not in service.logs()


def test_it_listens_on_ipv6(cognito: RunningCognito) -> None:
    with serving(settings_for(cognito) | {"HOST": "::1"}) as service:
        assert service.url.startswith("http://[::1]:")
        assert requests.get(f"{service.url}/healthz", timeout=5).ok


def test_the_folder_for_counts_is_made_where_it_is_missing(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    folder = tmp_path / "counts"
    with serving(settings_for(cognito) | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}):
        assert list(folder.iterdir()) != []


def test_a_folder_for_counts_that_cannot_be_is_named(
    cognito: RunningCognito, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    settings = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "file" / "counts")}
    with (
        pytest.raises(RuntimeError, match="device-bff: PROMETHEUS_MULTIPROC_DIR: ") as failure,
        serving(settings_for(cognito) | settings),
    ):
        pass
    assert "Traceback" not in str(failure.value)


def test_a_worker_that_is_to_quit_amid_newcomers_quits_at_once(cognito: RunningCognito) -> None:
    """Ctrl-C in a terminal tells it, too. Tried often: one moment of taking them on is at stake."""
    with serving(settings_for(cognito) | {"WORKERS": "1", "THREADS": "64"}) as service:
        address = (urlsplit(service.url).hostname, urlsplit(service.url).port)
        for _ in range(QUITS):
            until("up", lambda: requests.get(f"{service.url}/healthz", timeout=5).ok)
            (worker,) = psutil.Process(service.process.pid).children()
            with ExitStack() as newcomers:
                for _ in range(3):
                    newcomers.enter_context(socket.create_connection(address))
                worker.send_signal(signal.SIGINT)
            until("gone", lambda worker=worker: not worker.is_running(), within=5)
