"""`make run` is local_cognito/demo.py: what it prints is true, and Ctrl-C leaves nothing behind.

Each run is from a folder of links to the program's parts, so that its `.run` is the test's own.
"""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from local_cognito import seed
from tests.servers import ROOT

PARTS = ("gunicorn.conf.py", "app", "local_cognito")
START_SECONDS = 60
STOP_SECONDS = 30
TIMEOUT = 10


@dataclass(frozen=True)
class Demo:
    """A demo that said it is ready, and what it printed until then."""

    process: subprocess.Popen[str]
    folder: Path
    printed: str
    port: int
    cognito_port: int

    @property
    def url(self) -> str:
        """Where it says that the API is."""
        return str(re.findall(r"^Ready: the API is at (\S+),", self.printed, re.MULTILINE)[0])

    def after_stop(self) -> tuple[int, str]:
        """Its exit code, and what it printed at the end."""
        rest, _ = self.process.communicate(timeout=STOP_SECONDS)
        return self.process.returncode, rest

    def curl(self) -> subprocess.CompletedProcess[str]:
        """Its curl line, pasted into a shell where the demo was started."""
        line = next(it for it in self.printed.splitlines() if it.startswith("curl "))
        return subprocess.run(
            ["bash", "-c", line.replace("curl ", "curl --silent --show-error --include ", 1)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )


def free_ports() -> dict[str, str]:
    """The variables that name a port for each server, of ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return {
            "PORT": str(one.getsockname()[1]),
            "COGNITO_PORT": str(other.getsockname()[1]),
        }


def begin(folder: Path, **variables: str) -> subprocess.Popen[str]:
    """Start the demo as from a terminal: a process group of its own, and nothing of AWS's."""
    for part in PARTS:
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
    )


@contextmanager
def demo(folder: Path, **variables: str) -> Iterator[Demo]:
    ports = free_ports()
    process = begin(folder, **ports, **variables)
    try:
        printed = _until_ready(process)
        yield Demo(process, folder, printed, int(ports["PORT"]), int(ports["COGNITO_PORT"]))
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=STOP_SECONDS)
        assert process.stdout is not None
        process.stdout.close()


def _until_ready(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    printed = ""
    deadline = time.monotonic() + START_SECONDS
    for line in process.stdout:
        printed += line
        if line.startswith("Ready"):
            return printed
        assert time.monotonic() < deadline, printed
    raise AssertionError(f"It ended before it was ready:\n{printed}")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def running(group: int) -> bool:
    """Whether any process is left of a process group."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A demo that the tests only look at."""
    with demo(tmp_path_factory.mktemp("demo")) as running_demo:
        yield running_demo


def test_it_prints_three_devices_with_their_names_and_which_is_current(shown: Demo) -> None:
    rows = re.findall(r"^  (\S.*?)  +remembered  +(true|false)  ", shown.printed, re.MULTILINE)
    assert rows == [
        ("Ada's iPhone", "false"),
        ("Kitchen tablet", "false"),
        ("Chrome on macOS", "true"),
    ]


def test_its_curl_line_lists_the_same_devices(shown: Demo) -> None:
    answer = shown.curl()
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("HTTP/1.1 200 ")
    ids = re.findall(r'"id":"([^"]+)"', answer.stdout)
    assert len(ids) == 3
    assert all(re.search(rf"  {re.escape(it)}$", shown.printed, re.MULTILINE) for it in ids)


def test_the_api_is_where_it_was_told_to_be(shown: Demo) -> None:
    assert shown.url == f"http://127.0.0.1:{shown.port}"
    assert requests.get(f"{shown.url}/healthz", timeout=TIMEOUT).status_code == 200
    assert requests.get(f"{shown.url}/devices", timeout=TIMEOUT).status_code == 401


def test_the_address_of_swagger_ui_answers_with_a_page(shown: Demo) -> None:
    address = re.findall(r"^Swagger UI: (\S+)$", shown.printed, re.MULTILINE)[0]
    page = requests.get(address, timeout=TIMEOUT)
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")


def test_what_a_sign_in_needs_is_printed_and_kept_in_demo_env(shown: Demo) -> None:
    kept = (shown.folder / ".run" / "demo.env").read_text().splitlines()
    assert dict(line.split("=", 1) for line in kept) == {
        "COGNITO_USER_POOL_ID": seed.POOL_ID,
        "COGNITO_CLIENT_ID": seed.CLIENT_ID,
        "COGNITO_ENDPOINT_URL": f"http://127.0.0.1:{shown.cognito_port}",
        "DEMO_USERNAME": seed.DEMO_USERNAME,
        "DEMO_PASSWORD": seed.DEMO_PASSWORD,
        "DEMO_TOTP_SECRET": seed.DEMO_TOTP_SECRET,
    }
    assert set(kept) <= set(shown.printed.splitlines())


def test_the_last_line_says_that_it_is_ready(shown: Demo) -> None:
    assert shown.printed.splitlines()[-1].startswith("Ready")


def test_ctrl_c_stops_all_that_it_started(tmp_path: Path) -> None:
    with demo(tmp_path) as running_demo:
        assert listens(running_demo.port)
        assert listens(running_demo.cognito_port)
        # A terminal sends it to every process of the group at once.
        os.killpg(running_demo.process.pid, signal.SIGINT)
        assert running_demo.after_stop() == (0, "\nStopped.\n")
        assert not running(running_demo.process.pid)
        assert not listens(running_demo.port)
        assert not listens(running_demo.cognito_port)


def test_sigterm_to_it_alone_stops_all_that_it_started(tmp_path: Path) -> None:
    with demo(tmp_path) as running_demo:
        running_demo.process.send_signal(signal.SIGTERM)
        assert running_demo.after_stop() == (0, "\nStopped.\n")
        assert not running(running_demo.process.pid)
        assert not listens(running_demo.port)
        assert not listens(running_demo.cognito_port)


def test_with_tls_the_api_is_https_and_its_certificate_verifies(tmp_path: Path) -> None:
    with demo(tmp_path, TLS="1") as running_demo:
        assert running_demo.url == f"https://127.0.0.1:{running_demo.port}"
        authority = str(tmp_path / ".run" / "ca.pem")
        answer = requests.get(f"{running_demo.url}/healthz", verify=authority, timeout=TIMEOUT)
        assert answer.status_code == 200
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(f"{running_demo.url}/healthz", timeout=TIMEOUT)
        assert running_demo.curl().stdout.startswith("HTTP/1.1 200 ")


@pytest.mark.parametrize("variable", ["PORT", "COGNITO_PORT"])
def test_a_port_that_is_taken_is_named_in_one_line(tmp_path: Path, variable: str) -> None:
    ports = free_ports()
    with socket.create_server(("127.0.0.1", int(ports[variable]))):
        assert refusal(tmp_path, ports) == (
            f"Port {ports[variable]} cannot be used (Address already in use): "
            f"set {variable} to another.\n"
        )


@pytest.mark.parametrize("wrong", ["http", "-1", "0", "65536", ""])
def test_a_port_that_is_none_is_named_in_one_line(tmp_path: Path, wrong: str) -> None:
    assert refusal(tmp_path, free_ports() | {"PORT": wrong}) == (
        f"{wrong!r} is not a port: set PORT to a number from 1 to 65535.\n"
    )


def refusal(folder: Path, variables: dict[str, str]) -> str:
    """All that a demo says that does not start."""
    with begin(folder, **variables) as process:
        printed, _ = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 1
    return printed
