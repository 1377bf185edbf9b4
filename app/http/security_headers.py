"""Response headers that keep browsers from being used against the user; by the `secure` library."""

from collections.abc import Mapping

from flask import Flask, Response, request
from secure import Secure
from secure.headers import (
    ContentSecurityPolicy,
    CustomHeader,
    ReferrerPolicy,
    StrictTransportSecurity,
    XContentTypeOptions,
    XFrameOptions,
)

ONE_YEAR = 365 * 24 * 60 * 60

_API_POLICY = ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'")
_HEADERS = Secure(
    csp=_API_POLICY,
    referrer=ReferrerPolicy().no_referrer(),
    xcto=XContentTypeOptions().nosniff(),
    xfo=XFrameOptions().deny(),
    custom=[
        CustomHeader("Cross-Origin-Resource-Policy", "same-site"),
        CustomHeader("Cache-Control", "no-store"),  # answers are about one user, and about now
    ],
)
_HTTPS_ONLY = StrictTransportSecurity().max_age(ONE_YEAR)


def headers(https: bool) -> Mapping[str, str]:
    """What every response carries; HSTS over HTTPS only (RFC 6797, section 7.2)."""
    transport = {_HTTPS_ONLY.header_name: _HTTPS_ONLY.header_value} if https else {}
    return {**_HEADERS.headers, **transport}


def register(app: Flask) -> None:
    """Set the headers that a view has not set itself, whatever is answered, problems included."""

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in headers(request.is_secure).items():
            response.headers.setdefault(name, value)
        return response
