"""`make bench`: what the service adds to Cognito, and what it carries.

The same calls are made through the service and directly to the local Cognito, in turns, in one run
and by one client: their ratio says something on any machine, a figure alone does not. The client is
a few lines over sockets, for a client library would be measured along. BENCH_SECONDS (default 3)
is how long each round of each row takes; each row has three rounds.
"""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple
from urllib.parse import urlsplit

from local_cognito.process import RunningCognito, running
from tests.servers import serving, settings_for

ROUND_SECONDS = float(os.environ.get("BENCH_SECONDS", "3"))
ROUNDS = 3
CLIENTS = 8
DEVICES = 5
COLD_TOKENS = 400
STARTS = 5
ROOT = Path(__file__).resolve().parent.parent


class Row(NamedTuple):
    """A measured line: which requests to where, in turn, by how many clients at once."""

    name: str
    address: tuple[str, int]
    requests: Sequence[bytes]
    clients: int


@dataclass(frozen=True)
class Result:
    """Seconds a call, in order; calls a second."""

    latencies: list[float]
    rate: float

    def cells(self) -> str:
        percentiles = quantiles(self.latencies, n=100)
        return (
            f"{self.rate:8.0f} | {percentiles[49] * 1000:6.2f} | {percentiles[94] * 1000:6.2f} | "
            f"{percentiles[98] * 1000:6.2f}"
        )


def measure(rows: list[Row]) -> dict[str, Result]:
    """Every row, round after round, so that what the machine does meanwhile falls on all."""
    latencies: dict[str, list[float]] = {row.name: [] for row in rows}
    rates: dict[str, list[float]] = {row.name: [] for row in rows}
    for _ in range(ROUNDS):
        for row in rows:
            begun = time.perf_counter()
            found = _round(row)
            rates[row.name].append(len(found) / (time.perf_counter() - begun))
            latencies[row.name] += found
    return {name: Result(sorted(found), median(rates[name])) for name, found in latencies.items()}


def _round(row: Row) -> list[float]:
    if row.clients == 1:
        return _client(row.address, row.requests)
    shares = [row.requests[number :: row.clients] or row.requests for number in range(row.clients)]
    with multiprocessing.get_context("fork").Pool(row.clients) as pool:
        found = pool.starmap(_client, [(row.address, share) for share in shares])
    return [seconds for one in found for seconds in one]


def _client(address: tuple[str, int], requests: Sequence[bytes]) -> list[float]:
    """Call after call on one connection; the seconds of each."""
    found = []
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        over = time.perf_counter() + ROUND_SECONDS
        for request in cycle(requests):
            begun = time.perf_counter()
            if begun > over:
                return found
            connection.sendall(request)
            _read_answer(connection)
            found.append(time.perf_counter() - begun)
    return found


def _read_answer(connection: socket.socket) -> None:
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError(received)
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:])
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(received)
    missing = int(fields.get(b"content-length", 0)) - len(body)
    while missing > 0:
        missing -= len(connection.recv(65536))


