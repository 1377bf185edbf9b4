"""How often one caller may call: by flask-limiter, counted where `app.counters` says."""

import hashlib
import ipaddress
import math
import time

from flask import Flask, Response, g, request
from flask_limiter import Limiter, RateLimitExceeded

from app.counters import Counters
from app.domain.errors import DeviceError, ErrorCode
from app.http.problems import problem_response
from app.observability import metrics

IPV6_SITE_PREFIX = 64
"""Bits. Whoever has one IPv6 address has all of its /64 (RFC 6177), so they count as one."""


def register(app: Flask, *, per_user: str, per_address: str, counters: Counters) -> None:
    """Limit each user, and each address whose calls come without a good token.

    `per_user`, `per_address`: as "120 per minute". Only calls that `identify` looked at count.
    """

    def limit() -> str:
        return per_user if "access_token" in g else per_address

    limiter = Limiter(
        key_func=_caller_key,
        application_limits=[limit],
        application_limits_exempt_when=lambda: (
            "access_token" not in g and "authentication_error" not in g
        ),
        app=app,
        storage_uri=counters.uri,
        storage_options=counters.options,
    )

    def seconds_to_reset() -> int:
        """Rounded up: who waits that long is served."""
        current = limiter.current_limit
        return max(1, math.ceil(current.window.reset_time - time.time())) if current else 1

    @app.errorhandler(RateLimitExceeded)
    def refuse(error: RateLimitExceeded) -> Response:
        whom = "user" if "access_token" in g else "address"
        metrics.RATE_LIMITED.labels(whom).inc()
        return problem_response(
            DeviceError(
                ErrorCode.RATE_LIMITED,
                f"More than {limit()} from this {whom}. Wait, then try again.",
                retry_after=seconds_to_reset(),
            )
        )

    @app.after_request
    def tell(response: Response) -> Response:
        """RateLimit headers: draft-ietf-httpapi-ratelimit-headers, as of its version 6."""
        current = limiter.current_limit
        if current:
            response.headers["RateLimit-Limit"] = str(current.limit.amount)
            response.headers["RateLimit-Remaining"] = str(current.remaining)
            response.headers["RateLimit-Reset"] = str(seconds_to_reset())
            wait = response.headers.get("Retry-After", type=int)
            if wait and not current.remaining:  # or this limit would turn the next call away
                response.headers["Retry-After"] = str(max(wait, seconds_to_reset()))
        return response


def _caller_key() -> str:
    """Whom a call counts against; hashed, since it is kept in Redis."""
    whom = g.access_token.sub if "access_token" in g else _site(str(request.remote_addr))
    return hashlib.sha256(whom.encode()).hexdigest()[:32]


def _site(address: str) -> str:
    """`address`, or the IPv6 network that its owner has."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address  # a proxy's own idea of an address
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), IPV6_SITE_PREFIX), strict=False))
