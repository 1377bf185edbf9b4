"""Response headers that keep browsers from being used against the user; by the `secure` library."""

from collections.abc import Mapping
from http import HTTPStatus

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

HEADERS: Mapping[str, str] = Secure(
    csp=ContentSecurityPolicy().default_src("'none'").frame_ancestors("'none'"),
    referrer=ReferrerPolicy().no_referrer(),
    xcto=XContentTypeOptions().nosniff(),
    xfo=XFrameOptions().deny(),
    custom=[
        CustomHeader("Cross-Origin-Resource-Policy", "same-site"),
        CustomHeader("Cache-Control", "no-store"),  # answers are about one user, and about now
    ],
).headers
SET_BY_VIEWS = ("Cache-Control", "Content-Security-Policy", "Cross-Origin-Resource-Policy")
"""What some views set for themselves."""
_HSTS = StrictTransportSecurity().max_age(ONE_YEAR)
HTTPS_HEADERS = {**HEADERS, _HSTS.header_name: _HSTS.header_value}


def headers(https: bool, host: str = "") -> Mapping[str, str]:
    """What every response carries; HSTS over HTTPS only (RFC 6797, section 7.2), and not for
    `localhost`, where it would cover every other project of a developer."""
    local = host.partition(":")[0] == "localhost"
    return HTTPS_HEADERS if https and not local else HEADERS


def register(app: Flask) -> None:
    """Set the headers that a view has not set itself, whatever is answered, problems included."""

    @app.after_request
    def protect(response: Response) -> Response:
        if (
            response.status_code == HTTPStatus.NO_CONTENT
        ):  # describes what is not there: RFC 9110 8.3
            del response.headers["Content-Type"]
        more = headers(request.is_secure, request.host)
        own = [name for name in SET_BY_VIEWS if name in response.headers]
        if own:
            more = {name: value for name, value in more.items() if name not in own}
        response.headers.extend(more.items())  # a mapping takes twice as long
        return response
