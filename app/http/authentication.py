"""Who is calling, settled once per request, before its path, query or body is looked at.

`identify` runs before the rate limits, which count a call with a good token against its user and
any other against its address; `admit` runs after them, so that guessing tokens is limited too.
"""

from flask import Flask, g, request

from app.auth.bearer import bearer_token
from app.auth.verifier import TokenVerifier
from app.domain.access_token import AccessToken
from app.domain.errors import DeviceError


def identify(app: Flask, blueprint: str, verifier: TokenVerifier) -> None:
    """Verify the token of every call of `blueprint`."""

    @app.before_request
    def verify() -> None:
        if request.blueprint != blueprint or request.method == "OPTIONS":  # a preflight has none
            return
        try:
            g.access_token = verifier.verify(bearer_token(request.headers.get("Authorization")))
        except DeviceError as error:
            g.authentication_error = error


def admit(app: Flask) -> None:
    """Turn away the calls whose token `identify` found wanting."""

    @app.before_request
    def turn_away() -> None:
        if "authentication_error" in g:
            raise g.authentication_error


def caller() -> AccessToken:
    """The verified token of the request."""
    token: AccessToken = g.access_token
    return token
