"""What the use cases need of Cognito.

`app.cognito.client.CognitoClient` implements it; tests of the HTTP layer put a fake here.
"""

from typing import Protocol

from app.domain.devices import Device, DevicePage, DeviceStatus, SecretVerifier
from app.domain.sessions import SessionPage


class CognitoPort(Protocol):
    """What Cognito does for the owner of `access_token`, by that token alone.

    Every method may raise `ServiceError`: the token was refused, Cognito is over its quota, did not
    answer or is known to be down.
    """

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        """ListDevices: one page of the remembered devices, `limit` (1..60) at most."""

    def get_device(self, access_token: str, device_key: str) -> Device:
        """GetDevice; `device-not-found` unless the device is remembered."""

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        """ConfirmDevice: track the device. True if the user must still opt in to remembering it."""

    def update_device_status(
        self, access_token: str, device_key: str, status: DeviceStatus
    ) -> None:
        """UpdateDeviceStatus."""

    def forget_device(self, access_token: str, device_key: str) -> None:
        """ForgetDevice: neither remembered nor tracked any more."""

    def global_sign_out(self, access_token: str) -> None:
        """GlobalSignOut: revoke every token that Cognito has issued to the user."""

    def list_user_sessions(self, access_token: str, cursor: str | None) -> SessionPage:
        """ListUserSessions: one page of the sessions."""

    def revoke_user_session(self, access_token: str, session_id: str, *, linked: bool) -> None:
        """RevokeUserSession; `linked` ends the sessions that came with it, too."""
