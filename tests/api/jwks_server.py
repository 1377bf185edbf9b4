"""The user pool's key set over real HTTP, with every way it may fail."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.api.tokens import SigningKey

PATH = "/.well-known/jwks.json"


class JwksServer:
    """Publishes `keys` at `url`, and counts its fetches.

    `status`, `body` and `delay` (seconds) are what it answers with from now on;
    a `body` of None is the key set.
    """

    def __init__(self, *keys: SigningKey) -> None:
        self.keys = list(keys)
        self.fetches = 0
        self.status = 200
        self.body: bytes | None = None
        self.delay = 0.0
        self._released = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.fetches += 1
                owner._released.wait(owner.delay)
                try:
                    self.send_response(owner.status if self.path == PATH else 404)
                    self.end_headers()
                    self.wfile.write(owner.document() if owner.body is None else owner.body)
                except ConnectionError:
                    pass  # the client had no more patience

            def log_request(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.block_on_close = False
        threading.Thread(target=self._server.serve_forever, args=(0.01,)).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    def document(self) -> bytes:
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    def close(self) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()


def await_jwks_fetches() -> None:
    """Fetches of the key set that are under way in the background have ended."""
    for thread in threading.enumerate():
        if thread.name.startswith("jwks-"):
            thread.join(10)
