"""The user pool's key set over real HTTP, with every way it may fail."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.api.tokens import SigningKey
from tests.servers import bound_socket

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
        self.released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._place_holder = bound_socket()  # while it is down too the port is its own
        self._port = self._place_holder.getsockname()[1]
        self.go_up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}{PATH}"

    def document(self) -> bytes:
        return json.dumps({"keys": [key.jwk() for key in self.keys]}).encode()

    def go_up(self) -> None:
        """Answer, at the same address as before."""
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.fetches += 1
                owner.released.wait(owner.delay)
                body = owner.document() if owner.body is None else owner.body
                try:
                    self.send_response(owner.status if self.path == PATH else 404)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except ConnectionError:
                    pass  # the client had no more patience

            def log_request(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False
            allow_reuse_port = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def go_down(self) -> None:
        """Refuse connections."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        self.released.set()
        self.go_down()
        self._place_holder.close()
