"""Whether the caller still waits for an answer."""

import select
from typing import Any

from flask import Flask, Response, request
from gevent import monkey

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for the log: no caller gets it."""

# gevent's own would go through its event loop, to learn what is known at once.
_poll = monkey.get_original("select", "poll")
_HUNG_UP = getattr(select, "POLLRDHUP", 0)
"""Linux tells it even while there are bytes to read; elsewhere no caller is taken for gone."""


def register(app: Flask, blueprints: frozenset[str]) -> None:
    """Do not run reads of `blueprints` whose callers have hung up: they would spend Cognito's quota
    for nothing."""

    @app.before_request
    def drop() -> Response | None:
        sock = request.environ.get("gunicorn.socket")
        if request.blueprint in blueprints and request.method == "GET" and sock and hung_up(sock):
            return Response(status=CLIENT_CLOSED_REQUEST)
        return None


def hung_up(sock: Any) -> bool:
    """Whether the other side has closed its connection, or at least its own half, as proxies take
    for the same."""
    poll = _poll()
    poll.register(sock, _HUNG_UP)
    return bool(poll.poll(0))
