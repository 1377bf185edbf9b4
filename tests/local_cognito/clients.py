"""What the tests of the local Cognito call it with: boto3, unsigned and signed, and pycognito."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from pycognito.aws_srp import AWSSRP, generate_hash_device
from pycognito.exceptions import SoftwareTokenMFAChallengeException

from local_cognito import seed
from local_cognito.process import RunningCognito

POOL = {"UserPoolId": seed.POOL_ID}
CLIENT = {**POOL, "ClientId": seed.CLIENT_ID}
DEMO_USER = {**POOL, "Username": seed.DEMO_USERNAME}
DEMO2_USER = {**POOL, "Username": seed.DEMO2_USERNAME}
DEMO2 = {"username": seed.DEMO2_USERNAME, "password": seed.DEMO2_PASSWORD}
FACTORS: dict[str, tuple[str, Any]] = {
    "SMS_MFA": (
        "SmsMfaConfiguration",
        {"SmsConfiguration": {"SnsCallerArn": "arn:aws:iam::1:role/sms"}},
    ),
    "SOFTWARE_TOKEN_MFA": ("SoftwareTokenMfaConfiguration", {"Enabled": True}),
    "EMAIL_OTP": ("EmailMfaConfiguration", {"Message": "{####}", "Subject": "Code"}),
}
DEVICE_GONE = "ResourceNotFoundException: Device does not exist."
INVALID_KEY = "InvalidParameterException: Invalid device key given."
REVOKED = "NotAuthorizedException: Access Token has been revoked"
SPENT_SESSION = (
    "NotAuthorizedException: Invalid session for the user, session can only be used once."
)


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

    def post(self, operation: str, body: Any) -> requests.Response:
        """One unsigned call over HTTP; bytes go as they are."""
        target = f"AWSCognitoIdentityProviderService.{operation}"
        return requests.post(
            self.url,
            data=body if isinstance(body, bytes) else json.dumps(body),
            headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"},
            timeout=10,
        )

    def refused(self, call: Callable[..., Any], *args: Any, **params: Any) -> str:
        """Calls an operation that must fail with an error of its model: "Type: message"."""
        with pytest.raises(ClientError) as caught:
            call(*args, **params)
        error = caught.value.response["Error"]
        model = self.idp.meta.service_model.operation_model(caught.value.operation_name)
        assert error["Code"] in {shape.name for shape in model.error_shapes}, error
        return f"{error['Code']}: {error['Message']}"

    def devices(self, access_token: str) -> list[str]:
        """The keys of the devices that the token's user is shown."""
        listed = self.idp.list_devices(AccessToken=access_token)["Devices"]
        return [device["DeviceKey"] for device in listed]

    def why_refused(self, access_token: str) -> str:
        """What Cognito says against the access token."""
        return self.refused(self.idp.list_devices, AccessToken=access_token)

    def on_device(self, **body: Any) -> dict[str, Any]:
        """A sign-in from a new device, by the control endpoint."""
        signed_in: dict[str, Any] = self.control("POST", "/_local/sign-in", **body)
        return signed_in

    def update_client(self, **config: Any) -> None:
        self.admin.update_user_pool_client(**CLIENT, **config)

    def new_pool(self, **config: Any) -> tuple[str, str]:
        """Makes a pool that tracks devices, with a client: their ids."""
        tracking = {"ChallengeRequiredOnNewDevice": True}
        pool = self.admin.create_user_pool(PoolName="made", DeviceConfiguration=tracking, **config)[
            "UserPool"
        ]["Id"]
        client = self.admin.create_user_pool_client(
            UserPoolId=pool, ClientName="web", ExplicitAuthFlows=seed.AUTH_FLOWS
        )
        return pool, client["UserPoolClient"]["ClientId"]

    def require_factors(self, *factors: str, mfa: str = "ON") -> None:
        """Turns these second factors on for the pool, all by default, and requires one."""
        config = {FACTORS[one][0]: FACTORS[one][1] for one in factors or FACTORS}
        self.admin.set_user_pool_mfa_config(**POOL, MfaConfiguration=mfa, **config)

    def reach_demo2(self) -> None:
        """Gives demo2 an e-mail address and a phone number."""
        attributes = {"email": "ada@example.com", "phone_number": "+15555550100"}
        listed = [{"Name": name, "Value": value} for name, value in attributes.items()]
        self.admin.admin_update_user_attributes(**DEMO2_USER, UserAttributes=listed)

    def sent_code(self) -> str:
        """The code of the last message."""
        return str(self.control("GET", "/_local/codes")["codes"][-1]["code"])

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

    def prove_device(self, asked: dict[str, Any], username: str, **device: str) -> dict[str, Any]:
        """Answers DEVICE_SRP_AUTH and DEVICE_PASSWORD_VERIFIER: the tokens."""
        srp = AWSSRP(username, "", seed.POOL_ID, seed.CLIENT_ID, client=self.idp, **device)
        names = {"USERNAME": username, "DEVICE_KEY": device["device_key"]}
        asked = self.respond(asked, **names, SRP_A=f"{srp.large_a_value:x}")
        proof = srp.process_device_challenge(asked["ChallengeParameters"])
        tokens: dict[str, Any] = self.respond(asked, **proof)["AuthenticationResult"]
        return tokens

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
        """InitiateAuth, or AdminInitiateAuth by an ADMIN_ flow, of demo2 unless told otherwise."""
        if flow.endswith(("PASSWORD_AUTH", "NO_SRP_AUTH")):
            given = {"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD} | given
        if flow.startswith("ADMIN"):
            return self.admin.admin_initiate_auth(**CLIENT, AuthFlow=flow, AuthParameters=given)
        return self.idp.initiate_auth(AuthFlow=flow, ClientId=client_id, AuthParameters=given)

    def refreshes(self, token: str, device_key: str, client_id: str = seed.CLIENT_ID) -> bool:
        """Whether there are new tokens for a device's refresh token."""
        try:
            self.begin("REFRESH_TOKEN_AUTH", client_id, REFRESH_TOKEN=token, DEVICE_KEY=device_key)
        except self.idp.exceptions.NotAuthorizedException:
            return False
        return True

    def respond(self, asked: dict[str, Any], client_id: str = seed.CLIENT_ID, **given: str) -> Any:
        """RespondToAuthChallenge to the challenge that was asked."""
        return self.idp.respond_to_auth_challenge(ClientId=client_id, **_answer(asked, given))

    def respond_as_admin(self, asked: dict[str, Any], **given: str) -> Any:
        return self.admin.admin_respond_to_auth_challenge(**CLIENT, **_answer(asked, given))


def _answer(asked: dict[str, Any], given: dict[str, str]) -> dict[str, Any]:
    session = {"Session": asked["Session"]} if "Session" in asked else {}
    return {"ChallengeName": asked["ChallengeName"], "ChallengeResponses": given} | session


def of(signed_in: dict[str, Any]) -> dict[str, str]:
    """The parameters that name the device of `Aws.on_device`."""
    return {"AccessToken": signed_in["access_token"], "DeviceKey": signed_in["device_key"]}
