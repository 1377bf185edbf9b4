"""Where a call comes from and where it was sent to, as the proxies in front tell it."""

import re
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

FORWARDED = "forwarded"
# Ports and IPv6 addresses go without quotes in some proxies' values.
_PAIR = r"""[!#$%&'*+.^_`|~\w-]+=(?:"(?:[^"\\]|\\.)*"|[^",;\\\s]+)"""
_WELL_FORMED = re.compile(rf"\s*(?:{_PAIR})?(?:\s*[;,]\s*(?:{_PAIR})?)*\s*", re.ASCII)
_WITH_PORT = re.compile(r"\[(?P<bracketed>[^]]+)\](?::\d+)?|(?P<dotted>[\d.]+):\d+")


def trust(app: Flask, hops: int, header: str) -> None:
    """Believe what the last `hops` proxies say of the caller's address, and the last one of the
    scheme: in `X-Forwarded-For` and `-Proto`, or, where `header` is `forwarded`, in Forwarded (RFC
    7239), as API Gateway's private integration has it. The other kind is not read: the caller sent
    it.

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
    """X-Forwarded-For for ProxyFix, made of Forwarded where that counts, and without ports: a
    caller has thousands of them, and would count as a new one with each."""

    def call(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if header == FORWARDED:
            hops = _forwarded(environ.get("HTTP_FORWARDED", ""))
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(hop.get("for", "") for hop in hops)
            environ["HTTP_X_FORWARDED_PROTO"] = hops[-1].get("proto", "") if hops else ""
        if "HTTP_X_FORWARDED_FOR" in environ:
            entries = environ["HTTP_X_FORWARDED_FOR"].replace('"', "").split(",")
            environ["HTTP_X_FORWARDED_FOR"] = ",".join(map(_without_port, entries))
        return app(environ, start_response)

    return call


def _forwarded(header: str) -> list[dict[str, str]]:
    """The hops of a Forwarded header: RFC 7239, section 4. A caller's part that is not well-formed
    could hide what the proxy has added, so such a header says nothing."""
    if not _WELL_FORMED.fullmatch(header):
        return []
    hops: list[dict[str, str]] = [{}]
    for found in re.finditer(rf"{_PAIR}|,", header):
        if found[0] == ",":
            hops.append({})
        else:
            name, _, value = found[0].partition("=")
            hops[-1][name.lower()] = value.strip('"').replace(",", "")
    return hops


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
