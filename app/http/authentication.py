"""Who is calling, settled once per request, before its path, query or body is looked at.

`identify` runs before the rate limits, which count a call against the user whose token it is and
any other against its address; `admit` runs after them, so that guessing tokens is limited too.
"""

from flask import Flask, g, request

from app.auth.bearer import bearer_token
from app.auth.verifier import TokenVerifier
from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError


def identify(app: Flask, blueprints: frozenset[str], verifier: TokenVerifier) -> None:
    """Verify the token of every call of `blueprints`."""

    @app.before_request
    def verify() -> None:
        if request.blueprint not in blueprints or request.method == "OPTIONS":
            return  # a preflight has no token
        try:
            g.access_token = verifier.verify(bearer_token(request.headers.get("Authorization")))
            g.sub = g.access_token.sub
        except ServiceError as error:
            g.authentication_error = error
            g.sub = error.sub


def admit(app: Flask) -> None:
    """Refuse the calls whose token `identify` has refused."""

    @app.before_request
    def turn_away() -> None:
        if "authentication_error" in g:
            raise g.authentication_error


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
