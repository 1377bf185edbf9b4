"""Response headers that keep browsers from being used against the user; by the `secure` library."""

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
    custom=[CustomHeader("Cross-Origin-Resource-Policy", "same-site")],
)
_HTTPS_ONLY = StrictTransportSecurity().max_age(ONE_YEAR)


def register(app: Flask) -> None:
    """Set the headers that a view has not set itself; HSTS over HTTPS only (RFC 6797, 7.2)."""

    @app.after_request
    def protect(response: Response) -> Response:
        for name, value in _HEADERS.headers.items():
            response.headers.setdefault(name, value)
        if request.is_secure:
            response.headers[_HTTPS_ONLY.header_name] = _HTTPS_ONLY.header_value
        return response
