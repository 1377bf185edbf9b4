"""Amazon Cognito through boto3: the only file that imports it.

The operations authenticate by the user's access token alone (`auth: smithy.api#noAuth` in the
botocore model), so requests are unsigned and no AWS credentials are looked for.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import boto3
import botocore
import orjson
from botocore import UNSIGNED, xform_name
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError, create_parser

from app.cognito import answers
from app.cognito.attempts import AttemptFailed, Attempts
from app.cognito.errors import to_service_error
from app.cognito.transport import Transport
from app.domain import operations
from app.domain.devices import Device, DevicePage, DeviceStatus, SecretVerifier
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import OPERATIONS, Operation
from app.domain.sessions import SessionPage
from app.observability.calls import record_request_id

Answer = TypeVar("Answer")

USER_AGENT = f"device-bff Botocore/{botocore.__version__}"


def cognito_idp(
    *,
    region: str,
    endpoint_url: str | None,
    connect_timeout: float,
    read_timeout: float,
    connections: int,
    ca_file: str | None,
) -> Any:
    """A boto3 client of cognito-idp that makes one unsigned request per call. Timeouts in seconds.

    Retries are `Attempts`' business, which has a deadline. `connections`: how many to keep alive.
    `ca_file`: whom to trust, in PEM; None for those that botocore ships.
    """
    client = boto3.Session().client(
        "cognito-idp",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            signature_version=UNSIGNED,
            user_agent=USER_AGENT,
            parameter_validation=False,  # our schemas have done that
            ignore_configured_endpoint_urls=True,
        ),
    )
    transport = Transport(
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        connections=connections,
        ca_file=ca_file,
    )
    client.meta.events.register("before-call.cognito-identity-provider", partial(_send, transport))
    return client


def _send(
    transport: Transport, *, model: Any, params: dict[str, Any], **_: Any
) -> tuple[AWSResponse, dict[str, Any]]:
    """The HTTP round in botocore's place, as its event "before-call" allows.

    botocore's parser reads errors. A 200 is read here, once: `app.cognito.answers` takes from it
    what it knows, as botocore's parser would by its model.
    """
    answer = transport.post(params["url"], params["headers"], params["body"])
    status, headers, body = answer.status, answer.headers, answer.body
    request_id = headers.get("x-amzn-requestid")
    record_request_id(request_id)
    if status == 200:
        parsed = _read(model, body)
    elif status < 400:
        raise answers.UnreadableAnswer("neither a success nor an error of Cognito's")
    else:
        # A 5xx says enough by its status; botocore chokes on some of their bodies.
        told = {"headers": headers, "status_code": status, "body": body if status < 500 else b"{}"}
        parser = create_parser(model.service_model.resolved_protocol)
        parsed = parser.parse(told, model.output_shape)
    parsed["ResponseMetadata"] = {
        "RequestId": request_id,
        "HTTPStatusCode": status,
        "HTTPHeaders": headers,
        "RetryAttempts": 0,
    }
    return AWSResponse(params["url"], status, headers, None), parsed


def _read(model: Any, body: bytes) -> dict[str, Any]:
    """The members of a 200.

    Raises:
        UnreadableAnswer: what botocore would take for a success: HTML, a body where none belongs.
    """
    try:
        answer = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError:
        answer = json.loads(body)  # takes half a surrogate pair, which one device's name may hold
    shape = model.output_shape
    if not isinstance(answer, dict) or (answer and (shape is None or not shape.members)):
        raise answers.UnreadableAnswer("not what the operation answers")
    return answer


class CognitoClient:
    """`app.domain.cognito.CognitoPort` over boto3."""

    def __init__(self, cognito_idp: Any, attempts: Attempts) -> None:
        self._methods = {op: getattr(cognito_idp, xform_name(op.name)) for op in OPERATIONS}
        self._attempts = attempts

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        page = {"PaginationToken": cursor} if cursor else {}
        return self._call(
            operations.LIST_DEVICES, answers.device_page, access_token, Limit=limit, **page
        )

    def get_device(self, access_token: str, device_key: str) -> Device:
        def asked_for(answer: Mapping[str, Any]) -> Device:
            device = answers.device(answer["Device"])
            if device.id != device_key:
                raise answers.UnreadableAnswer("another device")
            return device

        return self._call(operations.GET_DEVICE, asked_for, access_token, DeviceKey=device_key)

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        return self._call(
            operations.CONFIRM_DEVICE,
            lambda answer: bool(answer.get("UserConfirmationNecessary")),
            access_token,
            DeviceKey=device_key,
            DeviceSecretVerifierConfig={
                "PasswordVerifier": verifier.password_verifier,
                "Salt": verifier.salt,
            },
            **({"DeviceName": name} if name else {}),
        )

    def update_device_status(
        self, access_token: str, device_key: str, status: DeviceStatus
    ) -> None:
        self._call(
            operations.UPDATE_DEVICE_STATUS,
            answers.nothing,
            access_token,
            DeviceKey=device_key,
            DeviceRememberedStatus=status.value,
        )

    def forget_device(self, access_token: str, device_key: str) -> None:
        self._call(operations.FORGET_DEVICE, answers.nothing, access_token, DeviceKey=device_key)

    def global_sign_out(self, access_token: str) -> None:
        self._call(operations.GLOBAL_SIGN_OUT, answers.nothing, access_token)

    def list_user_sessions(self, access_token: str, cursor: str | None) -> SessionPage:
        page = {"NextToken": cursor} if cursor else {}
        try:
            return self._call(
                operations.LIST_USER_SESSIONS, answers.session_page, access_token, **page
            )
        except ServiceError as error:
            # What Cognito answers while tracking is off is not documented. Without a cursor there
            # is no parameter that it could refuse.
            if error.code is ErrorCode.INVALID_PARAMETER and cursor is None:
                raise ServiceError(ErrorCode.SESSION_TRACKING_UNAVAILABLE) from None
            raise

    def revoke_user_session(self, access_token: str, session_id: str, *, linked: bool) -> None:
        self._call(
            operations.REVOKE_USER_SESSION,
            answers.nothing,
            access_token,
            SessionId=session_id,
            RevokeAssociatedSessions="LINKED" if linked else "NONE",
        )

    def _call(
        self,
        operation: Operation,
        read: Callable[[Mapping[str, Any]], Answer],
        access_token: str,
        **params: Any,
    ) -> Answer:
        """What `read` makes of Cognito's answer; of an answer that was lost, but shown to have been
        a success (`Operation.shown_done_by`), it makes nothing."""
        method = self._methods[operation]

        def request() -> Answer:
            try:
                return read(method(AccessToken=access_token, **params))
            except ClientError as error:
                raise _refusal(operation, error.response) from None
            except (BotoCoreError, *UNREADABLE) as error:
                raise _failure(error) from None

        # None only where `read` is `nothing`.
        return self._attempts.run(operation, request)  # type: ignore[return-value]


UNREADABLE = (
    answers.UnreadableAnswer,
    ResponseParserError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RuntimeError,  # nesting that is too deep
)
"""What botocore's parser and ours raise over bytes that Cognito would not send."""


