"""Starts a real Redis on a free port, for tests of what counts there, and of life without it."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.polling import until
from tests.servers import free_port

STOP_SECONDS = 10


@dataclass
class RedisServer:
    """A Redis of a test's own, that keeps nothing on disk. It comes back at the same address.

    `options`: of its command line, besides. `client`: redis-cli's options where it speaks TLS.
    """

    port: int
    options: tuple[str, ...] = ()
    client: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Run it, and wait until it answers PING. Nothing of before is left in it."""
        plain = () if self.client else ("--port", str(self.port))
        tls = ("--port", "0", "--tls-port", str(self.port)) if self.client else ()
        address = ("--bind", "127.0.0.1", *plain, *tls)
        self.process = subprocess.Popen(
            ["redis-server", *address, "--save", "", "--appendonly", "no", *self.options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )
        until("Redis answers", self.answers)

    def ask(self, *command: str) -> str:
        """What it answers to a command, by redis-cli."""
        done = subprocess.run(
            ["redis-cli", "-h", "127.0.0.1", "-p", str(self.port), *self.client, *command],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def kill(self) -> None:
        """End it as a crash would: no goodbye to its clients."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(STOP_SECONDS)
            self.process = None

    def answers(self) -> bool:
        try:
            return self.ask("PING") == "PONG"
        except subprocess.CalledProcessError:
            return False


@contextmanager
def running_redis(*options: str, client: tuple[str, ...] = ()) -> Iterator[RedisServer]:
    """A Redis that answers, gone at the end. `client`: redis-cli's options where it speaks TLS."""
    server = RedisServer(free_port(), options, client)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running_cluster(*options: str, client: tuple[str, ...] = ()) -> Iterator[list[RedisServer]]:
    """A Redis Cluster of three nodes that serves."""
    with ExitStack() as stack:
        folder = stack.enter_context(TemporaryDirectory(prefix="redis-cluster-"))
        nodes = []
        for number in range(3):
            of_node = ("--cluster-config-file", f"{folder}/{number}", "--dir", folder)
            bus = ("--cluster-enabled", "yes", "--cluster-port", str(free_port()))
            nodes.append(
                stack.enter_context(running_redis(*bus, *of_node, *options, client=client))
            )
        for number, node in enumerate(nodes):
            first, last = 16384 * number // 3, 16384 * (number + 1) // 3 - 1
            node.ask("CLUSTER", "ADDSLOTSRANGE", str(first), str(last))
            bus_port = node.options[node.options.index("--cluster-port") + 1]
            nodes[0].ask("CLUSTER", "MEET", "127.0.0.1", str(node.port), bus_port)
        for node in nodes:
            until("the cluster serves", lambda node=node: _serves(node))  # type: ignore[misc]
        yield nodes


def _serves(node: RedisServer) -> bool:
    told = node.ask("CLUSTER", "INFO")
    return "cluster_state:ok" in told and "cluster_known_nodes:3" in told


@contextmanager
def running_sentinel(primary: RedisServer) -> Iterator[RedisServer]:
    """A Sentinel that watches `primary` as "primary"."""
    with TemporaryDirectory(prefix="redis-sentinel-") as folder:
        settings = Path(folder, "sentinel.conf")
        settings.write_text(f"sentinel monitor primary 127.0.0.1 {primary.port} 1\n")
        server = RedisServer(free_port(), (str(settings),))
        address = ("--bind", "127.0.0.1", "--port", str(server.port))
        server.process = subprocess.Popen(
            ["redis-server", str(settings), *address, "--sentinel"], stdout=subprocess.DEVNULL
        )
        try:
            until("the Sentinel answers", server.answers)
            yield server
        finally:
            server.kill()
