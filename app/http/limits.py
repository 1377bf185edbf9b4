"""How often one caller may call, counted by `app.counters`."""

import ipaddress

from flask import Flask, Response, g, request
from limits import parse

from app.counters import Counters
from app.domain.errors import ErrorCode, ServiceError
from app.domain.pseudonyms import pseudonym
from app.observability import metrics

IPV6_SITE_PREFIX = 64
"""Bits. One IPv6 address comes with all of its /64 (RFC 6177), so they count as one."""


def register(app: Flask, *, per_user: str, per_address: str, counters: Counters) -> None:
    """Limit each user, and each address whose calls come without a token of the pool's.

    `per_user`, `per_address`: as "120 per minute". Only calls that `identify` looked at count. A
    token that has expired, or was revoked, counts against its own user: behind one address, the 401
    of one must not become the 429 of all.
    """
    user_limit, address_limit = parse(per_user), parse(per_address)

    @app.before_request
    def count() -> None:
        if "sub" not in g:
            return
        if g.sub is not None:
            whom, limit, key = "user", user_limit, g.sub
        else:
            whom, limit, key = "address", address_limit, _site(str(request.remote_addr))
        window = counters.hit(limit, whom, pseudonym(key)[:32])
        g.rate_limit = limit.amount, window
        if not window.allowed:
            metrics.RATE_LIMITED.labels(whom).inc()
            raise ServiceError(
                ErrorCode.RATE_LIMITED,
                f"More than {limit} from this {whom}. Wait, then try again.",
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
            if wait and not window.remaining:  # or this limit would turn the next call away
                response.headers["Retry-After"] = str(max(wait, window.reset))
        return response


def _site(address: str) -> str:
    """`address`, or the IPv6 network that it belongs to."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address  # a proxy's own idea of an address
    if ip.version == 4:
        return str(ip)
    if ip.ipv4_mapped:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((int(ip), IPV6_SITE_PREFIX), strict=False))
