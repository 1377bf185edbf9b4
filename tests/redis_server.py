"""Starts a real Redis on a free port, for tests of what counts there, and of life without it."""

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.polling import until
from tests.servers import free_port

STOP_SECONDS = 10


@dataclass
class RedisServer:
    """A Redis of a test's own, that keeps nothing on disk. It comes back at the same address."""

    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Run it, and wait until it answers PING. Nothing of before is left in it."""
        address = ("--bind", "127.0.0.1", "--port", str(self.port))
        self.process = subprocess.Popen(
            ["redis-server", *address, "--save", "", "--appendonly", "no"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        until("Redis answers", self._answers)

    def kill(self) -> None:
        """End it as a crash would: no goodbye to its clients."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            self.process = None

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A Redis that answers, gone at the end."""
    server = RedisServer(free_port())
    server.start()
    try:
        yield server
    finally:
        server.kill()
