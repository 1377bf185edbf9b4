"""The WSGI application: ours first, moto's for the rest."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from moto.core.exceptions import JsonRESTError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from local_cognito import control, parameters
from local_cognito.caller import Caller, calling
from local_cognito.errors import CognitoError
from local_cognito.faults import JWKS
from local_cognito.http import allow_any_origin, aws_answer, aws_error, aws_operation
from local_cognito.moto_server import MotoServer
from local_cognito.parameters import Params
from local_cognito.pools import Pools
from local_cognito.realm import Realm

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

# The hosts of the two issuers are one here: the UPDATED issuer is under a path of its own.
WELL_KNOWN = re.compile(
    r"(?P<updated>/issuer-cognito-idp)?/(?P<pool_id>[\w-]+_[0-9a-zA-Z]+)/\.well-known/"
    r"(?P<document>jwks\.json|openid-configuration)"
)
MAX_BODY = 1024 * 1024
LOG = logging.getLogger(__name__)


class LocalCognito:
    """One Cognito: `POST /` for operations, what is well known, `/_local/*` to steer it."""

    def __init__(self) -> None:
        self._realm = Realm(MotoServer())

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = MAX_BODY
        try:
            with calling(Caller.of(request)):
                response = self._answer(request)
        except RequestEntityTooLarge:
            response = aws_error(CognitoError("RequestEntityTooLargeException", "", 413))
        return allow_any_origin(request, response)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        realm = self._realm
        if request.method == "OPTIONS":
            return Response(status=200)
        if request.path.startswith("/_local/"):
            return control.answer(request, realm, self._reset)
        well_known = WELL_KNOWN.fullmatch(request.path)
        if well_known is not None and request.method == "GET":
            return self._well_known(request, realm, well_known)
        if request.method == "POST" and request.path == "/":
            return self._operation(request, realm)
        return _json({"message": "Not Found"}, 404)

    def _reset(self) -> None:
        self._realm = self._realm.reborn()

    def _well_known(self, request: Request, realm: Realm, asked: re.Match[str]) -> Response:
        """403 for the UPDATED issuer of a pool that has not switched (aws-jwt-verify 279)."""
        issuer_type = "UPDATED" if asked["updated"] else "ORIGINAL"

        def answer() -> Response:
            try:
                pool = realm.pools.pool(asked["pool_id"])
            except CognitoError as error:
                return _json({"message": error.message}, 400)
            if issuer_type not in ("ORIGINAL", pool.issuer_type):
                return _json({"message": "Forbidden"}, 403)
            if asked["document"] == "jwks.json":
                return _json(pool.key_pairs[issuer_type].jwks())
            here = request.url.removesuffix(asked["document"])
            return _json(_openid_configuration(pool.issuers[issuer_type], f"{here}jwks.json"))

        if asked["document"] != "jwks.json":
            return answer()
        realm.calls.count(JWKS)
        return realm.faults.answer(JWKS, _connection(request), answer)

    def _operation(self, request: Request, realm: Realm) -> Response:
        operation = aws_operation(request)
        if operation not in parameters.operation_names():
            return aws_error(CognitoError("UnknownOperationException", ""))
        # The body is read before a fault strikes: bytes left unread would turn a close into an RST.
        request.get_data()
        realm.calls.count(operation)
        return realm.faults.answer(
            operation, _connection(request), lambda: _perform(request, realm, operation)
        )


def _openid_configuration(issuer: str, jwks_uri: str) -> dict[str, Any]:
    """As of a pool without a domain. moto's knows one issuer only."""
    return {
        "issuer": issuer,
        "jwks_uri": jwks_uri,
        "id_token_signing_alg_values_supported": ["RS256"],
        "response_types_supported": ["code", "token"],
        "scopes_supported": ["openid", "email", "phone", "profile"],
        "subject_types_supported": ["public"],
    }


def _perform(request: Request, realm: Realm, operation: str) -> Response:
    """Ours if the table has it, moto's if not; either way an error is one of Cognito's."""
    ours = realm.operations.get(operation)
    try:
        if parameters.needs_signature(operation) and "Authorization" not in request.headers:
            raise CognitoError(
                "MissingAuthenticationTokenException", "Missing Authentication Token"
            )
        params = parameters.read(operation, request.get_data())
        if ours is None:
            return realm.moto.forward(operation, _as_moto_knows_it(params, realm.pools))
        return aws_answer(ours(params, request.remote_addr or ""))
    except CognitoError as error:
        return aws_error(error)
    except JsonRESTError as error:
        return aws_error(CognitoError(str(error.error_type), str(error.message)))
    except Exception:
        # A mistake of moto's (a KeyError for what it does not expect) or ours.
        LOG.exception("%s failed", operation)
        return aws_error(CognitoError("InternalErrorException", "See the server's log.", 500))


def _as_moto_knows_it(params: Params, pools: Pools) -> Params:
    """The parameters as moto understands them.

    moto believes the access tokens of its own table, knows nothing of expiry and revocation, and
    finds a user by few names. So a token is checked here and entered there, and a user who exists
    is told by the name that moto keeps.
    """
    if "AccessToken" in params:
        signed_in = pools.signed_in(params["AccessToken"])
        entry = (signed_in.family.client_id, signed_in.user.username)
        signed_in.pool.moto.access_tokens[params["AccessToken"]] = entry
    if "Username" not in params or not {"UserPoolId", "ClientId"} & set(params):
        return params
    if "UserPoolId" in params:
        pool = pools.pool(params["UserPoolId"])
    else:
        pool, _ = pools.client(params["ClientId"])
    user = pool.find_user(params["Username"])
    return params if user is None else params | {"Username": user.username}


def _json(content: Any, status: int = 200) -> Response:
    return Response(json.dumps(content), status=status, content_type="application/json")


def _connection(request: Request) -> socket.socket | None:
    """The client's socket, which gunicorn hands over: faults cut connections with it."""
    connection = request.environ.get("gunicorn.socket")
    return connection if isinstance(connection, socket.socket) else None
