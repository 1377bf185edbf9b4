"""`make run`: what it prints is true, errors are one line, and Ctrl-C leaves nothing behind.

`make run` is local_cognito/demo.py. It runs here in a folder of links to the program's parts, so
that its `.run` is the test's own.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import requests

from local_cognito import seed
from tests.polling import until
from tests.servers import ROOT, free_port, listens

PARTS = ("gunicorn.conf.py", "app", "local_cognito", "openapi")
STOP_SECONDS = 60
TIMEOUT = 10

OF_THE_SHELL = {
    "HOST": "nowhere.invalid",
    "LOG_LEVEL": "LOUD",
    "COGNITO_ISSUER": "https://elsewhere.example.com",
    "AWS_PROFILE": "not-there",
    "HTTP_PROXY": "http://127.0.0.1:9",
}
"""Each of these would stop the demo, if it heeded them."""


@dataclass(frozen=True)
class Demo:
    """A demo that said it is ready, and what it printed until then."""

    process: subprocess.Popen[str]
    folder: Path
    printed: str
    port: int
    cognito_port: int

    def told(self, pattern: str) -> str:
        """What the first group of a pattern matches in a line that it printed."""
        found = re.search(pattern, self.printed, re.MULTILINE)
        assert found, self.printed
        return found[1]

    def curl(self) -> str:
        """What its curl line prints, pasted into a shell."""
        line = self.told(r"^curl (.+)$")
        return subprocess.run(
            ["bash", "-c", f"curl --silent --show-error --include {line}"],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=True,
        ).stdout

    def ports_in_use(self) -> list[int]:
        ports = (self.port, self.cognito_port)
        return [port for port in ports if listens(f"http://127.0.0.1:{port}")]


def begin(folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Start the demo as a terminal does, in a process group of its own."""
    for part in PARTS:
        if not (folder / part).exists():
            (folder / part).symlink_to(ROOT / part)
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-m", "local_cognito.demo"],
        cwd=folder,
        env=kept | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # nohup's is inherited
    )


@contextmanager
def demo(folder: Path, **variables: str) -> Iterator[Demo]:
    port, cognito_port = free_port(), free_port()
    process = begin(folder, PORT=str(port), COGNITO_PORT=str(cognito_port), **variables)
    try:
        yield Demo(process, folder, printed_until(process, "Ready"), port, cognito_port)
    finally:
        process.terminate()
        process.communicate(timeout=STOP_SECONDS)


def printed_until(process: subprocess.Popen[str], start: str) -> str:
    """Its output up to the line that starts with `start`."""
    assert process.stdout
    printed = ""
    for line in process.stdout:
        printed += line
        if line.startswith(start):
            return printed
    raise AssertionError(f"It ended first:\n{printed}")


def refusal(folder: Path, **variables: str) -> str:
    """All that a demo prints that does not start."""
    process = begin(folder, **variables)
    printed, _ = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 1
    return printed


def assert_stopped(process: subprocess.Popen[str]) -> None:
    rest, _ = process.communicate(timeout=STOP_SECONDS)
    assert (process.returncode, rest) == (0, "\nStopped.\n")


def assert_terminal_stops_all(started: Demo, how: signal.Signals) -> None:
    os.killpg(started.process.pid, how)  # as a terminal does
    assert_stopped(started.process)
    assert not started.ports_in_use()
    until("every process has ended", lambda: has_ended(started.process.pid))


