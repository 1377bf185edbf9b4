"""A TCP relay between the service and another server: a network that can be made to fail."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

from tests.servers import bound_socket

RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Relay:
    """Listens at `url`, forwards to `target`. Its port stays its own while nobody listens there."""

    def __init__(self, target: str) -> None:
        self.send_to(target)
        self._silent = False
        self._open: set[socket.socket] = set()
        self._place_holder = bound_socket()
        self._port = self._place_holder.getsockname()[1]
        self._listen()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def send_to(self, target: str) -> None:
        """Forward new connections there; those that stand stay where they are."""
        address = urlsplit(target)
        self._target = (address.hostname, address.port)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Connections are refused, and those that stand are reset."""
        self._stop_listening()
        try:
            yield
        finally:
            self._listen()

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Answers are kept back. At the end what is still under way is reset."""
        self._silent = True
        try:
            yield
        finally:
            self._silent = False
            self._reset_all()

    def close(self) -> None:
        self._stop_listening()
        self._place_holder.close()

    def _listen(self) -> None:
        self._listener = bound_socket(self._port)
        self._listener.listen(512)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _stop_listening(self) -> None:
        with suppress(OSError):  # it has stopped already
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._reset_all()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
                server = socket.create_connection(self._target)
            except OSError:
                return
            self._open |= {client, server}
            for source, sink, answers in ((client, server, False), (server, client, True)):
                pump = (source, sink, answers)
                threading.Thread(target=self._pump, args=pump, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        with suppress(OSError):
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(65536):
                if not (answers and self._silent):
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def _reset_all(self) -> None:
        while self._open:
            one = self._open.pop()
            with suppress(OSError):  # RST instead of FIN; the shutdown wakes the thread that reads
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                one.shutdown(socket.SHUT_RD)
            one.close()


@contextmanager
def relaying(target: str) -> Iterator[Relay]:
    """A relay to `target`, gone at the end."""
    relay = Relay(target)
    try:
        yield relay
    finally:
        relay.close()
