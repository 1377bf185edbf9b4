"""The page "Your devices" (examples/web) at an origin of its own, with its configuration.

It serves the built copy, so that nobody needs Node to look at it.

    with serving_page(port, pools, cognito_url) as url: ...
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from local_cognito import seed

BUILT_PAGE = Path(__file__).resolve().parents[1] / "examples" / "web" / "dist"
HOST = "127.0.0.1"


@dataclass(frozen=True)
class ServedPool:
    """A user pool that the sign-in form offers as `label`, and the API that serves it."""

    label: str
    api_url: str
    pool_id: str
    client_id: str


def configuration(pools: Sequence[ServedPool], cognito_url: str) -> dict[str, Any]:
    """/config.json: see examples/web/src/config.ts."""
    return {
        "pools": [
            {
                "label": pool.label,
                "apiUrl": pool.api_url,
                "userPoolId": pool.pool_id,
                "userPoolClientId": pool.client_id,
                "userPoolEndpoint": cognito_url,
            }
            for pool in pools
        ],
        "demo": {
            "username": seed.DEMO_USERNAME,
            "password": seed.DEMO_PASSWORD,
            "codeUrl": f"{cognito_url}/_local/totp",
        },
    }


def content_security_policy(pools: Sequence[ServedPool], cognito_url: str) -> str:
    """Scripts from the page's origin alone, since the tokens are in the browser's storage; calls to
    the APIs and to Cognito."""
    callees = " ".join(dict.fromkeys([cognito_url, *(pool.api_url for pool in pools)]))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        f"connect-src 'self' {callees}; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )


@contextmanager
def serving_page(port: int, pools: Sequence[ServedPool], cognito_url: str) -> Iterator[str]:
    """Serve the page at the address that this gives, from threads of this process.

    `port` is one of loopback; 0 takes a free one. Raises OSError when it is taken.
    """
    config = json.dumps(configuration(pools, cognito_url)).encode()
    policy = content_security_policy(pools, cognito_url)
    with serving_files(BUILT_PAGE, port, policy, config) as url:
        yield url


@contextmanager
def serving_files(
    folder: Path, port: int, policy: str, config: bytes | None = None
) -> Iterator[str]:
    """Serve the files of `folder`, and `config` as /config.json; `policy` is their CSP."""

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(folder))

        def do_GET(self) -> None:
            if config is None or self.path != "/config.json":
                return super().do_GET()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(config)))
            self.end_headers()
            self.wfile.write(config)
            return None

        def end_headers(self) -> None:
            self.send_header("Content-Security-Policy", policy)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.send_header("Referrer-Policy", "no-referrer")
            self.send_header("Cache-Control", "no-cache")
            super().end_headers()

        def log_message(self, *args: Any) -> None:
            """No log: the browser's own tools show each request."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    with Server((HOST, port), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