def to_service(method: str, path: str, token: str, body: object = None) -> bytes:
    """A request to the API."""
    content = b"" if body is None else json.dumps(body).encode()
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def to_cognito(operation: str, **params: object) -> bytes:
    """The request that the service makes of it, made directly."""
    content = json.dumps(params).encode()
    return (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.1\r\n"
        f"X-Amz-Target: AWSCognitoIdentityProviderService.{operation}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    ).encode() + content


def address_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None  # noqa: S101 - our own servers' addresses
    assert parts.port is not None  # noqa: S101
    return parts.hostname, parts.port


def main() -> None:
    """Measure and print."""
    with running() as cognito:
        _print_starts(settings_for(cognito))
        with serving(settings_for(cognito) | {"AUDIT_LOG": "false"}) as service:
            _print_calls(address_of(service.url), cognito)
            _print_token_cache(address_of(service.url), cognito)


def _print_starts(settings: dict[str, str]) -> None:
    found = []
    for _ in range(STARTS):
        with started(settings) as seconds:
            found.append(seconds)
    print(
        f"start, from the process to the first 200 of /healthz, {STARTS} times: "
        f"median {median(found):.2f} s, worst {max(found):.2f} s\n"
    )


@contextmanager
def started(settings: dict[str, str]) -> Iterator[float]:
    """Seconds that a service took to answer; it is stopped at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "PORT": str(port)} | settings
    begun = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as connection:
                    connection.sendall(to_service("GET", "/healthz", ""))
                    _read_answer(connection)
                break
            except ConnectionError:
                time.sleep(0.005)
        yield time.perf_counter() - begun
    finally:
        process.terminate()
        process.wait()


def _print_calls(service: tuple[str, int], cognito: RunningCognito) -> None:
    sign_ins = cognito.control("POST", "/_local/sign-in", username="demo", count=DEVICES)
    token, key = (sign_ins["sign_ins"][-1][name] for name in ("access_token", "device_key"))
    direct = address_of(cognito.url)
    rows = []
    for clients in (1, CLIENTS):
        for path, through, directly in (
            (
                "GET /devices",
                to_service("GET", "/devices", token),
                to_cognito("ListDevices", AccessToken=token, Limit=60),
            ),
            (
                "GET /devices/{id}",
                to_service("GET", f"/devices/{key}", token),
                to_cognito("GetDevice", AccessToken=token, DeviceKey=key),
            ),
            (
                "PATCH /devices/{id}",
                to_service("PATCH", f"/devices/{key}", token, {"status": "remembered"}),
                to_cognito(
                    "UpdateDeviceStatus",
                    AccessToken=token,
                    DeviceKey=key,
                    DeviceRememberedStatus="remembered",
                ),
            ),
        ):
            name = f"{path}, {clients} at once"
            rows.append(Row(f"{name}, service", service, [through], clients))
            rows.append(Row(f"{name}, Cognito alone", direct, [directly], clients))
    rows.append(Row("GET /healthz, 1 at once", service, [to_service("GET", "/healthz", "")], 1))
    results = measure(rows)
    print(f"{'':<48} |  calls/s | p50 ms | p95 ms | p99 ms")
    for row in rows:
        print(f"{row.name:<48} | {results[row.name].cells()}")
    print()
    for row in rows:
        name, _, kind = row.name.rpartition(", ")
        if kind == "service":
            through, alone = results[row.name], results[f"{name}, Cognito alone"]
            ours, theirs = median(through.latencies), median(alone.latencies)
            print(
                f"{name}: {ours / theirs:.2f} times Cognito alone at the median, "
                f"{(ours - theirs) * 1000:+.2f} ms"
            )
    print()


def _print_token_cache(service: tuple[str, int], cognito: RunningCognito) -> None:
    """A token never met before costs a signature check; one met before costs a look-up."""
    tokens = [
        cognito.control("POST", "/_local/tokens", username="demo2")["token"]
        for _ in range(COLD_TOKENS)
    ]
    asks = [to_service("GET", "/devices", token) for token in tokens]
    # One connection is one worker's, so all tokens are in that worker's cache the second time.
    found = _timed(service, asks * 2)
    cold, warm = median(found[:COLD_TOKENS]), median(found[COLD_TOKENS:])
    print(f"token met for the first time: {cold * 1000:.2f} ms, median of {COLD_TOKENS} calls")
    print(f"token met before: {warm * 1000:.2f} ms, median of {COLD_TOKENS} calls")
    print(f"the token cache saves {(cold - warm) * 1000:.2f} ms a call: {cold / warm:.2f} times")


def _timed(address: tuple[str, int], requests: Sequence[bytes]) -> list[float]:
    found = []
    with socket.create_connection(address) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for request in requests:
            begun = time.perf_counter()
            connection.sendall(request)
            _read_answer(connection)
            found.append(time.perf_counter() - begun)
    return found


if __name__ == "__main__":
    main()
