"""What users can do with their devices: the use cases, free of HTTP and of boto3.

Every method takes the caller's verified access token, which it forwards, and may raise
`ServiceError` as `app.cognito.client` says.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

from app.cognito.client import CognitoClient
from app.domain import operations
from app.domain.access_token import AccessToken
from app.domain.audit import AuditTrail, Reason, audited
from app.domain.bulk import Bulk, Report
from app.domain.device_secret import make_device_secret
from app.domain.devices import (
    LIST_LIMIT_MAX,
    DeletionScope,
    Device,
    DevicePage,
    DeviceStatus,
    SecretVerifier,
    StatusChange,
    TrackedDevice,
    TrackingStatus,
    is_device_key,
)
from app.domain.errors import ErrorCode, ServiceError
from app.domain.step_up import StepUp
from app.naming import describe_device, name_from_user_agent

FORGOTTEN = "device.forgotten"


class DeviceService:
    """The devices of the token's owner, in Cognito's words.

    `trust_days`: for how many days after it was tracked a device may stay remembered; None is for
    ever.
    """

    def __init__(
        self,
        cognito: CognitoClient,
        audit: AuditTrail,
        bulk: Bulk,
        step_up: StepUp,
        trust_days: int | None = None,
    ) -> None:
        self._trust = None if trust_days is None else timedelta(trust_days)
        self._cognito = cognito
        self._step_up = step_up
        self._audit = audit
        self._bulk = bulk

    def page(self, token: AccessToken, limit: int, cursor: str | None) -> DevicePage:
        """One page of the remembered devices. Cognito lists no other kind."""
        page = self._cognito.list_devices(token.value, limit, cursor)
        return DevicePage(
            items=tuple(self._described(device, token) for device in page.items),
            next_cursor=page.next_cursor,
            current_device_id=token.device_key,
        )

    def get(self, token: AccessToken, device_key: str) -> Device:
        """One remembered device.

        Raises:
            ServiceError: `device-not-found`.
        """
        _require_device_key(device_key)
        return self._described(self._cognito.get_device(token.value, device_key), token)

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
        with audited(self._audit, "device.tracked", token, device_key):
            self._step_up.require(operations.CONFIRM_DEVICE, token)
            if secret_verifier is None:
                password, secret_verifier = make_device_secret(device_group_key or "", device_key)
            must_opt_in = self._cognito.confirm_device(
                token.value, device_key, secret_verifier, name or name_from_user_agent(user_agent)
            )
        return TrackedDevice(
            id=device_key,
            status=TrackingStatus.TRACKED if must_opt_in else TrackingStatus.REMEMBERED,
            user_confirmation_necessary=must_opt_in,
            device_password=password,
        )

    def set_status(self, token: AccessToken, device_key: str, status: DeviceStatus) -> StatusChange:
        """Remember this device, or stop remembering any; as often as the user likes.

        A stolen token must not make another device stand in for the second factor.

        Raises:
            ServiceError: `not-this-device`, `reauthentication-required`, `device-not-found`.
        """
        _require_device_key(device_key)
        current, remembering = device_key == token.device_key, status is DeviceStatus.REMEMBERED
        with audited(self._audit, f"device.{status}", token, device_key):
            if remembering and not current:
                raise ServiceError(ErrorCode.NOT_THIS_DEVICE)
            self._step_up.require(
                operations.UPDATE_DEVICE_STATUS,
                token,
                another_device=not current,
                remembering=remembering,
            )
            self._cognito.update_device_status(token.value, device_key, status)
        return StatusChange(device_key, status, current=current)

    def forget(self, token: AccessToken, device_key: str, reason: Reason | None = None) -> None:
        """Forget one device: its refresh tokens fail from now on.

        Raises:
            ServiceError: `device-not-found`.
        """
        _require_device_key(device_key)
        with audited(self._audit, FORGOTTEN, token, device_key, reason):
            another = device_key != token.device_key
            self._step_up.require(operations.FORGET_DEVICE, token, another_device=another)
            self._cognito.forget_device(token.value, device_key)

    def forget_many(
        self,
        token: AccessToken,
        scope: DeletionScope,
        days: int | None = None,
        reason: Reason | None = None,
        has_left: Callable[[], bool] = lambda: False,
    ) -> Report:
        """Forget many of the user's devices; the current one only with `all`, and last.

        `inactive`: whose last sign-in is `days` ago; never one without that date. `expired`: whose
        trust has ended.

        Raises:
            ServiceError: `validation-failed` for `expired` where trust does not end,
                `reauthentication-required`, or the devices could not be listed; nothing
                was forgotten.
        """
        if scope is DeletionScope.EXPIRED and self._trust is None:
            wrong = {"scope": ["`expired` needs TRUST_DAYS, which the operator has not set."]}
            raise ServiceError(ErrorCode.VALIDATION_FAILED, errors=wrong)
        now = datetime.now(UTC)

        def is_meant(device: Device) -> bool:
            match scope:
                case DeletionScope.INACTIVE:
                    since = device.last_authenticated_at
                    return since is not None and since <= now - timedelta(days or 0)
                case DeletionScope.EXPIRED:
                    ends = self._trust_ends(device)
                    return ends is not None and ends <= now
            return True

        def choose(devices: Iterable[Device]) -> list[str]:
            keys = [device.id for device in devices if is_meant(device)]
            chosen = [key for key in keys if key != token.device_key]
            if scope is DeletionScope.ALL and token.device_key in keys:
                chosen.append(token.device_key)
            return chosen

        return self._bulk.run(
            token,
            FORGOTTEN,
            what=(scope, days),
            reason=reason,
            page_at=lambda cursor: self._cognito.list_devices(token.value, LIST_LIMIT_MAX, cursor),
            choose=choose,
            call=lambda key: self._cognito.forget_device(token.value, key),
            admit=lambda: self._step_up.require(
                operations.FORGET_DEVICE, token, another_device=True
            ),
            has_left=has_left,
        )

    def sign_out_everywhere(self, token: AccessToken) -> None:
        """Revoke the user's tokens on every device; Cognito refuses them from now on."""
        with audited(self._audit, "device.signed_out", token, None):
            self._cognito.global_sign_out(token.value)

    def _described(self, device: Device, token: AccessToken) -> Device:
        """`device`, with what the caller is told besides Cognito's answer."""
        device.description = describe_device(device.name)
        device.current = device.id == token.device_key
        device.trust_expires_at = self._trust_ends(device)
        return device

    def _trust_ends(self, device: Device) -> datetime | None:
        """When a remembered device is no longer trusted. Counted from when it was tracked: nothing
        shows that Cognito's modified date stays when somebody signs in."""
        remembered = device.status is DeviceStatus.REMEMBERED
        if self._trust is None or device.created_at is None or not remembered:
            return None
        try:
            return device.created_at + self._trust
        except OverflowError:  # one odd date must not spoil a list
            return None


def _require_device_key(text: str) -> None:
    if not is_device_key(text):
        raise ServiceError(
            ErrorCode.DEVICE_NOT_FOUND, "No such device: the id in the path is not a device key."
        )
