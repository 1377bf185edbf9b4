"""Where a call comes from and where it was sent to, as the proxies in front tell it."""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

_FORWARDED = re.compile(r"\b(for|proto)=(\"[^\"]*\"|[^;,\s]+)", re.IGNORECASE)
_WITH_PORT = re.compile(r"\[(?P<bracketed>[^]]+)\](?::\d+)?|(?P<dotted>[\d.]+):\d+")


def trust(app: Flask, hops: int) -> None:
    """Believe the last `hops` entries of X-Forwarded-For and the last one of -Proto, or else those
    of Forwarded (RFC 7239), which API Gateway's private integration sends alone.

    Not X-Forwarded-Host: load balancers pass on what the client sent, and nothing here needs it.
    """
    if hops:
        fixed = ProxyFix(app.wsgi_app, x_for=hops, x_proto=1)
        app.wsgi_app = _plain_forwarding(fixed)  # type: ignore[assignment, method-assign]


def mount(app: Flask, path: str) -> None:
    """Serve under `path`, whether or not the proxy in front has removed it. Links carry it."""
    if path:
        app.wsgi_app = _under(path, app.wsgi_app)  # type: ignore[assignment, method-assign]


def _plain_forwarding(app: WSGIApplication) -> WSGIApplication:
    """X-Forwarded-For for ProxyFix, made of Forwarded where there is no other, and without ports: a
    caller has thousands of them, and would count as a new one with each."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        forwarded = environ.get("HTTP_FORWARDED", "")
        if forwarded and "HTTP_X_FORWARDED_FOR" not in environ:
            pairs = [(name.lower(), value) for name, value in _FORWARDED.findall(forwarded)]
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(v for name, v in pairs if name == "for")
            protocols = [value.strip('"') for name, value in pairs if name == "proto"]
            if protocols:
                environ["HTTP_X_FORWARDED_PROTO"] = protocols[-1]
        if "HTTP_X_FORWARDED_FOR" in environ:
            entries = environ["HTTP_X_FORWARDED_FOR"].replace('"', "").split(",")
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(map(_without_port, entries))
        return app(environ, start_response)

    return call


def _without_port(entry: str) -> str:
    found = _WITH_PORT.fullmatch(entry.strip())
    return found["bracketed"] or found["dotted"] if found else entry.strip()


def _under(path: str, app: WSGIApplication) -> WSGIApplication:
    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = path
        if f"{environ['PATH_INFO']}/".startswith(f"{path}/"):
            environ["PATH_INFO"] = environ["PATH_INFO"][len(path) :] or "/"
        return app(environ, start_response)

    return call
