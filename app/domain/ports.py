"""The six Cognito operations that the service stands on, as an interface.

`app.cognito.client.CognitoClient` is it with boto3; tests of the HTTP layer put a fake here.
Each operation takes the user's own access token, and needs no AWS credentials.
"""

from typing import Protocol

from app.domain.devices import Device, DevicePage, RememberedStatus, SecretVerifier


class CognitoPort(Protocol):
    """What Cognito does for the owner of `access_token`.

    Every method may raise `app.domain.errors.DeviceError`: the token was refused, Cognito is over
    its quota, did not answer or is known to be down.
    """

    def list_devices(self, access_token: str, limit: int, cursor: str | None) -> DevicePage:
        """ListDevices: one page of the remembered devices, `limit` (1..60) at most."""

    def get_device(self, access_token: str, device_key: str) -> Device:
        """GetDevice; `device-not-found` unless the device is remembered."""

    def confirm_device(
        self, access_token: str, device_key: str, verifier: SecretVerifier, name: str | None
    ) -> bool:
        """ConfirmDevice: track the device; whether the user must still opt in to remembering it."""

    def update_device_status(
        self, access_token: str, device_key: str, status: RememberedStatus
    ) -> None:
        """UpdateDeviceStatus: `remembered` or `not_remembered`."""

    def forget_device(self, access_token: str, device_key: str) -> None:
        """ForgetDevice: neither remembered nor tracked any more."""

    def global_sign_out(self, access_token: str) -> None:
        """GlobalSignOut: revoke every token of the user that Cognito has issued."""
