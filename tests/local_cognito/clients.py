"""What the tests of the local Cognito call it with: boto3, unsigned and signed, and pycognito."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed
from local_cognito.process import RunningCognito


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


class Aws:
    """The local Cognito as its clients see it.

    `idp` is boto3's client without credentials, as a user's; `admin` one that signs.
    """

    def __init__(self, cognito: RunningCognito) -> None:
        place = {"region_name": seed.REGION, "endpoint_url": cognito.url}
        once = {"retries": {"total_max_attempts": 1}, "read_timeout": 5}
        unsigned = Config(signature_version=UNSIGNED, **once)
        self.url, self.control, self.jwks_url = cognito.url, cognito.control, cognito.jwks_url
        self.cognito = cognito
        self.idp: Any = boto3.client("cognito-idp", **place, config=unsigned)
        self.admin: Any = boto3.client(
            "cognito-idp",
            **place,
            config=Config(**once),
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def close(self) -> None:
        self.idp.close()
        self.admin.close()

    def refused(self, call: Callable[..., Any], *args: Any, **params: Any) -> str:
        """Calls an operation that must fail, and returns "Type: message"."""
        with pytest.raises(ClientError) as caught:
            call(*args, **params)
        error = caught.value.response["Error"]
        return f"{error['Code']}: {error['Message']}"

    def on_device(self, **body: Any) -> dict[str, Any]:
        """A sign-in from a new device, by the control endpoint."""
        signed_in: dict[str, Any] = self.control("POST", "/_local/sign-in", **body)
        return signed_in

    def sign_in(
        self,
        pool_id: str = seed.POOL_ID,
        client_id: str = seed.CLIENT_ID,
        username: str = seed.DEMO_USERNAME,
        password: str = seed.DEMO_PASSWORD,
        **device: str,
    ) -> SrpSignIn:
        """Signs in by SRP with pycognito, and answers TOTP when it is asked."""
        srp = AWSSRP(username, password, pool_id, client_id, client=self.idp, **device)
        try:
            return SrpSignIn(srp.authenticate_user()["AuthenticationResult"], totp_asked=False)
        except SoftwareTokenMFAChallengeException as asked:
            code = self.control("POST", "/_local/totp", username=username, pool=pool_id)["code"]
            answer = self.respond(
                asked.get_tokens(), client_id, USERNAME=username, SOFTWARE_TOKEN_MFA_CODE=code
            )
            return SrpSignIn(answer["AuthenticationResult"], totp_asked=True)

    def confirm(self, signed_in: SrpSignIn, name: str = "My laptop") -> tuple[dict[str, str], bool]:
        """Confirms a sign-in's new device as pycognito does.

        Returns what `sign_in` needs to use the device, and UserConfirmationNecessary.
        """
        key, group_key = signed_in.device_key, signed_in.group_key
        password, verifier = generate_hash_device(group_key, key)
        answer = self.idp.confirm_device(
            AccessToken=signed_in.access_token,
            DeviceKey=key,
            DeviceSecretVerifierConfig=verifier,
            DeviceName=name,
        )
        device = {"device_key": key, "device_group_key": group_key, "device_password": password}
        return device, answer["UserConfirmationNecessary"]

    def begin(
        self, flow: str = "USER_PASSWORD_AUTH", client_id: str = seed.CLIENT_ID, **given: str
    ) -> Any:
        """InitiateAuth, USER_PASSWORD_AUTH of demo2 unless told otherwise: its answer."""
        if flow == "USER_PASSWORD_AUTH":
            given = {"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD} | given
        return self.idp.initiate_auth(AuthFlow=flow, ClientId=client_id, AuthParameters=given)

    def respond(self, asked: dict[str, Any], client_id: str = seed.CLIENT_ID, **given: str) -> Any:
        """RespondToAuthChallenge to the challenge that was asked: its answer."""
        session = {"Session": asked["Session"]} if "Session" in asked else {}
        return self.idp.respond_to_auth_challenge(
            ClientId=client_id,
            ChallengeName=asked["ChallengeName"],
            ChallengeResponses=given,
            **session,
        )


def of(signed_in: dict[str, Any]) -> dict[str, str]:
    """The parameters that name the device of `Aws.on_device`."""
    return {"AccessToken": signed_in["access_token"], "DeviceKey": signed_in["device_key"]}


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * 3))
    return claims
