"""Who is calling, and how often: settled once a request, before its path, query or body is read.

What a call counts against, and so whom it can lock out:

    the token                                   counts against
    is accepted                                 its sign-in; all sign-ins of the user together
    is accepted, and signs out everywhere       its sign-in, in a window of that call alone
    is refused though the pool signed it        its sign-in and the caller's address, together
    is missing or forged, or its key is unknown the caller's address

So an old token from a log never touches a live one's windows, and the 401 of one person behind an
address never becomes the 429 of others.
"""

import ipaddress
import select
from typing import Any

from flask import Flask, Response, g, request
from gevent import monkey
from limits import RateLimitItem, parse

from app.auth.bearer import bearer_token
from app.auth.verifier import TokenRefused, TokenVerifier
from app.counters import Counters
from app.domain.access_token import AccessToken, pseudonym
from app.domain.errors import ErrorCode, ServiceError
from app.observability import logs, metrics
from app.settings import Settings

SIGN_INS = 5
"""How many times the limit of one sign-in all sign-ins of a user have together. Past it only reads
are refused: signing in again multiplies no quota, and forgetting, ending, signing out stay open."""
SIGN_OUT_LIMIT = parse("10 per minute")
"""Of the emergency exit, whatever was called before."""
IPV6_SITE_PREFIX = 64
"""Bits. One IPv6 address comes with all of its /64 (RFC 6177), so they count as one."""
CLIENT_CLOSED_REQUEST = 499
"""nginx's status for the log: no caller gets it."""

# gevent's own would go through its event loop, to learn what is known at once.
_poll = monkey.get_original("select", "poll")
_HUNG_UP = getattr(select, "POLLRDHUP", 0)
"""Linux tells it even while there are bytes to read; elsewhere no caller is taken for gone."""


def register(
    app: Flask,
    settings: Settings,
    verifier: TokenVerifier,
    counters: Counters,
    *,
    blueprints: frozenset[str],
    sign_out: str,
) -> None:
    """Let the calls of `blueprints` in, or refuse them; others never count. `sign_out`: the
    endpoint that signs out everywhere."""
    per_sign_in = parse(settings.rate_limit_per_sign_in)
    per_user = type(per_sign_in)(SIGN_INS * per_sign_in.amount, per_sign_in.multiples)
    per_address = parse(settings.rate_limit_per_address)

    @app.before_request
    def admit() -> Response | None:
        if request.blueprint not in blueprints or request.method == "OPTIONS":
            return None  # a preflight has no token
        reads = request.method in ("GET", "HEAD")
        if reads and caller_has_left():
            return Response(status=CLIENT_CLOSED_REQUEST)  # it would spend Cognito's quota
        try:
            token = verifier.verify(bearer_token(request.headers.get("Authorization")))
        except TokenRefused as refusal:
            count("refused", per_sign_in, refusal.sign_in, site(request.remote_addr))
            raise
        except ServiceError as refusal:
            if refusal.code is ErrorCode.UPSTREAM_UNAVAILABLE and verifier.ready():
                g.route = logs.UNKNOWN_KEY  # anybody can make one up: no alert is to fire
            count("address", per_address, site(request.remote_addr))
            raise
        g.access_token = token
        if request.endpoint == sign_out:
            count("sign-out", SIGN_OUT_LIMIT, token.sign_in)
        else:
            # In this order: a call that its own sign-in's limit refuses costs the user nothing.
            count("sign-in", per_sign_in, token.sign_in)
            count("user", per_user, token.sub, refuses=reads)
        return None

    def count(whom: str, limit: RateLimitItem, *key: str, refuses: bool = True) -> None:
        """Count the call. What is kept is a count, by a hash of `key`.

        Raises:
            ServiceError: `rate-limited`.
        """
        window = counters.hit(limit, whom, pseudonym(" ".join(key))[:32])
        if not refuses:
            return
        told = g.get("rate_limit")
        if told is None or window.remaining < told[1].remaining or not window.allowed:
            g.rate_limit = limit.amount, window
        if not window.allowed:
            metrics.RATE_LIMITED.labels(whom).inc()
            raise ServiceError(
                ErrorCode.RATE_LIMITED,
                f"More than {limit} from this {WORDS[whom]}. Wait, then try again.",
                retry_after=window.reset,
            )

    @app.after_request
    def tell(response: Response) -> Response:
        """RateLimit headers: draft-ietf-httpapi-ratelimit-headers, as of its version 6."""
        if "rate_limit" in g:
            amount, window = g.rate_limit
            response.headers.extend(
                (
                    ("RateLimit-Limit", str(amount)),
                    ("RateLimit-Remaining", str(window.remaining)),
                    ("RateLimit-Reset", str(window.reset)),
                )
            )
            wait = response.headers.get("Retry-After", type=int)
            if wait and not window.remaining:  # or this limit would refuse the next call
                response.headers["Retry-After"] = str(max(wait, window.reset))
        return response


WORDS = {
    "address": "address",
    "refused": "sign-in, whose token is not accepted",
    "sign-in": "sign-in",
    "sign-out": "sign-in",
    "user": "user",
}


def caller() -> AccessToken:
    """The verified token of the request."""
    token: AccessToken = g.access_token
    return token


def current_device() -> str:
    """The key of the device that the request is made from.

    Raises:
        ServiceError: `no-current-device`, when the token names none.
    """
    device_key = caller().device_key
    if device_key is None:
        raise ServiceError(ErrorCode.NO_CURRENT_DEVICE)
    return device_key


def caller_has_left() -> bool:
    """Whether the request's caller has hung up; known under gunicorn only."""
    sock = request.environ.get("gunicorn.socket")
    return sock is not None and hung_up(sock)


def hung_up(sock: Any) -> bool:
    """Whether the other side has closed its connection, or at least its own half, as proxies take
    for the same."""
    poll = _poll()
    poll.register(sock, _HUNG_UP)
    return bool(poll.poll(0))


def site(address: str | None) -> str:
    """`address`, or the IPv6 network that it belongs to."""
    try:
        ip = ipaddress.ip_address(str(address))
    except ValueError:
        return str(address)  # a proxy's own idea of an address
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), IPV6_SITE_PREFIX), strict=False))
