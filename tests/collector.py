"""A trace collector to send spans to: gone, hanging or well."""

import contextlib
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Collector:
    """Takes OTLP over HTTP and keeps the bytes. Its address refuses connections at first."""

    def __init__(self) -> None:
        self.received = bytearray()
        handler = type("Keeping", (_Handler,), {"received": self.received})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler, bind_and_activate=False)
        self._server.server_bind()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def hang(self) -> None:
        """Accept connections, and say nothing on them."""
        self._server.server_activate()

    def work(self) -> None:
        """Take what comes, and what came while it hung."""
        self._server.server_activate()
        self._thread.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    received: bytearray

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        zipped = self.headers.get("Content-Encoding") == "gzip"
        self.received.extend(gzip.decompress(body) if zipped else body)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextlib.contextmanager
def a_collector() -> Iterator[Collector]:
    """Bound to an address, and not there yet."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.stop()
