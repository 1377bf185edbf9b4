"""``python -m local_cognito``: prints a line once it serves; ends on SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from local_cognito.process import READY_LINE

DEFAULT_PORT = 9229
# Most threads wait: for faults with a delay, and for clients that keep their connection.
THREADS = 128
KEEPALIVE_SECONDS = 75


class Worker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's threads, ended at once by SIGINT and SIGQUIT."""

    def handle_quit(self, sig: int, frame: Any) -> None:
        """gunicorn waits here for the lock of its thread pool, for ever if the signal interrupted
        the code that holds it: the accepting of a connection."""
        os._exit(0)


class Server(BaseApplication):  # type: ignore[misc]
    """gunicorn with one worker, since all state is in that worker's memory."""

    def __init__(self, host: str, port: int, log_level: str) -> None:
        self._bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._log_level = log_level
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": Worker,
            "threads": THREADS,
            "worker_connections": 2000,
            "backlog": 2048,
            "keepalive": KEEPALIVE_SECONDS,
            # A restarted worker would have lost every device: never restart it.
            "timeout": 0,
            # Longer than the 2 s that gunicorn gives kept-alive connections, or it would kill the
            # worker. Short, so that a fault that hangs does not hold up SIGTERM.
            "graceful_timeout": 3,
            "control_socket_disable": True,
            "loglevel": self._log_level,
            "proc_name": "local-cognito",
            "post_worker_init": announce,
            "worker_exit": leave,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        # moto is slow to import: the worker does it, and --help does without.
        from local_cognito.application import LocalCognito

        return LocalCognito()


def announce(worker: Any) -> None:
    """Prints the ready line once requests are answered. It tells the port that --port 0 took."""
    host, port = worker.sockets[0].getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    sys.stdout.write(f"{READY_LINE}http://{shown}:{port}\n")
    sys.stdout.flush()


def leave(server: Any, worker: Any) -> None:
    """Ends the process at once. There is no state to save, and Python would wait for threads that
    hang: longer, on a busy machine, than gunicorn waits before it kills the worker.

    A worker that did not boot, as when nobody reads its ready line any more, ends its parent too:
    Python's own end would give another code, and gunicorn would start one worker after another. The
    parent calls this as well, for a worker that is gone.
    """
    if worker.pid == os.getpid():
        os._exit(0 if worker.booted else Arbiter.WORKER_BOOT_ERROR)


def port_number(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65535:
        raise argparse.ArgumentTypeError("a port is from 0 to 65535")
    return port


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m local_cognito",
        description="A development-only Amazon Cognito: user pools, SRP sign-in and devices.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument(
        "--port",
        type=port_number,
        default=os.environ.get("COGNITO_PORT") or DEFAULT_PORT,
        help=f"0 takes a free one (default: $COGNITO_PORT, or {DEFAULT_PORT})",
    )
    parser.add_argument(
        "--log-level",
        default="warning",
        choices=["debug", "info", "warning", "error", "critical"],
    )
    return parser.parse_args()


def main() -> None:
    given = arguments()
    Server(given.host, given.port, given.log_level).run()


if __name__ == "__main__":
    main()
