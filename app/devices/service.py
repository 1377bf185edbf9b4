"""What a user can do with their devices: the use cases, free of HTTP and of boto3.

Every method takes the caller's verified access token, which it forwards, and may raise
`DeviceError` as `app.domain.ports` says.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from app.cognito.srp import make_device_secret
from app.domain.access_token import AccessToken
from app.domain.devices import (
    LIST_LIMIT_MAX,
    DeletionScope,
    Device,
    DevicePage,
    DeviceStatus,
    DeviceStatusChange,
    RememberedStatus,
    SecretVerifier,
    TrackedDevice,
    is_device_key,
)
from app.domain.errors import DeviceError, ErrorCode
from app.domain.ports import CognitoPort

LIST_CHANGED = (
    "The list of devices changed while it was read. Nothing was forgotten; repeat the call."
)
LIST_TOO_SLOW = (
    "Amazon Cognito took too long to list the devices. Nothing was forgotten; repeat the call."
)


@dataclass(frozen=True)
class FailedForget:
    """A device that could not be forgotten, and why."""

    id: str
    error: DeviceError


@dataclass(frozen=True)
class ForgetReport:
    """What came of forgetting many devices, in the order it was tried."""

    forgotten: tuple[str, ...]
    failed: tuple[FailedForget, ...]


@dataclass(frozen=True)
class ForgetPace:
    """How forgetting many goes about it.

    Cognito allows 25 updates a second for the whole account: `per_second` is one caller's share.
    `deadline`: seconds, listing them included, after which no further call of Cognito is begun and
    the rest is reported as not forgotten. `at_once`: how many callers may be at it in this worker,
    since each holds a thread for that long.
    """

    per_second: float
    deadline: float
    at_once: int


class AuditTrail(Protocol):
    """Where it is kept what users did with their devices."""

    def record(self, action: str, token: AccessToken, device_key: str | None, outcome: str) -> None:
        """Keep that the token's owner did `action`; `outcome`: `success`, or why not."""


