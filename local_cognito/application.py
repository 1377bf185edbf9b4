"""The WSGI application: ours first, moto's for the rest."""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.core.exceptions import JsonRESTError
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.wrappers import Request, Response

from local_cognito import control, parameters
from local_cognito.caller import Caller, calling
from local_cognito.errors import CognitoError
from local_cognito.faults import JWKS
from local_cognito.http import allow_any_origin, aws_answer, aws_error, aws_operation
from local_cognito.moto_server import MotoServer
from local_cognito.realm import Realm

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

JWKS_PATH = re.compile(r"/(?P<pool_id>[\w-]+_[0-9a-zA-Z]+)/\.well-known/jwks\.json")
MAX_BODY = 1024 * 1024
LOG = logging.getLogger(__name__)


class LocalCognito:
    """One Cognito: `POST /` for operations, the key sets, `/_local/*` to steer it."""

    def __init__(self) -> None:
        self._moto = MotoServer()
        self._realm = Realm()

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
        key_set = JWKS_PATH.fullmatch(request.path)
        if key_set is not None and request.method == "GET":
            return self._key_set(request, realm, key_set["pool_id"])
        if request.method == "POST" and request.path == "/":
            return self._operation(request, realm)
        return self._moto.answer(request, realm.pools)

    def _reset(self) -> None:
        self._realm = self._realm.reborn()

    def _key_set(self, request: Request, realm: Realm, pool_id: str) -> Response:
        def answer() -> Response:
            try:
                keys = realm.pools.pool(pool_id).keys.jwks()
            except CognitoError as error:
                body = json.dumps({"message": error.message})
                return Response(body, status=400, content_type="application/json")
            return Response(json.dumps(keys), content_type="application/json")

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
            operation, _connection(request), lambda: _perform(request, realm, operation, self._moto)
        )


def _perform(request: Request, realm: Realm, operation: str, moto: MotoServer) -> Response:
    """Ours if the table has it, moto's if not; either way an error is one of Cognito's."""
    ours = realm.operations.get(operation)
    try:
        params = parameters.read(operation, request.get_data())
        if ours is None:
            return moto.answer(request, realm.pools)
        return aws_answer(ours(params, request.remote_addr or ""))
    except CognitoError as error:
        return aws_error(error)
    except JsonRESTError as error:
        return aws_error(CognitoError(str(error.error_type), str(error.message)))
    except NotImplementedError:
        message = f"Neither moto nor the local Cognito has {operation}"
        return aws_error(CognitoError("UnknownOperationException", message))
    except Exception:
        # moto's faults (a KeyError for what it does not expect) and ours: never gunicorn's page.
        LOG.exception("%s failed", operation)
        return aws_error(CognitoError("InternalErrorException", "See the server's log.", 500))


def _connection(request: Request) -> socket.socket | None:
    """The client's socket, where gunicorn lends it (faults cut connections with it)."""
    connection = request.environ.get("gunicorn.socket")
    return connection if isinstance(connection, socket.socket) else None
