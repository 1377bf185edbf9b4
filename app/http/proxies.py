"""Where a call comes from and where it was sent to, as the proxies in front tell it."""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

_NAME = r"[\w!#$%&'*+.^`|~-]+"
_PAIR = re.compile(rf'[ \t]*(?:({_NAME})=({_NAME}|"(?:[^"\\]|\\.)*"))?[ \t]*([;,]|\Z)', re.ASCII)
"""A parameter of Forwarded and what ends it: RFC 7239, section 4."""
_WITH_PORT = re.compile(r"\[(?P<bracketed>[^]]+)\](?::\d+)?|(?P<dotted>[\d.]+):\d+")


def trust(app: Flask, hops: int, header: str) -> None:
    """Believe the last `hops` entries of `header`, the one that the proxies write.

    `x-forwarded-for` goes with X-Forwarded-Proto; `forwarded` is RFC 7239, which API Gateway's
    private integration sends alone. A caller may have sent the other one, so it is not read.

    Not X-Forwarded-Host: load balancers pass on what the client sent, and nothing here needs it.
    """
    if hops:
        fixed = ProxyFix(app.wsgi_app, x_for=hops, x_proto=1)
        app.wsgi_app = _plain_forwarding(fixed, header)  # type: ignore[assignment, method-assign]


def mount(app: Flask, path: str) -> None:
    """Serve under `path`, whether or not the proxy in front has removed it. Links carry it."""
    if path:
        app.wsgi_app = _under(path, app.wsgi_app)  # type: ignore[assignment, method-assign]


def _plain_forwarding(app: WSGIApplication, header: str) -> WSGIApplication:
    """X-Forwarded-For and -Proto for ProxyFix, made of Forwarded where that is `header`.

    Without ports: a caller has thousands of them, and would count as a new one with each."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if header == "forwarded":
            elements = _elements(environ.get("HTTP_FORWARDED", ""))
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(it.get("for", "unknown") for it in elements)
            environ["HTTP_X_FORWARDED_PROTO"] = elements[-1].get("proto", "") if elements else ""
        entries = environ.get("HTTP_X_FORWARDED_FOR", "").replace('"', "").split(",")
        environ["HTTP_X_FORWARDED_FOR"] = ",".join(map(_without_port, entries))
        return app(environ, start_response)

    return call


def _elements(forwarded: str) -> list[dict[str, str]]:
    """The parameters of each element of Forwarded; none at all when it is malformed."""
    elements: list[dict[str, str]] = [{}]
    at = 0
    while found := _PAIR.match(forwarded, at):
        name, value, end = found.groups()
        if name:
            value = re.sub(r"\\(.)", r"\1", value[1:-1]) if value[0] == '"' else value
            elements[-1][name.lower()] = value.replace(",", "")  # ProxyFix splits at commas
        if not end:
            return [it for it in elements if it]
        if end == ",":
            elements.append({})
        at = found.end()
    return []


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
