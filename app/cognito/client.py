"""Amazon Cognito through boto3: the only file that imports it.

The six operations authenticate by the user's access token alone (`auth: smithy.api#noAuth` in the
botocore model), so requests are unsigned and no AWS credentials are looked for.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from app.cognito.attempts import AttemptFailed, Attempts
from app.cognito.errors import to_device_error
from app.domain.devices import Device, DevicePage, DeviceStatus, RememberedStatus, SecretVerifier
from app.domain.errors import DeviceError, ErrorCode
from app.observability.calls import record_request_id
from app.transport import AnswerTooLarge, bounded

ANSWER_MAX_BYTES = 1024 * 1024
"""A page of sixty devices, each with every attribute at its longest, is far below."""

NAMED_ATTRIBUTES = {"device_name", "last_ip_used", "dev:device_remembered_status"}
"""Attributes that are members of a Device of their own."""

CONFIDENTIAL_ATTRIBUTES = {"dev:device_arn", "dev:device_owner"}
"""They hold the AWS account number, and the pool and user name."""


class UnreadableAnswer(Exception):
    """A 200 whose body is not what Cognito answers."""


def cognito_idp(
    *,
    region: str,
    endpoint_url: str | None,
    connect_timeout: float,
    read_timeout: float,
    connections: int,
) -> Any:
    """A boto3 client of cognito-idp that makes one unsigned request per call. Timeouts in seconds.

    Retries are `Attempts`' business, which has a deadline. `read_timeout`: for the whole of an
    answer. `connections`: how many to keep alive.
    """
    client = boto3.client(
        "cognito-idp",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            signature_version=UNSIGNED,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            max_pool_connections=connections,
            tcp_keepalive=True,
            retries={"total_max_attempts": 1},
            ignore_configured_endpoint_urls=True,
        ),
    )
    client.meta.events.register("before-parse.cognito-identity-provider", _record_request_id)
    client.meta.events.register("before-parse.cognito-identity-provider", _check_readable)
    _bound_answers(client)
    return client


def _bound_answers(client: Any) -> None:
    """Have the client's connections, to a proxy too, read no more than `ANSWER_MAX_BYTES`, in time.

    botocore has no setting for this. Its pools are made of these classes when they are needed.
    """
    pool_classes = client._endpoint.http_session._pool_classes_by_scheme
    pool_classes.update(bounded(pool_classes, ANSWER_MAX_BYTES))


class CognitoClient:
    """`app.domain.ports.CognitoPort` over boto3."""

    def __init__(self, cognito_idp: Any, attempts: Attempts) -> None:
        self._cognito_idp = cognito_idp
        self._attempts = attempts

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        page: dict[str, Any] = {"PaginationToken": cursor} if cursor else {}
        devices: DevicePage = self._call(
            "ListDevices", _device_page, AccessToken=access_token, Limit=limit, **page
        )
        return devices

    def get_device(self, access_token: str, device_key: str) -> Device:
        def asked_for(answer: Mapping[str, Any]) -> Device:
            device = _device(answer["Device"])
            if device.id != device_key:
                raise UnreadableAnswer("another device")
            return device

        device: Device = self._call(
            "GetDevice", asked_for, AccessToken=access_token, DeviceKey=device_key
        )
        return device

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        named: dict[str, Any] = {"DeviceName": name} if name else {}
        must_opt_in: bool = self._call(
            "ConfirmDevice",
            _must_opt_in,
            AccessToken=access_token,
            DeviceKey=device_key,
            DeviceSecretVerifierConfig={
                "PasswordVerifier": verifier.password_verifier,
                "Salt": verifier.salt,
            },
            **named,
        )
        return must_opt_in

    def update_device_status(
        self, access_token: str, device_key: str, status: RememberedStatus
    ) -> None:
        self._call(
            "UpdateDeviceStatus",
            _nothing,
            AccessToken=access_token,
            DeviceKey=device_key,
            DeviceRememberedStatus=status.value,
        )

    def forget_device(self, access_token: str, device_key: str) -> None:
        self._call("ForgetDevice", _nothing, AccessToken=access_token, DeviceKey=device_key)

    def global_sign_out(self, access_token: str) -> None:
        self._call("GlobalSignOut", _nothing, AccessToken=access_token)

    def _call(
        self,
        operation: str,
        read: Callable[[Mapping[str, Any]], Any],
        **params: Any,
    ) -> Any:
        """What `read` makes of Cognito's answer; None if that was lost but the work was done."""

        def attempt() -> Any:
            try:
                return read(getattr(self._cognito_idp, _METHODS[operation])(**params))
            except (BotoCoreError, *_UNREADABLE) as error:
                raise _failure(error) from None
            except ClientError as error:
                raise _refusal(operation, error.response) from None

        return self._attempts.run(operation, attempt)


_METHODS = {
    "ListDevices": "list_devices",
    "GetDevice": "get_device",
    "ConfirmDevice": "confirm_device",
    "UpdateDeviceStatus": "update_device_status",
    "ForgetDevice": "forget_device",
    "GlobalSignOut": "global_sign_out",
}

_UNREADABLE = (
    UnreadableAnswer,
    ResponseParserError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    OverflowError,
    RuntimeError,  # of dates that there are not, and of nesting that goes too deep
)
"""What botocore's parser and ours raise over bytes that Cognito would not send."""


