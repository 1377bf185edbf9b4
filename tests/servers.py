"""Starts the service as its users run it: gunicorn, its settings from the environment."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import requests

from local_cognito.process import RunningCognito
from local_cognito.seed import CLIENT_ID, POOL_ID

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 90
STOP_SECONDS = 40


@dataclass
class Service:
    """A running service. `metrics_url` is another one than `url` if METRICS_PORT is set; `output`
    grows as it logs."""

    url: str
    metrics_url: str
    process: subprocess.Popen[bytes]
    output: Path

    def logs(self) -> str:
        return self.output.read_text()

    def terminate(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Stop it and give back its exit code."""
        self.process.send_signal(how)
        return self.process.wait(STOP_SECONDS)


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def listens(url: str) -> bool:
    address = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((address.hostname, address.port)) == 0


def settings_for(
    cognito: RunningCognito, pool_id: str = POOL_ID, client_id: str = CLIENT_ID
) -> dict[str, str]:
    """The variables that point the service at a pool of the local Cognito."""
    return {
        "COGNITO_USER_POOL_ID": pool_id,
        "COGNITO_CLIENT_IDS": client_id,
        "COGNITO_ENDPOINT_URL": cognito.url,
        "COGNITO_JWKS_URL": cognito.jwks_url(pool_id),
        "RATE_LIMIT_PER_SIGN_IN": "100000 per minute",
        "RATE_LIMIT_PER_ADDRESS": "100000 per minute",
        "COGNITO_READ_QUOTA": "100000",
        "COGNITO_UPDATE_QUOTA": "100000",
        "COGNITO_USER_UPDATE_QUOTA": "100000",
        "FORGET_RATE": "1000",
        "JWKS_REFETCH_INTERVAL": "0.001",
    }


@contextmanager
def serving(settings: dict[str, str], *, wait_for: str = "/readyz") -> Iterator[Service]:
    """The service with exactly these settings: nothing of AWS, nothing of the caller's own.

    `wait_for`: the path that must answer 200 before the test begins.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in ("PATH", "HOME", "LANG") or name.startswith("COVERAGE_")
    }
    with TemporaryDirectory(prefix="device-bff-") as folder:
        output = Path(folder, "output")
        with output.open("wb") as out:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("gunicorn")],
                cwd=ROOT,
                env=kept | {"PORT": "0", "LOG_FORMAT": "json"} | settings,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        try:
            yield _ready(process, output, "TLS_CERT_FILE" in settings, wait_for)
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _ready(process: subprocess.Popen[bytes], output: Path, tls: bool, wait_for: str) -> Service:
    """Wait until the service says where it listens, and answers there."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        _, found, rest = output.read_text().partition("Listening at: ")
        if found:
            urls = rest.split()[0].split(",")
            try:
                if requests.get(urls[0] + wait_for, timeout=5, verify=not tls).status_code == 200:
                    return Service(urls[0], urls[-1], process, output)
            except requests.RequestException:  # not yet
                pass
        time.sleep(0.02)
    raise RuntimeError(f"The service did not start ({process.poll()}):\n{output.read_text()}")
