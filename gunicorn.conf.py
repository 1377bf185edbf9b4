from gevent import monkey

monkey.patch_all()  # first of all: whatever imports ssl or threading before would block a worker

import atexit
import gc
import os
import resource
import signal
import ssl
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

sys.path.insert(0, os.path.dirname(__file__))  # `gunicorn -c` works from any folder

from app.observability import metric_files

# Before any metric is imported: workers keep their counts here, and /metrics adds them up.
try:
    metrics_folder = metric_files.open_folder()
except OSError as error:
    sys.exit(f"device-bff: PROMETHEUS_MULTIPROC_DIR: {error.strerror}: give it another folder.")
if metrics_folder:
    atexit.register(metric_files.close_folder, metrics_folder)

import structlog
from gunicorn.config import Config

from app import VERSION
from app.factory import start
from app.http.unparsed import REQUEST_LINE_MAX_BYTES
from app.observability import logs
from app.settings import Settings, SettingsError

# Cognito's quota is shared out among the workers, however their number was given.
command_line = Config().parser()
for words in (sys.argv[1:], Config().get_cmd_args_from_env()):
    if given := command_line.parse_known_args(words)[0].workers:
        os.environ["WORKERS"] = str(given)
        break

try:
    settings = Settings.from_environ()
except SettingsError as error:
    sys.exit(f"device-bff: {error}")
logs.configure(settings.log_level, settings.log_format)

wsgi_app = "app.wsgi:app"
host = f"[{settings.host}]" if ":" in settings.host else settings.host
bind = [f"{host}:{settings.port}"]
if settings.metrics_port not in (None, settings.port):  # app/observability/metrics.py parts them
    bind.append(f"{host}:{settings.metrics_port}")

# A request mostly waits for Cognito: a greenlet each, in a few processes, to use several CPUs and
# to survive the crash of one. The application is made once, before they part, and its memory is
# shared; it opens no connection until it is asked or started.
preload_app = True
worker_class = "app.server.Worker"
workers = settings.workers

# Heartbeats live in memory; a container's disk may be slow or read-only.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
graceful_timeout = settings.graceful_timeout
keepalive = 75  # seconds; longer than load balancers keep theirs (60), so that they close first
sendfile = False  # it would go past the time that a caller has to take an answer

# A connection is a file: be allowed as many as the system lets us have, not the customary 1024.
_, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
for files in (10_240, most_files):  # macOS says that there is no limit, and refuses more than this
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, most_files))
# Calls of Cognito take files, too; the rest is for logs, Redis, the key set.
files_for_callers = (
    resource.getrlimit(resource.RLIMIT_NOFILE)[0] - settings.cognito_max_in_flight - 64
)
worker_connections = max(1, min(settings.worker_connections, files_for_callers))

# A worker is replaced now and then, so that a slow leak stays small. The jitter keeps them apart.
max_requests = 100_000
max_requests_jitter = 10_000

# A token of many groups takes 9 to 15 KB.
limit_request_line = REQUEST_LINE_MAX_BYTES
limit_request_field_size = 16_380

# TRUSTED_PROXY_HOPS says which proxies to believe; gunicorn would believe any caller here.
forwarded_allow_ips = ""
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""

# The application writes the access log. Should the command line turn on gunicorn's, it is without
# query strings, too. At DEBUG gunicorn would write what it has read of a request: tokens.
logger_class = "app.observability.logs.GunicornLogger"
access_log_format = '%(t)s "%(m)s %(U)s %(H)s" %(s)s %(B)s %(L)s'
loglevel = settings.log_level.lower() if settings.log_level != "DEBUG" else "info"

certfile, keyfile = settings.tls_cert_file, settings.tls_key_file
control_socket_disable = True  # a running server is replaced, not steered


def on_starting(server: Any) -> None:
    logger = structlog.get_logger("app.start")
    logger.info("starting", version=VERSION, **settings.summary())
    for variable, problem in settings.warnings():
        logger.warning("suspicious_setting", variable=variable, problem=problem)
    if metrics_folder is None:
        logger.warning("metrics_per_process", because="no room for a folder that workers share")


def when_ready(server: Any) -> None:
    """Have SIGHUP change nothing while a certificate is missing or wrong: gunicorn would end."""
    # Workers share what is made by now, as long as no collection of theirs writes to it.
    gc.collect()
    gc.freeze()
    reload = server.reload

    def reload_if_well() -> None:
        try:
            Settings.from_environ()
        except SettingsError as error:
            server.log.error("Not reloaded: %s", error)
        else:
            reload()

    server.reload = reload_if_well


def pre_fork(server: Any, worker: Any) -> None:
    worker.slot = metric_files.reserve_slot(other.slot for other in server.WORKERS.values())
    if worker.slot is None and metrics_folder:
        server.log.warning("No room for the metrics of another worker: it does not count.")


def post_fork(server: Any, worker: Any) -> None:
    metric_files.enter(worker.slot)
    # Until the worker handles signals, SIGTERM ends it; the parent's handler would lose it.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    atexit.unregister(metric_files.close_folder)  # the metrics' folder outlives a worker


def post_worker_init(worker: Any) -> None:
    start(worker.wsgi)


def ssl_context(config: Any, default: Callable[[], ssl.SSLContext]) -> Any:
    """TLS 1.2 and up (RFC 9325, section 3.1.1)."""
    context: Any = default()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_IGNORE_UNEXPECTED_EOF  # accept EOF without close_notify
    # The handshake is left to the first read, which app/server.py ends in time.
    context.wrap_socket = partial(context.wrap_socket, do_handshake_on_connect=False)
    return context


def child_exit(server: Any, worker: Any) -> None:
    metric_files.leave(worker.slot)
