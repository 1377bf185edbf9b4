"""Whom to believe about where a call comes from: proxies of ours, as many as the settings say."""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
_ADDRESS_WITH_PORT = re.compile(r"\[(?P<bracketed>[^]]+)\](?::\d+)?|(?P<dotted>[\d.]+):\d+")


def trust(app: Flask, hops: int) -> None:
    """Believe the last `hops` entries of X-Forwarded-For, the last one of -Proto, and nothing more.

    Proxies append to the one and overwrite the other. Not X-Forwarded-Host: load balancers pass on
    what the client sent, and nothing here needs it.
    """
    if not hops:
        return
    fixed = ProxyFix(_without_port(app.wsgi_app), x_for=hops, x_proto=1)
    app.wsgi_app = _without_quotes(fixed)  # type: ignore[assignment, method-assign]


def _without_quotes(app: "WSGIApplication") -> "WSGIApplication":
    """No proxy writes a quote into X-Forwarded-For; a caller who opens one there hides, from who
    reads a list, what comes after it."""

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        if FORWARDED_FOR in environ:
            environ[FORWARDED_FOR] = environ[FORWARDED_FOR].replace('"', "")
        return app(environ, start_response)

    return call


def _without_port(app: "WSGIApplication") -> "WSGIApplication":
    """Keep REMOTE_ADDR an address where a proxy says `address:port` or `[address]:port`: a caller
    has thousands of ports, and would count as somebody new with each."""

    def call(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        found = _ADDRESS_WITH_PORT.fullmatch(environ.get("REMOTE_ADDR", ""))
        if found:
            environ["REMOTE_ADDR"] = found["bracketed"] or found["dotted"]
        return app(environ, start_response)

    return call
