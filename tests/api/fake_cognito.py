"""Cognito's operations in memory: the only fake of these tests."""

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from threading import Event
from typing import Any, TypeVar

import jwt

from app.cognito.client import CognitoClient
from app.domain.devices import Device, DevicePage, DeviceStatus, SecretVerifier
from app.domain.errors import ErrorCode, ServiceError
from app.domain.sessions import Location, Session, SessionPage, SessionType
from tests.api.tokens import SUB

FIRST_SEEN = datetime(2026, 1, 2, 3, 4, 5, 678_000, UTC)
CURSOR_PREFIX = "a+b/c==&limit=60#"
"""A cursor is opaque: what has a meaning in an address must come back as it went."""

T = TypeVar("T")


@dataclass(frozen=True)
class Call:
    """One call of Cognito, as it was made."""

    operation: str
    access_token: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class Held:
    """A list that is being read, and answered once `go` is set."""

    begun: Event = field(default_factory=Event)
    go: Event = field(default_factory=Event)


class FakeCognito(CognitoClient):
    """Cognito, keeping devices by the `sub` of the access token.

    As Cognito does, it lists and gets remembered devices only, and updates and forgets every
    tracked one. `opt_in`: of the kind of pool where the user must ask for a device to be
    remembered.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """No devices, no calls, no orders."""
        self.opt_in = False
        self.calls: list[Call] = []
        self.devices: dict[str, dict[str, Device]] = defaultdict(dict)
        self.sessions: dict[str, dict[str, Session]] = defaultdict(dict)
        self.session_page = 125
        self.revoked: set[str] = set()
        self._failures: dict[str, list[Exception | None]] = defaultdict(list)
        self._held: Held | None = None

    # What tests arrange and look at

    def add(self, device_key: str, sub: str = SUB, **changes: Any) -> None:
        """A device of the user `sub`, remembered unless `changes` says otherwise."""
        device = Device(
            id=device_key,
            name=f"Device {device_key[-4:]}",
            status=DeviceStatus.REMEMBERED,
            last_ip_address="192.0.2.7",
            created_at=FIRST_SEEN,
            last_modified_at=FIRST_SEEN,
            last_authenticated_at=FIRST_SEEN,
            attributes={"device_status": "valid"},
        )
        self.devices[sub][device_key] = replace(device, **changes)

    def add_session(self, session_id: str, **changes: Any) -> None:
        """A token session of the user; `current=True` makes it the caller's own."""
        session = Session(
            session_id,
            SessionType.TOKEN,
            client_id="1h57kf5cpq17m0eml12example",
            last_ip_address="192.0.2.7",
            last_location=Location("Dublin", "Ireland"),
            created_at=FIRST_SEEN,
            last_active_at=FIRST_SEEN,
            device_text="Chrome on macOS",
        )
        self.sessions[SUB][session_id] = replace(session, **changes)

    def fail(self, operation: str, *failures: Exception | None) -> None:
        """Have the next calls of `operation` raise these, one each; None lets one through."""
        self._failures[operation] += failures

    def hold_list(self) -> Held:
        """Have the next ListDevices wait for its answer, which is made before."""
        self._held = Held()
        return self._held

    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]

    # Its operations

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        self._record("list_devices", access_token, limit=limit, cursor=cursor)
        shown = [d for d in self._mine(access_token).values() if _is_remembered(d)]
        page = DevicePage(*_page(shown, limit, cursor))
        held, self._held = self._held, None
        if held:
            held.begun.set()
            assert held.go.wait(60)
        if access_token in self.revoked:
            raise ServiceError(ErrorCode.INVALID_TOKEN)
        return page

    def get_device(self, access_token: str, device_key: str) -> Device:
        self._record("get_device", access_token, device_key=device_key)
        device = self._mine(access_token).get(device_key)
        if device is None or not _is_remembered(device):
            raise _no_such_device()
        return device

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        self._record(
            "confirm_device", access_token, device_key=device_key, verifier=verifier, name=name
        )
        if device_key in self._mine(access_token):
            raise ServiceError(ErrorCode.DEVICE_ALREADY_TRACKED, "Confirmed before.")
        status = DeviceStatus.NOT_REMEMBERED if self.opt_in else DeviceStatus.REMEMBERED
        self.add(device_key, _sub(access_token), name=name, status=status)
        return self.opt_in

    def update_device_status(
        self, access_token: str, device_key: str, status: DeviceStatus
    ) -> None:
        self._record("update_device_status", access_token, device_key=device_key, status=status)
        mine = self._mine(access_token)
        if device_key not in mine:
            raise _no_such_device()
        mine[device_key] = replace(mine[device_key], status=DeviceStatus(status.value))

    def forget_device(self, access_token: str, device_key: str) -> None:
        self._record("forget_device", access_token, device_key=device_key)
        if self._mine(access_token).pop(device_key, None) is None:
            raise _no_such_device()

    def global_sign_out(self, access_token: str) -> None:
        self._record("global_sign_out", access_token)

    def list_user_sessions(self, access_token: str, cursor: str | None) -> SessionPage:
        self._record("list_user_sessions", access_token, cursor=cursor)
        mine = list(self.sessions[_sub(access_token)].values())
        return SessionPage(*_page(mine, self.session_page, cursor))

    def revoke_user_session(self, access_token: str, session_id: str, *, linked: bool) -> None:
        self._record("revoke_user_session", access_token, session_id=session_id, linked=linked)
        del self.sessions[_sub(access_token)][session_id]

    def _record(self, operation: str, access_token: str, **arguments: Any) -> None:
        self.calls.append(Call(operation, access_token, arguments))
        failure = self._failures[operation].pop(0) if self._failures[operation] else None
        if failure is not None:
            raise failure

    def _mine(self, access_token: str) -> dict[str, Device]:
        return self.devices[_sub(access_token)]


def _page(items: list[T], limit: int, cursor: str | None) -> tuple[tuple[T, ...], str | None]:
    start = int(cursor.removeprefix(CURSOR_PREFIX)) if cursor else 0
    end = start + limit
    return tuple(items[start:end]), f"{CURSOR_PREFIX}{end}" if len(items) > end else None


def _sub(access_token: str) -> str:
    """Whose token it is; the service has verified it, or would not have called."""
    claims: dict[str, Any] = jwt.decode(access_token, options={"verify_signature": False})
    return str(claims["sub"])


def _is_remembered(device: Device) -> bool:
    return device.status is DeviceStatus.REMEMBERED


def _no_such_device() -> ServiceError:
    return ServiceError(ErrorCode.DEVICE_NOT_FOUND, "No such device.")
