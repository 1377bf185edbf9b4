"""How gunicorn runs the service. Numbers come from the settings, reasons are here."""

import os
import ssl
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from app.settings import Settings, SettingsError

try:
    settings = Settings.from_environ()
except SettingsError as error:
    sys.exit(f"device-bff: {error}")

wsgi_app = "app.wsgi:app"
bind = f"{settings.host}:{settings.port}"

# A request mostly waits for Cognito: threads wait more cheaply than processes, and a few processes
# keep one crash, or one GIL, from being everybody's.
worker_class = "gthread"
workers = settings.web_concurrency
threads = settings.threads

# Not preloaded: boto3's connections and the threads that fetch keys must not be shared by a fork.
preload_app = False

# Heartbeats live in memory; a container's disk may be slow or read-only.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
graceful_timeout = settings.graceful_timeout
keepalive = 75  # seconds; longer than load balancers keep theirs (60), so that they close first

# A worker is replaced now and then, so that no slow leak lives for ever; not all at once.
max_requests = 100_000
max_requests_jitter = 10_000

# An access token takes up to 8 KiB; all headers together are bounded by fields times size.
limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 16_380

# The application writes the access log, without tokens and query strings.
accesslog = None
errorlog = "-"
loglevel = settings.log_level.lower()

if settings.tls_cert_file:
    certfile = settings.tls_cert_file
    keyfile = settings.tls_key_file

# Nobody steers a running server through a socket: it is replaced instead.
control_socket_disable = True

# Before any metric exists: workers keep their counts here, and /metrics adds them up.
os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="device-bff-metrics-"))


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.2 and up: RFC 9325 section 3.1.1."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def child_exit(server: Any, worker: Any) -> None:
    """A dead worker's gauges must not count on."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]