class DeviceService:
    """The devices of the token's owner, in Cognito's words.

    `clock` and `sleep` (seconds) are `time`'s; a test that has no time to lose passes its own.
    """

    def __init__(
        self,
        cognito: CognitoPort,
        audit: AuditTrail,
        pace: ForgetPace,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._cognito = cognito
        self._audit = audit
        self._pace = pace
        self._clock = clock
        self._sleep = sleep
        self._forgetting_many = threading.BoundedSemaphore(pace.at_once)

    def page(self, token: AccessToken, limit: int, cursor: str | None) -> DevicePage:
        """One page of the remembered devices. Cognito lists no other kind."""
        page = self._cognito.list_devices(token.value, limit, cursor)
        return replace(page, items=tuple(_mark_current(device, token) for device in page.items))

    def get(self, token: AccessToken, device_key: str) -> Device:
        """One remembered device.

        Raises:
            DeviceError: `device-not-found`.
        """
        _require_device_key(device_key)
        return _mark_current(self._cognito.get_device(token.value, device_key), token)

    def track(
        self,
        token: AccessToken,
        *,
        device_key: str,
        name: str | None,
        secret_verifier: SecretVerifier | None = None,
        device_group_key: str = "",
    ) -> TrackedDevice:
        """Track a device.

        With a `secret_verifier` the client made the secret and keeps it to itself. Without, the
        secret is made here for the pool of `device_group_key`, told this once and kept nowhere.

        Raises:
            DeviceError: `device-already-tracked`, `device-not-found`, `invalid-parameter`.
        """
        device_password = None
        if secret_verifier is None:
            device_password, secret_verifier = make_device_secret(device_group_key, device_key)
        with self._audited("tracked", token, device_key):
            must_opt_in = self._cognito.confirm_device(
                token.value, device_key, secret_verifier, name
            )
        return TrackedDevice(
            id=device_key,
            status=DeviceStatus.TRACKED if must_opt_in else DeviceStatus.REMEMBERED,
            user_confirmation_necessary=must_opt_in,
            device_password=device_password,
        )

    def set_status(
        self, token: AccessToken, device_key: str, status: RememberedStatus
    ) -> DeviceStatusChange:
        """Remember a tracked device, or no longer; as often as the user likes.

        Raises:
            DeviceError: `device-not-found`.
        """
        _require_device_key(device_key)
        with self._audited(status.value, token, device_key):
            self._cognito.update_device_status(token.value, device_key, status)
        return DeviceStatusChange(
            id=device_key, status=status, current=device_key == token.device_key
        )

    def forget(self, token: AccessToken, device_key: str) -> None:
        """Forget one device: its refresh tokens fail from now on.

        Raises:
            DeviceError: `device-not-found`.
        """
        _require_device_key(device_key)
        with self._audited("forgotten", token, device_key):
            self._cognito.forget_device(token.value, device_key)

    def forget_many(self, token: AccessToken, scope: DeletionScope) -> ForgetReport:
        """Forget all the user's devices, or all but the current one.

        Every page is read before any device is forgotten, since a cursor does not survive the
        removal of what it points at. The current device goes last: its sign-in makes these calls.
        """
        if not self._forgetting_many.acquire(blocking=False):
            raise self._nothing_forgotten(
                token,
                DeviceError(
                    ErrorCode.UPSTREAM_UNAVAILABLE,
                    "Too many calls that forget many devices are under way. Nothing was changed.",
                    retry_after=5,
                ),
            )
        try:
            deadline = self._clock() + self._pace.deadline
            try:
                keys = [device.id for device in self._all_devices(token, deadline)]
            except DeviceError as error:
                raise self._nothing_forgotten(token, error) from None
            others = [key for key in dict.fromkeys(keys) if key != token.device_key]
            current = [token.device_key] if token.device_key in keys else []
            chosen = others + current if scope is DeletionScope.ALL else others
            return self._forget_paced(token, chosen, deadline)
        finally:
            self._forgetting_many.release()

    def sign_out_everywhere(self, token: AccessToken) -> None:
        """Revoke the user's tokens on every device; Cognito refuses them from now on."""
        with self._audited("signed_out", token, None):
            self._cognito.global_sign_out(token.value)

    @staticmethod
    def current_device_key(token: AccessToken) -> str:
        """The device that the token's sign-in was made from.

        Raises:
            DeviceError: `no-current-device`.
        """
        if token.device_key is None:
            raise DeviceError(
                ErrorCode.NO_CURRENT_DEVICE,
                "The access token names no device: the sign-in was federated or through the "
                "Hosted UI, or the user pool tracks no devices.",
            )
        return token.device_key

    @contextmanager
    def _audited(self, action: str, token: AccessToken, device_key: str | None) -> Iterator[None]:
        outcome = ErrorCode.INTERNAL_ERROR.value
        try:
            yield
            outcome = "success"
        except DeviceError as error:
            outcome = error.code.value
            raise
        finally:
            self._audit.record(action, token, device_key, outcome)

    def _nothing_forgotten(self, token: AccessToken, error: DeviceError) -> DeviceError:
        """`error`, now in the audit trail: it ended an attempt that had reached no device yet."""
        self._audit.record("forgotten", token, None, error.code.value)
        return error

    def _all_devices(self, token: AccessToken, deadline: float) -> Iterator[Device]:
        cursor, seen = None, set[str]()
        while self._clock() <= deadline:
            try:
                page = self._cognito.list_devices(token.value, LIST_LIMIT_MAX, cursor)
            except DeviceError as error:
                if error.code is not ErrorCode.INVALID_PARAMETER:
                    raise
                raise DeviceError(error.code, LIST_CHANGED) from None  # the cursor is ours
            yield from page.items
            cursor = page.next_cursor
            if cursor is None or cursor in seen:  # a cursor that comes round again ends nowhere
                return
            seen.add(cursor)
        raise DeviceError(ErrorCode.UPSTREAM_TIMEOUT, LIST_TOO_SLOW)

    def _forget_paced(
        self, token: AccessToken, device_keys: list[str], deadline: float
    ) -> ForgetReport:
        forgotten: list[str] = []
        failed: list[FailedForget] = []
        turns = _Turns(self._pace.per_second, deadline, self._clock, self._sleep)
        for device_key in device_keys:
            try:
                with self._audited("forgotten", token, device_key):
                    self._forget_in_turn(token, device_key, turns)
            except DeviceError as error:
                failed.append(FailedForget(device_key, error))
            else:
                forgotten.append(device_key)
        return ForgetReport(tuple(forgotten), tuple(failed))

    def _forget_in_turn(self, token: AccessToken, device_key: str, turns: "_Turns") -> None:
        """Forget one of many, waiting for quota while there is time."""
        unsettled: DeviceError | None = None
        while turns.wait():
            try:
                return self._cognito.forget_device(token.value, device_key)
            except DeviceError as error:
                if unsettled and error.code is ErrorCode.DEVICE_NOT_FOUND:
                    return None  # forgotten by the call whose answer was lost
                unsettled = error if error.answer_lost else unsettled
                if error.code is not ErrorCode.QUOTA_EXCEEDED:
                    raise unsettled or error from None
                turns.postpone(error.retry_after or 1)
        raise unsettled or DeviceError(
            ErrorCode.QUOTA_EXCEEDED,
            "There was no time left for this device at the pace that Cognito's quota allows. "
            "Repeat the call for the rest.",
            retry_after=1,
        )


class _Turns:
    """When the pace allows a call, until the deadline. Lost time is not made up in a burst."""

    def __init__(
        self,
        per_second: float,
        deadline: float,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._interval = 1 / per_second
        self._deadline = deadline
        self._clock = clock
        self._sleep = sleep
        self._due = clock()

    def wait(self) -> bool:
        """Wait for the next turn; False, at once, if it would come after the deadline."""
        wait = max(0.0, self._due - self._clock())
        if self._clock() + wait > self._deadline:
            return False
        self._sleep(wait)
        self._due = self._clock() + self._interval
        return True

    def postpone(self, seconds: float) -> None:
        """Let the next turn be so long from now."""
        self._due = self._clock() + seconds


def _mark_current(device: Device, token: AccessToken) -> Device:
    return replace(device, current=device.id == token.device_key)


def _require_device_key(text: str) -> None:
    if not is_device_key(text):
        raise DeviceError(
            ErrorCode.DEVICE_NOT_FOUND, "No such device: the id in the path is not a device key."
        )