def _refusal(operation: Operation, answer: Mapping[str, Any]) -> AttemptFailed:
    """The failure for an answer that is an error."""
    if answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:
        return AttemptFailed(
            ServiceError(ErrorCode.UPSTREAM_ERROR), retryable=True, answer_lost=True, outage=True
        )
    refused = answer.get("Error", {})
    error = to_service_error(operation, str(refused.get("Code")), str(refused.get("Message", "")))
    return AttemptFailed(error, retryable=error.code is ErrorCode.QUOTA_EXCEEDED)


def _failure(error: Exception) -> AttemptFailed:
    """The failure for an answer that did not come, or is not one of Cognito's."""
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return AttemptFailed(
            ServiceError(ErrorCode.UPSTREAM_TIMEOUT),
            retryable=True,
            answer_lost=isinstance(error, ReadTimeoutError),
            outage=True,
        )
    if isinstance(error, HTTPClientError | NoConnectionError):
        return AttemptFailed(
            ServiceError(ErrorCode.UPSTREAM_ERROR, "Amazon Cognito could not be reached."),
            retryable=True,
            answer_lost=isinstance(error, HTTPClientError),
            outage=True,
        )
    return AttemptFailed(
        ServiceError(ErrorCode.UPSTREAM_ERROR, "Amazon Cognito's answer could not be understood."),
        retryable=True,
        answer_lost=True,
    )
