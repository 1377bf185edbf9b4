"""A TCP relay between the service and the local Cognito: a network that can be made to fail.

The local Cognito's own faults are answers; these are what happens to connections.
"""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from urllib.parse import urlsplit

from tests.servers import bound_socket


class Weather(Enum):
    """What becomes of the bytes of an answer."""

    FAIR = "forwarded"
    STALLED = "kept back"


class Relay:
    """Listens at `url`, forwards to `target`. Its port stays its own while nobody listens there."""

    def __init__(self, target: str) -> None:
        address = urlsplit(target)
        self._target = (address.hostname, address.port)
        self._weather = Weather.FAIR
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._place_holder = bound_socket()
        self._port = self._place_holder.getsockname()[1]
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Connections are refused, and those that stand are reset."""
        assert self._listener is not None
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._listener = None
        self._reset_all()
        try:
            yield
        finally:
            self._listen()

    @contextmanager
    def weather(self, weather: Weather) -> Iterator[None]:
        """Answers fare like this. At the end what is still under way is reset."""
        self._weather = weather
        try:
            yield
        finally:
            self._weather = Weather.FAIR
            self._reset_all()

    def send_to(self, target: str) -> None:
        """Forward new connections there; those that stand stay where they are."""
        address = urlsplit(target)
        self._target = (address.hostname, address.port)

    def close(self) -> None:
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        self._place_holder.close()
        self._reset_all()

    def _listen(self) -> None:
        self._listener = bound_socket(self._port)
        self._listener.listen(512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self._target, timeout=5)
            except OSError:
                _reset(client)
                continue
            server.settimeout(None)
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            for pump in (self._pump_requests, self._pump_answers):
                threading.Thread(target=pump, args=(client, server), daemon=True).start()

    def _pump_requests(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _pump_answers(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                if self._weather is Weather.FAIR:
                    client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        with self._lock:
            self._open -= {client, server}
        for one in (client, server):
            one.close()

    def _reset_all(self) -> None:
        with self._lock:
            standing = list(self._open)
        for one in standing:
            _reset(one)


def _reset(connection: socket.socket) -> None:
    """RST instead of FIN: lingering for zero seconds. The shutdown wakes the thread that reads."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RD)
        connection.close()


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """A relay to `target`, gone at the end."""
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()
