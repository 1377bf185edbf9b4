"""Cognito's operations for users, each as a call and what came of it."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import orjson

from app.cognito import answers
from app.cognito.attempts import Attempts
from app.cognito.breaker import CognitoBreaker
from app.cognito.endpoint import Endpoint
from app.cognito.quota import QuotaBudget
from app.cognito.transport import Transport
from app.counters import Counters
from app.domain import operations
from app.domain.devices import Device, DevicePage, DeviceStatus, SecretVerifier
from app.domain.errors import ErrorCode, ServiceError
from app.domain.operations import Operation
from app.domain.sessions import SessionPage
from app.observability.calls import record_request_id
from app.settings import Settings

Answer = TypeVar("Answer")


class CognitoClient:
    """What Cognito does for the owner of `access_token`, by that token alone.

    Every method may raise `ServiceError`: the token was refused, Cognito is over its quota, did not
    answer or is known to be down.
    """

    def __init__(self, settings: Settings, breaker: CognitoBreaker, counters: Counters) -> None:
        self._endpoint = Endpoint(settings)
        self._transport = Transport(settings, self._endpoint.url)
        self._attempts = Attempts(settings, QuotaBudget(settings, counters), breaker)

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        """ListDevices: one page of the remembered devices, `limit` (1..60) at most."""
        page = {"PaginationToken": cursor} if cursor else {}
        return self._call(
            operations.LIST_DEVICES, answers.device_page, access_token, Limit=limit, **page
        )

    def get_device(self, access_token: str, device_key: str) -> Device:
        """GetDevice; `device-not-found` unless the device is remembered."""

        def asked_for(answer: Mapping[str, Any]) -> Device:
            device = answers.device(answer["Device"])
            if device.id != device_key:
                raise answers.UnreadableAnswer("another device")
            return device

        return self._call(operations.GET_DEVICE, asked_for, access_token, DeviceKey=device_key)

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        """ConfirmDevice: track the device. True if the user must still opt in to remembering it."""
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
        """UpdateDeviceStatus."""
        self._call(
            operations.UPDATE_DEVICE_STATUS,
            answers.nothing,
            access_token,
            DeviceKey=device_key,
            DeviceRememberedStatus=status.value,
        )

    def forget_device(self, access_token: str, device_key: str) -> None:
        """ForgetDevice: neither remembered nor tracked any more."""
        self._call(operations.FORGET_DEVICE, answers.nothing, access_token, DeviceKey=device_key)

    def global_sign_out(self, access_token: str) -> None:
        """GlobalSignOut: revoke every token that Cognito has issued to the user."""
        self._call(operations.GLOBAL_SIGN_OUT, answers.nothing, access_token)

    def list_user_sessions(self, access_token: str, cursor: str | None) -> SessionPage:
        """ListUserSessions: one page of the sessions."""
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
        """RevokeUserSession; `linked` ends the sessions that came with it, too."""
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
        """What `read` makes of Cognito's answer. An answer that was lost, but shown to have been a
        success (`Operation.done_if_refused_with`), is None, as that of all writes."""
        # The body alone differs from call to call: it is the parameters, in JSON.
        body = orjson.dumps({"AccessToken": access_token, **params})
        request = partial(self._request, operation, body, read)
        return self._attempts.run(operation, request)  # type: ignore[return-value]

    def _request(
        self, operation: Operation, body: bytes, read: Callable[[Mapping[str, Any]], Answer]
    ) -> Answer:
        answer = self._transport.post(self._endpoint.headers[operation], body)
        record_request_id(answer.headers.get("x-amzn-requestid"))
        return read(self._endpoint.members(answer))
