"""What users can do with their devices: the use cases, free of HTTP and of boto3.

Every method takes the caller's verified access token, which it forwards, and may raise
`ServiceError` as `app.domain.cognito` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from app.devices.first_pages import FirstPages
from app.domain.access_token import AccessToken
from app.domain.audit import AuditTrail, audited
from app.domain.bulk import Bulk, Report, Runs
from app.domain.cognito import CognitoPort
from app.domain.device_secret import make_device_secret
from app.domain.devices import (
    LIST_LIMIT_MAX,
    DeletionScope,
    Device,
    DevicePage,
    DeviceStatus,
    DeviceStatusChange,
    SecretVerifier,
    TrackedDevice,
    TrackingStatus,
    is_device_key,
)
from app.domain.errors import ErrorCode, ServiceError
from app.domain.flights import Flights
from app.naming import describe_device, name_from_user_agent


class DeviceService:
    """The devices of the token's owner, in Cognito's words."""

    def __init__(
        self,
        cognito: CognitoPort,
        audit: AuditTrail,
        runs: Runs,
        first_pages: FirstPages | None = None,
    ) -> None:
        self._cognito = cognito
        self._audit = audit
        self._runs = runs
        self._first_pages = first_pages
        self._lists = Flights[DevicePage]()

    def page(
        self, token: AccessToken, limit: int, cursor: str | None, *, fresh: bool = False
    ) -> DevicePage:
        """One page of the remembered devices. Cognito lists no other kind.

        `fresh`: asked of Cognito, now and for this call alone.
        """
        page, age = self._page(token, limit, cursor, fresh)
        return DevicePage(
            items=tuple(_described(device, token) for device in page.items),
            next_cursor=page.next_cursor,
            current_device_id=token.device_key,
            age=age,
        )

    def _page(
        self, token: AccessToken, limit: int, cursor: str | None, fresh: bool
    ) -> tuple[DevicePage, int | None]:
        kept = self._first_pages if cursor is None else None
        if kept and not fresh and (found := kept.get(token, limit)):
            return found

        def ask() -> DevicePage:
            page = self._cognito.list_devices(token.value, limit, cursor)
            if kept:
                kept.put(token, limit, page)
            return page

        if fresh:
            return ask(), None
        call = token.value, limit, cursor
        return self._lists.share(call, call, ask), None

    def get(self, token: AccessToken, device_key: str) -> Device:
        """One remembered device.

        Raises:
            ServiceError: `device-not-found`.
        """
        _require_device_key(device_key)
        return _described(self._cognito.get_device(token.value, device_key), token)

    def get_current(self, token: AccessToken) -> Device:
        """The device that the call is made from.

        Raises:
            ServiceError: `no-current-device` when the token names none, `device-not-found` when it
                is not remembered.
        """
        return self.get(token, _current(token))

    def track(
        self,
        token: AccessToken,
        *,
        device_key: str,
        name: str | None,
        user_agent: str | None,
        secret_verifier: SecretVerifier | None,
        device_group_key: str | None,
    ) -> TrackedDevice:
        """Track a device; named after the User-Agent when there is no `name`.

        With a `secret_verifier` the client made the secret and keeps it to itself. Otherwise the
        secret is made here for the pool of `device_group_key`, returned this once and kept nowhere.

        Raises:
            ServiceError: `device-already-tracked`, `device-not-found`, `invalid-parameter`.
        """
        password = None
        if secret_verifier is None:
            password, secret_verifier = make_device_secret(device_group_key or "", device_key)
        with self._changes(token), audited(self._audit, "device.tracked", token, device_key):
            must_opt_in = self._cognito.confirm_device(
                token.value, device_key, secret_verifier, name or name_from_user_agent(user_agent)
            )
        return TrackedDevice(
            id=device_key,
            status=TrackingStatus.TRACKED if must_opt_in else TrackingStatus.REMEMBERED,
            user_confirmation_necessary=must_opt_in,
            device_password=password,
        )

    def set_status(
        self, token: AccessToken, device_key: str, status: DeviceStatus
    ) -> DeviceStatusChange:
        """Remember a tracked device, or stop remembering it; as often as the user likes.

        Raises:
            ServiceError: `device-not-found`.
        """
        _require_device_key(device_key)
        with self._changes(token), audited(self._audit, f"device.{status}", token, device_key):
            self._cognito.update_device_status(token.value, device_key, status)
        return DeviceStatusChange(device_key, status, current=device_key == token.device_key)

    def set_current_status(self, token: AccessToken, status: DeviceStatus) -> DeviceStatusChange:
        """`set_status` of the device that the call is made from.

        Raises:
            ServiceError: `no-current-device`, `device-not-found`.
        """
        return self.set_status(token, _current(token), status)

    def forget(self, token: AccessToken, device_key: str) -> None:
        """Forget one device: its refresh tokens fail from now on.

        Raises:
            ServiceError: `device-not-found`.
        """
        _require_device_key(device_key)
        with self._changes(token), audited(self._audit, "device.forgotten", token, device_key):
            self._cognito.forget_device(token.value, device_key)

    def forget_current(self, token: AccessToken) -> None:
        """`forget` the device that the call is made from.

        Raises:
            ServiceError: `no-current-device`, `device-not-found`.
        """
        self.forget(token, _current(token))

    def forget_many(self, token: AccessToken, scope: DeletionScope) -> Report:
        """Forget all the user's devices, or all but the current one, which goes last.

        Raises:
            ServiceError: the devices could not be listed; nothing was forgotten.
        """
        with self._changes(token):
            return self._runs.run(
                token.sub,
                (scope, token.device_key),
                lambda bulk: self._forget_many(bulk, token, scope),
            )

    def _forget_many(self, bulk: Bulk, token: AccessToken, scope: DeletionScope) -> Report:
        try:
            listed = bulk.all_pages(
                lambda cursor: self._cognito.list_devices(token.value, LIST_LIMIT_MAX, cursor)
            )
            keys = dict.fromkeys(device.id for device in listed)
        except ServiceError as error:
            self._audit.record("device.forgotten", token, None, error.code.value)
            raise
        chosen = [key for key in keys if key != token.device_key]
        if scope is DeletionScope.ALL and token.device_key in keys:
            chosen.append(token.device_key)
        return bulk.run(
            chosen,
            lambda key: self._cognito.forget_device(token.value, key),
            gone=ErrorCode.DEVICE_NOT_FOUND,
            audited=lambda key: audited(self._audit, "device.forgotten", token, key),
        )

    @contextmanager
    def _changes(self, token: AccessToken) -> Iterator[None]:
        """Around a write: no caller is given a list from before it afterwards."""
        try:
            yield
        finally:
            self._lists.clear()
            if self._first_pages:
                self._first_pages.drop(token)

    def sign_out_everywhere(self, token: AccessToken) -> None:
        """Revoke the user's tokens on every device; Cognito refuses them from now on."""
        with self._changes(token), audited(self._audit, "device.signed_out", token, None):
            self._cognito.global_sign_out(token.value)


def _described(device: Device, token: AccessToken) -> Device:
    """`device`, with what the caller is told besides Cognito's answer."""
    device.description = describe_device(device.name)
    device.current = device.id == token.device_key
    return device


def _current(token: AccessToken) -> str:
    if token.device_key is None:
        raise ServiceError(ErrorCode.NO_CURRENT_DEVICE)
    return token.device_key


def _require_device_key(text: str) -> None:
    if not is_device_key(text):
        raise ServiceError(
            ErrorCode.DEVICE_NOT_FOUND, "No such device: the id in the path is not a device key."
        )
