"""The user pool's key set over real HTTP, with every way it may fail."""

import json
import socket
import threading

from tests.api.tokens import SigningKey
from tests.raw_server import RawServer, in_pieces

PATH = "/.well-known/jwks.json"


class JwksServer(RawServer):
    """Publishes `keys` at `url`, and counts its fetches.

    `status`, `body` and `delay` (seconds) are what it answers with from now on;
    a `body` of None is the key set.
    """

    def __init__(self, *keys: SigningKey) -> None:
        super().__init__(tls=None)
        self.keys = list(keys)
        self.status = 200
        self.body: bytes | None = None
        self.delay = 0.0
        self.script = self._publish
        self._released = threading.Event()
        threading.Thread(target=self.serve_forever, args=(0.01,)).start()

    @property
    def url(self) -> str:
        return super().url + PATH

    @property
    def fetches(self) -> int:
        return self.lines.count(f"GET {PATH} HTTP/1.1")

    def _publish(self, connection: socket.socket) -> None:
        self._released.wait(self.delay)
        document = json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()
        body = document if self.body is None else self.body
        head = f"HTTP/1.1 {self.status} Answer\r\nContent-Length: {len(body)}\r\n\r\n"
        in_pieces(head.encode() + body)(connection)

    def close(self) -> None:
        self._released.set()
        self.shutdown()
        self.server_close()


def await_jwks_fetches() -> None:
    """Fetches of the key set that are under way in the background have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("jwks-"):
            thread.join(10)
