"""How gunicorn runs the service. Numbers come from the settings, reasons are here."""

import atexit
import fcntl
import os
import resource
import shutil
import signal
import ssl
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

METRICS_FOLDER_PREFIX = "device-bff-metrics-"


def make_metrics_folder() -> str:
    """A new one, locked for as long as a process of this service lives. Those that nobody locks any
    more are removed: their service was killed, and the next one's temporary files may be the same.
    """
    temporary = Path(tempfile.gettempdir())
    for left in temporary.glob(f"{METRICS_FOLDER_PREFIX}*"):
        with suppress(OSError):  # locked, or not ours
            folder = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(folder)
    made = Path(tempfile.mkdtemp(prefix=f"new-{METRICS_FOLDER_PREFIX}"))
    fcntl.flock(os.open(made, os.O_RDONLY), fcntl.LOCK_SH)
    return str(made.rename(made.with_name(made.name.removeprefix("new-"))))


def remove_metrics(parent: int) -> None:
    """Leave no metrics behind, however the service ends; unless their folder was given to us."""
    folder = Path(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""))
    if os.getpid() == parent and folder.name.startswith(METRICS_FOLDER_PREFIX):
        shutil.rmtree(folder, ignore_errors=True)


def stop_starting(*_: Any) -> None:
    """Not by SystemExit: raised wherever the start is, it may be in a place that swallows it."""
    remove_metrics(os.getpid())
    os._exit(0)


if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:  # not when a running server reloads this
    atexit.register(remove_metrics, os.getpid())
    # gunicorn minds signals once it has read this; until then process 1 would not hear of them.
    signal.signal(signal.SIGTERM, stop_starting)

# Before any metric is imported: workers keep their counts here, and /metrics adds them up.
os.environ["PROMETHEUS_MULTIPROC_DIR"] = (
    os.environ.get("PROMETHEUS_MULTIPROC_DIR") or make_metrics_folder()
)
try:
    Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).mkdir(parents=True, exist_ok=True)
except OSError as error:
    sys.exit(f"device-bff: PROMETHEUS_MULTIPROC_DIR: {error.strerror}: give it another folder.")

from gunicorn.glogging import Logger

from app import DRAINING
from app.http import framing
from app.observability import logs, metrics
from app.settings import Settings, SettingsError


def read_settings() -> Settings:
    """Those of a service that can start."""
    found = Settings.from_environ()
    found.check_certificate()
    return found


try:
    settings = read_settings()
except SettingsError as error:
    sys.exit(f"device-bff: {error}")
logs.configure(settings.log_level, settings.log_format)

wsgi_app = "app.wsgi:app"
host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = [f"{host}:{settings.port}"]
if settings.metrics_port is not None:
    # Supervised, reloaded, drained and guarded like the public one; app/observability/metrics.py
    # keeps the two apart.
    bind.append(f"{host}:{settings.metrics_port}")

# A request mostly waits for Cognito: threads wait more cheaply than processes, and a few processes
# keep one crash, or one GIL, from being everybody's.
worker_class = "app.http.worker.Worker"  # gthread, guarded from slow callers
workers = settings.workers
threads = settings.threads

# The modules are imported here, before the fork, and so shared; the application is made after it,
# for boto3's connections and the thread that fetches keys must not be.
preload_app = False
if settings.redis_url:
    import redis  # noqa: F401 - likewise before the fork

# Heartbeats live in memory; a container's disk may be slow or read-only.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
graceful_timeout = settings.graceful_timeout
keepalive = 75  # seconds; longer than load balancers keep theirs (60), so that they close first

# A connection is a file: be allowed as many as the system lets us have, not the customary 1024.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))

# A worker is replaced now and then, so that no slow leak lives for ever; not all at once.
max_requests = 100_000
max_requests_jitter = 10_000

# An access token takes up to 8 KiB; all headers together are bounded in app/http/framing.py.
limit_request_line = framing.REQUEST_LINE_MAX_BYTES
limit_request_fields = framing.HEADER_FIELDS_MAX
limit_request_field_size = 16_380

# Whom to believe about X-Forwarded-* is TRUSTED_PROXY_HOPS' business; gunicorn would believe
# anybody on this machine, and take more headers than these from them.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# The application writes the access log, without tokens and query strings; should anybody turn on
# gunicorn's by the command line, it is without them too (`%(r)s` and `%(q)s` have the query).
accesslog = None
access_log_format = '%(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(L)s'
loglevel = settings.log_level.lower() if settings.log_level != "DEBUG" else "info"
# At DEBUG gunicorn writes what it has read of a request that broke off: tokens are among it.

if settings.tls_cert_file:
    certfile = settings.tls_cert_file
    keyfile = settings.tls_key_file

# Nobody steers a running server through a socket: it is replaced instead.
control_socket_disable = True


class logger_class(Logger):  # type: ignore[misc] # noqa: N801 - the setting's name
    """gunicorn's own messages, by way of everybody's handler."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True


def when_ready(server: Any) -> None:
    """Have SIGHUP change nothing while a file is missing or wrong without which no service starts:
    gunicorn would end the one that runs."""
    reload = server.reload

    def reload_if_well() -> None:
        try:
            read_settings()
        except SettingsError as error:
            server.log.error("Not reloaded: %s", error)
        else:
            reload()

    server.reload = reload_if_well


def post_fork(server: Any, worker: Any) -> None:
    """Until the worker minds signals, SIGTERM ends it: the parent's way of minding them is to queue
    them, and nobody reads a copy of its queue."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def post_worker_init(worker: Any) -> None:
    """On SIGTERM say that this worker is not ready any more, then let it drain."""

    def drain(number: int, frame: Any) -> None:
        worker.wsgi.extensions[DRAINING].set()
        worker.handle_exit(number, frame)

    signal.signal(signal.SIGTERM, drain)


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
    """TLS 1.2 and up: RFC 9325 section 3.1.1."""
    context = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Who ends his side unannounced is answered all the same: where a request ends, HTTP says.
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


def child_exit(server: Any, worker: Any) -> None:
    metrics.bury(worker.pid)