def has_ended(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that the tests only look at, started from a shell full of settings; Ctrl-C ends it."""
    ours = {"CORS_ORIGINS": "https://ours.example"}
    with demo(tmp_path_factory.mktemp("demo"), **OF_THE_SHELL, **ours) as running_demo:
        yield running_demo
        assert_terminal_stops_all(running_demo, signal.SIGINT)


def test_each_step_has_a_line_and_the_last_one_says_ready(shown: Demo) -> None:
    cognito, page, service, sign_in, *_, ready = shown.printed.splitlines()
    assert cognito == f"Starting the local Cognito on port {shown.cognito_port} ..."
    assert page.startswith("Starting the page at http://127.0.0.1:")
    assert service == f"Starting the service on port {shown.port} ..."
    assert sign_in == "Signing the demo user in from three devices and a managed login ..."
    assert ready.startswith(f"Ready: the API is at http://127.0.0.1:{shown.port},")


def test_the_page_is_shown_first_and_may_call_the_service_of_each_pool(shown: Demo) -> None:
    url = shown.told(r"Look at the page “Your devices”: (\S+)")
    assert shown.printed.index(url, shown.printed.index("Look at")) < shown.printed.index("GET /")
    pools = requests.get(f"{url}/config.json", timeout=TIMEOUT).json()["pools"]
    assert [it["userPoolId"] for it in pools] == [seed.ALWAYS_POOL_ID, seed.OPT_IN_POOL_ID]
    for pool in pools:
        assert may_call(f"{pool['apiUrl']}/devices", url)


@pytest.mark.parametrize("origin", ["http://localhost:5173", "https://ours.example"])
def test_a_page_of_a_development_server_or_of_cors_origins_may_call(
    shown: Demo, origin: str
) -> None:
    assert may_call(f"http://127.0.0.1:{shown.port}/devices", origin)


def may_call(url: str, origin: str) -> bool:
    answer = requests.get(url, headers={"Origin": origin}, timeout=TIMEOUT)
    return answer.headers.get("Access-Control-Allow-Origin") == origin


def test_it_prints_devices_as_people_call_them_and_which_is_current(shown: Demo) -> None:
    rows = re.findall(
        r"^  (\S.*?)  +(?:-|[a-z]+) +remembered  +(this one)?  ", shown.printed, re.MULTILINE
    )
    assert rows == [
        ("Ada's iPhone", ""),
        ("Edge on Windows", ""),
        ("Chrome on macOS", "this one"),
    ]


def test_it_prints_sessions_with_their_app_and_place_and_which_is_current(shown: Demo) -> None:
    rows = re.findall(
        r"^  (\S.*?)  +(token|sso)  +(Demo \w+)  +(\w+, \w+)  +(this one)?  ",
        shown.printed,
        re.MULTILINE,
    )
    assert sorted(rows) == [
        ("Chrome on macOS", "token", "Demo app", "Lisbon, Portugal", "this one"),
        ("Edge on Windows", "token", "Demo app", "Berlin, Germany", ""),
        ("Safari on iOS", "sso", "Demo shop", "Lisbon, Portugal", ""),
        ("Safari on iOS", "token", "Demo app", "Lisbon, Portugal", ""),
        ("Safari on iOS", "token", "Demo shop", "Lisbon, Portugal", ""),
    ]


def test_sessions_of_the_second_pool_have_their_app_too(shown: Demo) -> None:
    url = shown.told(r"Look at the page “Your devices”: (\S+)")
    pool = requests.get(f"{url}/config.json", timeout=TIMEOUT).json()["pools"][1]
    signed_in = requests.post(
        f"{pool['userPoolEndpoint']}/_local/sign-in",
        json={"pool": pool["userPoolId"], "client_id": pool["userPoolClientId"]},
        timeout=TIMEOUT,
    ).json()
    sessions = requests.get(
        f"{pool['apiUrl']}/sessions",
        headers={"Authorization": f"Bearer {signed_in['access_token']}"},
        timeout=TIMEOUT,
    ).json()
    assert [it["clientName"] for it in sessions["items"]] == ["Demo app"]


def test_its_curl_line_lists_the_devices_that_it_shows(
    shown: Demo,
) -> None:
    answer = shown.curl()
    assert answer.startswith("HTTP/1.1 200 ")
    ids = re.findall(r'"id":"([^"]+)"', answer)
    assert len(ids) == 3
    assert all(key in shown.printed for key in ids)


def test_swagger_ui_is_where_it_says(shown: Demo) -> None:
    page = requests.get(shown.told(r"^Swagger UI: (\S+)$"), timeout=TIMEOUT)
    assert page.headers["Content-Type"].startswith("text/html")


def test_what_a_sign_in_needs_is_printed_and_kept_in_demo_env(shown: Demo) -> None:
    url = shown.told(r"Look at the page “Your devices”: (\S+)")
    opt_in = requests.get(f"{url}/config.json", timeout=TIMEOUT).json()["pools"][1]
    kept = (shown.folder / ".run" / "demo.env").read_text().splitlines()
    assert dict(line.split("=", 1) for line in kept) == {
        "COGNITO_USER_POOL_ID": seed.POOL_ID,
        "COGNITO_CLIENT_ID": seed.CLIENT_ID,
        "COGNITO_ENDPOINT_URL": f"http://127.0.0.1:{shown.cognito_port}",
        "DEVICE_BFF_URL": f"http://127.0.0.1:{shown.port}",
        "DEMO_USERNAME": seed.DEMO_USERNAME,
        "DEMO_PASSWORD": seed.DEMO_PASSWORD,
        "DEMO_TOTP_SECRET": seed.DEMO_TOTP_SECRET,
        "OPT_IN_USER_POOL_ID": opt_in["userPoolId"],
        "OPT_IN_CLIENT_ID": opt_in["userPoolClientId"],
        "OPT_IN_DEVICE_BFF_URL": opt_in["apiUrl"],
    }
    assert set(kept) <= set(shown.printed.splitlines())


def test_a_second_run_keeps_its_files_apart_verifies_with_tls_and_ends_with_its_terminal(
    shown: Demo,
) -> None:
    env_file = shown.folder / ".run" / "demo.env"
    before = env_file.read_text()
    with demo(shown.folder, TLS="1") as second:
        assert second.curl().startswith("HTTP/1.1 200 ")
        assert (shown.folder / f".run/{second.port}/demo.env").exists()
        assert second.told(r"^Logs: (\S+), ") == f".run/{second.port}/service.log"
        assert_terminal_stops_all(second, signal.SIGHUP)
    assert env_file.read_text() == before
    assert (shown.folder / shown.told(r"^Logs: (\S+), ")).exists()


@pytest.mark.parametrize("other", ["PORT", "COGNITO_PORT"])
def test_two_servers_on_one_port_are_named(tmp_path: Path, other: str) -> None:
    port = str(free_port())
    ports = {"PORT": str(free_port()), "COGNITO_PORT": str(free_port())} | {other: port}
    told = refusal(tmp_path, **ports, WEB_PORT=port)
    assert told == f"WEB_PORT and {other} are both {port}: set one of them to another.\n"


def test_a_service_that_dies_is_told_with_its_log(tmp_path: Path) -> None:
    with demo(tmp_path) as running_demo:
        started = psutil.Process(running_demo.process.pid).children()
        _, opt_in, _ = sorted(started, key=psutil.Process.create_time)  # Cognito is the first
        opt_in.terminate()
        rest, _ = running_demo.process.communicate(timeout=STOP_SECONDS)
    told = "A service ended with exit code 0; its log is in .run/opt-in.log.\n"
    assert (running_demo.process.returncode, rest) == (1, told)


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_an_interrupted_start_says_that_it_stopped(tmp_path: Path, how: str) -> None:
    process = begin(tmp_path, PORT=str(free_port()), COGNITO_PORT=str(free_port()))
    printed_until(process, "Starting the local Cognito")
    if how == "Ctrl-C":
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.terminate()
    assert_stopped(process)


@pytest.mark.parametrize("variable", ["PORT", "COGNITO_PORT"])
def test_a_taken_port_is_one_line_with_the_way_out(tmp_path: Path, variable: str) -> None:
    ports = {"PORT": str(free_port()), "COGNITO_PORT": str(free_port())}
    taken = int(ports[variable])
    with socket.create_server(("127.0.0.1", taken)):
        assert refusal(tmp_path, **ports) == (
            f"Port {taken} cannot be used (Address already in use). "
            f"Choose another: make run {variable}={taken + 1}\n"
        )


@pytest.mark.parametrize("wrong", ["http", "0", "65536"])
def test_a_port_that_is_none_is_named_in_one_line(tmp_path: Path, wrong: str) -> None:
    assert refusal(tmp_path, PORT=wrong) == (
        f"{wrong!r} is not a port: set PORT to a number from 1 to 65535.\n"
    )


def test_a_python_that_is_too_old_is_one_line_with_the_way_out(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && { echo Python 3.9.18; exit; }\nexit 1\n')
    old.chmod(0o755)
    for file in ("Makefile", "requirements-local.txt"):
        shutil.copy(ROOT / file, tmp_path)
    done = subprocess.run(
        ["make", "--no-print-directory", "run", f"PYTHON={old}"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    said, of_make = done.stderr.splitlines()
    assert said == (
        f"Python 3.11 or newer is needed; {old} is Python 3.9.18. "
        "Name another one: make PYTHON=python3.13 run"
    )
    assert of_make.startswith("make: ***")
    assert not (tmp_path / ".venv").exists()