def _refusal(operation: str, answer: Mapping[str, Any]) -> AttemptFailed:
    """The failure for an answer that is an error."""
    error = answer.get("Error", {})
    status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning = to_device_error(operation, str(error.get("Code")), str(error.get("Message", "")))
    if status >= 500:
        return AttemptFailed(
            DeviceError(ErrorCode.UPSTREAM_ERROR, "Amazon Cognito failed to serve the request."),
            retryable=True,
            answer_lost=True,
            outage=True,
        )
    return AttemptFailed(meaning, retryable=meaning.code is ErrorCode.QUOTA_EXCEEDED)


def _failure(error: Exception) -> AttemptFailed:
    """The failure for an answer that did not come, or is not one of Cognito's."""
    too_large = isinstance(error, HTTPClientError) and isinstance(
        error.kwargs.get("error"), AnswerTooLarge
    )
    if isinstance(error, ReadTimeoutError | ConnectTimeoutError):
        return AttemptFailed(
            DeviceError(ErrorCode.UPSTREAM_TIMEOUT, "Amazon Cognito did not answer in time."),
            retryable=True,
            answer_lost=isinstance(error, ReadTimeoutError),
            outage=True,
        )
    if isinstance(error, HTTPClientError | NoConnectionError) and not too_large:
        return AttemptFailed(
            DeviceError(ErrorCode.UPSTREAM_ERROR, "Amazon Cognito could not be reached."),
            retryable=True,
            # TLS fails in the handshake, and in the middle of an answer; botocore does not tell.
            answer_lost=isinstance(error, HTTPClientError | SSLError),
            outage=True,
        )
    return AttemptFailed(
        DeviceError(ErrorCode.UPSTREAM_ERROR, "Amazon Cognito's answer could not be understood."),
        retryable=True,
        answer_lost=True,
    )


def _check_readable(operation_model: Any, response_dict: dict[str, Any], **_: Any) -> None:
    """Refuse what botocore would take for a success: HTML, half an answer, nothing, a 202.

    Of a 5xx, which says enough by its status, the body is left out: botocore chokes on some.

    Raises:
        HTTPClientError: the connection ended in the middle of the answer, which urllib3 lets pass.
        UnreadableAnswer: a status that Cognito does not answer with, or a body that is not of the
            operation's shape.
    """
    body: bytes = response_dict["body"]
    announced = str(response_dict["headers"].get("content-length", ""))
    if announced.isdigit() and len(body) < int(announced):
        raise HTTPClientError(error="the answer broke off")
    status = response_dict["status_code"]
    if status >= 500:
        response_dict["body"] = b"{}"
    if status >= 400:
        return
    if status != 200:
        raise UnreadableAnswer("neither a success nor an error of Cognito's")
    shape = operation_model.output_shape
    if shape is None or not shape.members:
        if body and json.loads(body) != {}:
            raise UnreadableAnswer("more than the success of an operation that answers nothing")
    elif not _fits(json.loads(body), shape):
        raise UnreadableAnswer("not what the operation answers")


_JSON_TYPES: Mapping[str, Any] = {
    "structure": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "timestamp": (int, float, str),
}


def _fits(value: Any, shape: Any) -> bool:
    """Whether `value` is made of the JSON types that botocore's model says, which its parser takes
    for granted: it makes an empty list of an object, and a text of anything."""
    if not isinstance(value, _JSON_TYPES.get(shape.type_name, object)):
        return False
    if shape.type_name == "list":
        return all(_fits(item, shape.member) for item in value)
    if shape.type_name == "structure":
        return all(
            value.get(name) is None or _fits(value[name], member)
            for name, member in shape.members.items()
        )
    return True


def _record_request_id(response_dict: dict[str, Any], **_: Any) -> None:
    """Also of an answer that is then refused: by it the support of AWS finds the request."""
    record_request_id(response_dict["headers"].get("x-amzn-requestid"))


def _must_opt_in(answer: Mapping[str, Any]) -> bool:
    necessary: bool = answer.get("UserConfirmationNecessary", False)
    return necessary


def _nothing(answer: Mapping[str, Any]) -> None:
    """ForgetDevice, UpdateDeviceStatus and GlobalSignOut answer with nothing but success."""


def _device_page(answer: Mapping[str, Any]) -> DevicePage:
    return DevicePage(
        items=tuple(_device(device) for device in answer["Devices"]),
        next_cursor=answer.get("PaginationToken"),
    )


def _device(device: Mapping[str, Any]) -> Device:
    """Our Device of Cognito's `DeviceType`. A date that it omits is that of the creation."""
    attributes = {a["Name"]: a.get("Value", "") for a in device.get("DeviceAttributes", ())}
    created_at = _utc(device["DeviceCreateDate"])
    return Device(
        id=device["DeviceKey"],
        name=attributes.get("device_name"),
        status=DeviceStatus(
            attributes.get("dev:device_remembered_status", DeviceStatus.TRACKED.value)
        ),
        last_ip_address=attributes.get("last_ip_used"),
        created_at=created_at,
        last_modified_at=_utc(device.get("DeviceLastModifiedDate", created_at)),
        last_authenticated_at=_utc(device.get("DeviceLastAuthenticatedDate", created_at)),
        attributes={
            name: value
            for name, value in attributes.items()
            if name not in NAMED_ATTRIBUTES | CONFIDENTIAL_ATTRIBUTES
        },
    )


def _utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC)
