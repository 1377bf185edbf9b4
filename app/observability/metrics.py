"""Prometheus metrics, correct across gunicorn's workers (prometheus_client's multiprocess mode)."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from flask import Flask, Response, request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from tenacity import retry, retry_if_exception_type, stop_after_attempt, wait_fixed
from werkzeug.exceptions import NotFound

logger = structlog.get_logger(__name__)

PATH = "/metrics"

REQUESTS = Histogram(
    "device_bff_http_request_duration_seconds",
    "Time to answer a request, by route template and status.",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
REQUESTS_IN_FLIGHT = Gauge(
    "device_bff_http_requests_in_flight", "Requests being answered.", multiprocess_mode="livesum"
)
COGNITO_CALLS = Histogram(
    "device_bff_cognito_call_duration_seconds",
    "Time of one attempt at a Cognito operation, by what came of it.",
    ("operation", "outcome"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
COGNITO_RETRIES = Counter(
    "device_bff_cognito_retries_total", "Attempts after the first one.", ("operation",)
)
COGNITO_IN_FLIGHT = Gauge(
    "device_bff_cognito_calls_in_flight", "Calls of Cognito under way.", multiprocess_mode="livesum"
)
COGNITO_REFUSED = Counter(
    "device_bff_cognito_calls_refused_total",
    "Calls that were not sent to Cognito, for the breaker was open or too many were in flight.",
    ("by",),
)
for by in ("breaker", "in_flight"):
    COGNITO_REFUSED.labels(by)  # told as 0 before the first
BREAKER_STATE = Gauge(
    "device_bff_cognito_breaker_open",
    "1 while the worker's circuit breaker is open, 0.5 half-open, 0 closed; the worst worker's.",
    multiprocess_mode="livemax",
)
TOKEN_CACHE_LOOKUPS = Counter(
    "device_bff_token_cache_lookups_total", "Access tokens met before, or not.", ("outcome",)
)
JWKS_FETCHES = Counter(
    "device_bff_jwks_fetches_total", "Fetches of the user pool's key set.", ("outcome",)
)
RATE_LIMITED = Counter(
    "device_bff_rate_limited_total",
    "Calls refused with 429: by the caller's own limit, our share of Cognito's quota, or Cognito.",
    ("by",),
)
REDIS_FAILURES = Counter(
    "device_bff_redis_failures_total", "Times that Redis was asked and did not serve."
)
TRACE_EXPORT_FAILURES = Counter(
    "device_bff_trace_export_failures_total", "Batches of spans that the collector did not take."
)


FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""The variable that names where gunicorn's workers keep their counts, a file each of each kind."""


@retry(
    retry=retry_if_exception_type(struct.error),
    stop=stop_after_attempt(10),
    wait=wait_fixed(0.01),
    reraise=True,
)
def exposition() -> bytes:
    """All workers' metrics under gunicorn, this process's own elsewhere, in Prometheus' format.

    The library chokes on a file that a worker has just made and not begun to write.
    """
    if FOLDER not in os.environ:
        return generate_latest(REGISTRY)
    everybody = CollectorRegistry()
    MultiProcessCollector(everybody)  # type: ignore[no-untyped-call]
    with _folder(fcntl.LOCK_SH):
        return generate_latest(everybody)


def bury(worker: int) -> None:
    """A dead worker's gauges end with it; its counts are added to those of the dead before it.

    gunicorn replaces workers for as long as it runs, and every scrape reads every file. Files that
    a scrape is reading are left for the next time: the parent process, which calls this, waits for
    no worker. `worker`: its process id.
    """
    try:
        mark_process_dead(worker)  # type: ignore[no-untyped-call]
        with _folder(fcntl.LOCK_EX | fcntl.LOCK_NB) as folder:
            for kind in ("counter", "histogram"):
                for file in folder.glob(f"{kind}_*.db"):
                    owner = file.stem.removeprefix(f"{kind}_")
                    if owner.isdecimal() and not _is_alive(int(owner)):
                        _move_counts(file, folder / f"{kind}_dead.db")
    except BlockingIOError:
        pass
    except OSError as error:  # gunicorn would end for it
        logger.warning("counts_lost", error=type(error).__name__)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _move_counts(file: Path, to: Path) -> None:
    """One that cannot be read is given up, or no scrape could be answered any more."""
    try:
        _add_counts(file, to)
    except Exception as error:
        logger.warning("counts_lost", error=type(error).__name__)
    file.unlink()


def _add_counts(file: Path, to: Path) -> None:
    sums = MmapedDict(str(to))  # type: ignore[no-untyped-call]
    try:
        for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
            before, _ = sums.read_value(key)  # type: ignore[no-untyped-call]
            sums.write_value(key, before + value, 0.0)  # type: ignore[no-untyped-call]
    finally:
        sums.close()  # type: ignore[no-untyped-call]


@contextmanager
def _folder(lock: int) -> Iterator[Path]:
    """The folder of counts, locked as `fcntl.flock` is told."""
    folder = Path(os.environ[FOLDER])
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, lock)
        yield folder
    finally:
        os.close(handle)


def register(app: Flask, port: int | None) -> None:
    """Serve `GET /metrics`, in Prometheus' text format.

    `port`: where gunicorn listens for it besides; it is there then and nowhere else, and nothing
    else is there.
    """

    @app.get(PATH)
    def metrics() -> Response:
        return Response(exposition(), content_type=CONTENT_TYPE_LATEST)

    if port is None:
        return

    @app.before_request
    def keep_apart() -> None:
        """By the port that the connection came in on: gunicorn tells it, and no header changes it.

        What is at the other port is as unknown here as any address that nobody serves.
        """
        on_metrics_port = request.environ["SERVER_PORT"] == str(port)
        if on_metrics_port != (request.path == PATH):
            request.url_rule, request.routing_exception = None, NotFound()
