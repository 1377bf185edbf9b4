"""Starts what is measured, and reads from /proc what it costs."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.tokens import CLIENT_ID, ISSUER, POOL_ID, REGION

ROOT = Path(__file__).resolve().parent.parent
TICKS = os.sysconf("SC_CLK_TCK")
START_SECONDS = 30


@dataclass(frozen=True)
class Server:
    """A running server, all of its processes."""

    name: str
    process: subprocess.Popen[Any]
    url: str

    def pids(self) -> list[int]:
        found, last = [], [self.process.pid]
        while last:
            found += last
            last = [child for parent in last for child in _children(parent)]
        return found

    def cpu_seconds(self) -> float:
        """User and system time so far."""
        ticks = 0
        for pid in self.pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / TICKS

    def pss_mib(self) -> float:
        """Memory, what processes share counted once."""
        total = 0
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(rollup.partition("\nPss:")[2].split()[0])
        return total / 1024


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


@dataclass(frozen=True)
class Upstream(Server):
    """The canned Cognito."""

    def set(self, *, delay: float = 0.0, quota: int | None = None) -> None:
        body = json.dumps({"delay": delay, "quota": quota}).encode()
        request = urllib.request.Request(f"{self.url}/_settings", body, method="PUT")  # noqa: S310
        urllib.request.urlopen(request).close()  # noqa: S310 - our own server

    def counts(self) -> dict[str, int]:
        with urllib.request.urlopen(f"{self.url}/_counts") as response:  # noqa: S310
            counts: dict[str, int] = json.load(response)
            return counts


@contextmanager
def upstream(folder: Path) -> Iterator[Upstream]:
    """The canned Cognito, over the tokens in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.upstream", str(folder)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None  # noqa: S101 - piped
        yield Upstream("upstream", process, f"http://127.0.0.1:{int(process.stdout.readline())}")
    finally:
        process.kill()
        process.wait()


def environment(cognito: Upstream) -> dict[str, str]:
    """What the service and its peers read alike."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": os.environ.get("HOME", "/"),
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NODE_ENV": "production",
        "COGNITO_USER_POOL_ID": POOL_ID,
        "COGNITO_CLIENT_IDS": CLIENT_ID,
        "COGNITO_ISSUER": ISSUER,
        "COGNITO_ENDPOINT_URL": cognito.url,
        "COGNITO_JWKS_URL": f"{cognito.url}/jwks.json",
    }


SERVICE_SETTINGS = {
    "LOG_FORMAT": "json",
    "RATE_LIMIT_PER_SIGN_IN": "100000000 per minute",
    "RATE_LIMIT_PER_ADDRESS": "100000000 per minute",
    "COGNITO_READ_QUOTA": "100000",
    "COGNITO_UPDATE_QUOTA": "100000",
    "COGNITO_USER_UPDATE_QUOTA": "100000",
}
"""As shipped, but for limits that the load would meet."""


@contextmanager
def service(
    name: str, cognito: Upstream, folder: Path, more: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """The service as `make run` and the image start it: two workers."""
    python = ROOT / ".venv/bin/python"
    with _started(
        name,
        [str(python), "-m", "gunicorn"],
        ROOT,
        {**environment(cognito), **SERVICE_SETTINGS, **(more or {})},
        folder,
    ) as server:
        yield server


@contextmanager
def fastapi(cognito: Upstream, folder: Path) -> Iterator[Server]:
    """FastAPI and aiobotocore under uvicorn, two workers."""
    with _started(
        "FastAPI",
        [
            *(sys.executable, "-m", "uvicorn", "benchmarks.peers.fastapi_peer:app"),
            *("--workers=2", "--no-access-log", "--log-level=warning"),
        ],
        ROOT,
        environment(cognito),
        folder,
        port_option="--port",
    ) as server:
        yield server


@contextmanager
def express(cognito: Upstream, folder: Path) -> Iterator[Server]:
    """Express and AWS SDK v3, a cluster of two."""
    with _started(
        "Express",
        ["node", "peers/express_peer.mjs"],
        ROOT / "benchmarks",
        environment(cognito),
        folder,
    ) as server:
        yield server


@contextmanager
def _started(
    name: str,
    command: list[str],
    cwd: Path,
    variables: Mapping[str, str],
    folder: Path,
    port_option: str | None = None,
) -> Iterator[Server]:
    port = _free_port()
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, port_option, port] if port_option else command,
            cwd=cwd,
            env={"PORT": port, **variables},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, folder / f"{name}.log")
        yield Server(name, process, url)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[Any], log: Path) -> None:
    over = time.monotonic() + START_SECONDS
    while time.monotonic() < over and process.poll() is None:
        try:
            urllib.request.urlopen(f"{url}/devices").close()  # noqa: S310 - our own server
        except urllib.error.HTTPError:
            return  # 401: it is up
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"It did not start:\n{log.read_text()[-2000:]}")
