"""Clients of the local Cognito: boto3 bare, and pycognito signing in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pyotp
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed
from local_cognito.process import RunningCognito


@pytest.fixture(scope="session")
def _idp(cognito_server: RunningCognito) -> Iterator[Any]:
    config = Config(signature_version=UNSIGNED, retries={"total_max_attempts": 1}, read_timeout=5)
    client = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=cognito_server.url,
        config=config,
    )
    yield client
    client.close()


@pytest.fixture
def idp(_idp: Any, cognito: RunningCognito) -> Any:
    """boto3's client, unsigned and without retries, of a server that is as new."""
    return _idp


@dataclass
class SrpSignIn:
    """What came of a sign-in with pycognito."""

    result: dict[str, Any]
    totp_asked: bool

    @property
    def access_token(self) -> str:
        return str(self.result["AccessToken"])

    @property
    def device_key(self) -> str:
        return str(self.result["NewDeviceMetadata"]["DeviceKey"])

    @property
    def group_key(self) -> str:
        return str(self.result["NewDeviceMetadata"]["DeviceGroupKey"])


@pytest.fixture
def sign_in(idp: Any) -> Callable[..., SrpSignIn]:
    """Signs in by SRP with pycognito, and answers TOTP when it is asked."""

    def go(
        pool_id: str = seed.POOL_ID,
        client_id: str = seed.CLIENT_ID,
        username: str = seed.DEMO_USERNAME,
        password: str = seed.DEMO_PASSWORD,
        **device: str,
    ) -> SrpSignIn:
        srp = AWSSRP(username, password, pool_id, client_id, client=idp, **device)
        try:
            return SrpSignIn(srp.authenticate_user()["AuthenticationResult"], totp_asked=False)
        except SoftwareTokenMFAChallengeException as asked:
            answer = idp.respond_to_auth_challenge(
                ClientId=client_id,
                ChallengeName="SOFTWARE_TOKEN_MFA",
                Session=asked.get_tokens()["Session"],
                ChallengeResponses={
                    "USERNAME": username,
                    "SOFTWARE_TOKEN_MFA_CODE": pyotp.TOTP(seed.DEMO_TOTP_SECRET).now(),
                },
            )
            return SrpSignIn(answer["AuthenticationResult"], totp_asked=True)

    return go


@pytest.fixture
def confirm(idp: Any) -> Callable[..., tuple[dict[str, str], bool]]:
    """Confirms a sign-in's new device as pycognito does.

    Returns what `sign_in` needs to use the device, and UserConfirmationNecessary.
    """

    def go(signed_in: SrpSignIn, name: str = "My laptop") -> tuple[dict[str, str], bool]:
        key, group_key = signed_in.device_key, signed_in.group_key
        password, verifier = generate_hash_device(group_key, key)
        answer = idp.confirm_device(
            AccessToken=signed_in.access_token,
            DeviceKey=key,
            DeviceSecretVerifierConfig=verifier,
            DeviceName=name,
        )
        device = {
            "device_key": key,
            "device_group_key": group_key,
            "device_password": password,
        }
        return device, answer["UserConfirmationNecessary"]

    return go


@pytest.fixture
def refused(idp: Any) -> Callable[..., str]:
    """Calls an operation that must fail, and returns "Type: message"."""

    def go(call: Callable[..., Any], *args: Any, **params: Any) -> str:
        with pytest.raises(idp.exceptions.ClientError) as caught:
            call(*args, **params)
        error = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    return go
