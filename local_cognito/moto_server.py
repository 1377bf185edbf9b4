"""The door to moto: one WSGI app that answers every Cognito operation that is not ours."""

from __future__ import annotations

import json
import uuid
from io import BytesIO

from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.wrappers import Request, Response

from local_cognito.http import CONTENT_TYPE
from local_cognito.pools import Pools


class MotoServer:
    """moto's own server app for cognito-idp, in this process."""

    def __init__(self) -> None:
        self._app = create_backend_app("cognito-idp")

    def answer(self, request: Request, pools: Pools) -> Response:
        """moto's answer, with the headers that AWS sends and moto does not.

        Raises CognitoError when the request carries an access token that Cognito would refuse:
        moto knows nothing of expiry and revocation.
        """
        body = request.get_data()
        _introduce_access_token(body, pools)
        environ = {**request.environ, "wsgi.input": BytesIO(body)}
        if request.method == "POST":
            # moto reads a body that claims to be a form (curl says so) as one.
            environ["CONTENT_TYPE"] = CONTENT_TYPE
        answer = Response.from_app(self._app, environ, buffered=True)
        if request.method == "POST":
            answer.content_type = CONTENT_TYPE
        answer.headers["x-amzn-RequestId"] = str(uuid.uuid4())
        if answer.status_code >= 400:
            answer.headers["x-amzn-ErrorType"] = f"{_error_type(answer)}:"
        return answer


def _introduce_access_token(body: bytes, pools: Pools) -> None:
    """moto believes the access tokens in its own table, so ours are entered once checked."""
    try:
        given = json.loads(body)
    except ValueError:
        return
    token = given.get("AccessToken") if isinstance(given, dict) else None
    if not isinstance(token, str):
        return
    signed_in = pools.signed_in(token)
    signed_in.pool.access_tokens[token] = (signed_in.family.client_id, signed_in.user.username)


def _error_type(answer: Response) -> str:
    try:
        return str(json.loads(answer.get_data())["__type"])
    except (ValueError, KeyError, TypeError):
        return "InternalErrorException"
