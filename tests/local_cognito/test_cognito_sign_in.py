"""Sign-in by SRP and by password, with and without devices, driven by pycognito and boto3."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from pycognito.aws_srp import AWSSRP

from local_cognito import seed, srp

ALWAYS = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
OPT_IN = (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
NO_DEVICES = (seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
DEMO2 = {"username": seed.DEMO2_USERNAME, "password": seed.DEMO2_PASSWORD}
DEVICE_GONE = "ResourceNotFoundException: Device does not exist."
WRONG_PASSWORD = "NotAuthorizedException: Incorrect username or password."


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * 3))
    return claims


class Srp:
    """One SRP exchange by hand, for what no well-behaved client would send."""

    def __init__(self, idp: Any) -> None:
        self.idp = idp
        self.client = AWSSRP(seed.DEMO2_USERNAME, seed.DEMO2_PASSWORD, *ALWAYS, client=idp)
        self.asked = idp.initiate_auth(
            AuthFlow="USER_SRP_AUTH",
            ClientId=seed.CLIENT_ID,
            AuthParameters=self.client.get_auth_params(),
        )
        self.proof = self.client.process_challenge(
            self.asked["ChallengeParameters"], self.client.get_auth_params()
        )

    def answer(self, client_id: str = seed.CLIENT_ID, **changed: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.idp.respond_to_auth_challenge(
            ClientId=client_id,
            ChallengeName="PASSWORD_VERIFIER",
            ChallengeResponses=self.proof | changed,
        )
        return answer


@pytest.fixture
def exchange(idp: Any) -> Srp:
    return Srp(idp)


def test_the_right_password_gives_three_tokens(sign_in: Callable[..., Any]) -> None:
    result = sign_in(**DEMO2).result
    assert {"AccessToken", "IdToken", "RefreshToken"} <= set(result)
    assert (result["TokenType"], result["ExpiresIn"]) == ("Bearer", 3600)


def test_a_wrong_password_is_refused(
    sign_in: Callable[..., Any], refused: Callable[..., str]
) -> None:
    assert refused(sign_in, password="Wrong-Passw0rd!") == WRONG_PASSWORD


def test_an_unknown_user_is_named_as_such(
    sign_in: Callable[..., Any], refused: Callable[..., str]
) -> None:
    error = refused(sign_in, username="nobody")
    assert error == "UserNotFoundException: User does not exist."


def test_a_client_that_hides_missing_users_refuses_them_as_a_wrong_password(
    idp: Any, sign_in: Callable[..., Any], refused: Callable[..., str]
) -> None:
    idp.update_user_pool_client(
        UserPoolId=seed.POOL_ID,
        ClientId=seed.CLIENT_ID,
        PreventUserExistenceErrors="ENABLED",
    )
    assert refused(sign_in, username="nobody") == WRONG_PASSWORD


def test_a_user_with_totp_is_asked_for_it(sign_in: Callable[..., Any]) -> None:
    assert sign_in().totp_asked


def test_a_user_without_totp_is_not_asked_for_it(sign_in: Callable[..., Any]) -> None:
    assert not sign_in(**DEMO2).totp_asked


def test_a_disabled_user_may_not_sign_in(
    idp: Any, sign_in: Callable[..., Any], refused: Callable[..., str]
) -> None:
    idp.admin_disable_user(UserPoolId=seed.POOL_ID, Username=seed.DEMO_USERNAME)
    assert refused(sign_in) == "NotAuthorizedException: User is disabled."


def test_a_user_with_a_temporary_password_must_choose_one(
    idp: Any, sign_in: Callable[..., Any]
) -> None:
    idp.admin_create_user(
        UserPoolId=seed.POOL_ID, Username="fresh", TemporaryPassword="Temp-Passw0rd!"
    )
    srp_client = AWSSRP("fresh", "Temp-Passw0rd!", *ALWAYS, client=idp)
    result = srp_client.set_new_password_challenge("Chosen-Passw0rd!")
    assert "AccessToken" in result["AuthenticationResult"]
    assert not sign_in(username="fresh", password="Chosen-Passw0rd!").totp_asked


@pytest.mark.parametrize("multiple", [0, 1])
def test_an_a_that_is_zero_modulo_n_is_refused(
    idp: Any, refused: Callable[..., str], multiple: int
) -> None:
    error = refused(
        idp.initiate_auth,
        AuthFlow="USER_SRP_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo", "SRP_A": f"{multiple * srp.N:x}"},
    )
    assert error.startswith("InvalidParameterException")


def test_a_secret_block_is_good_for_one_sign_in(exchange: Srp, refused: Callable[..., str]) -> None:
    exchange.answer()
    assert refused(exchange.answer) == "NotAuthorizedException: Invalid session for the user."


def test_a_secret_block_is_spent_by_a_wrong_proof(
    exchange: Srp, refused: Callable[..., str]
) -> None:
    wrong = base64.b64encode(b"x" * 32).decode()
    assert refused(exchange.answer, PASSWORD_CLAIM_SIGNATURE=wrong) == WRONG_PASSWORD
    assert refused(exchange.answer) == "NotAuthorizedException: Invalid session for the user."


def test_a_proof_for_another_client_is_refused(exchange: Srp, refused: Callable[..., str]) -> None:
    error = refused(exchange.answer, client_id=seed.OTHER_CLIENT_ID)
    assert error == "NotAuthorizedException: Invalid session for the user."


def test_a_proof_for_another_user_is_refused(exchange: Srp, refused: Callable[..., str]) -> None:
    error = refused(exchange.answer, USERNAME=seed.DEMO_USERNAME)
    assert error == "NotAuthorizedException: Invalid session for the user."


@pytest.mark.parametrize("timestamp", ["Mon Nov 03 06:00:00 UTC 2025", "2025-11-03", "x"])
def test_a_timestamp_in_another_format_is_refused(
    exchange: Srp, refused: Callable[..., str], timestamp: str
) -> None:
    error = refused(exchange.answer, TIMESTAMP=timestamp)
    assert error.startswith("InvalidParameterException: TIMESTAMP format should be")


def test_a_timestamp_of_another_time_is_refused(exchange: Srp, refused: Callable[..., str]) -> None:
    an_hour_ago = AWSSRP.get_cognito_formatted_timestamp(datetime.now(UTC) - timedelta(hours=1))
    error = refused(exchange.answer, TIMESTAMP=an_hour_ago)
    assert error.startswith("NotAuthorizedException")


def test_a_wrong_totp_code_may_be_corrected(idp: Any) -> None:
    asked = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo", "PASSWORD": seed.DEMO_PASSWORD},
    )
    answer = {
        "ClientId": seed.CLIENT_ID,
        "ChallengeName": "SOFTWARE_TOKEN_MFA",
        "Session": asked["Session"],
    }
    right = pyotp.TOTP(seed.DEMO_TOTP_SECRET).now()
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    with pytest.raises(idp.exceptions.CodeMismatchException):
        idp.respond_to_auth_challenge(
            **answer,
            ChallengeResponses={"USERNAME": "demo", "SOFTWARE_TOKEN_MFA_CODE": wrong},
        )
    done = idp.respond_to_auth_challenge(
        **answer, ChallengeResponses={"USERNAME": "demo", "SOFTWARE_TOKEN_MFA_CODE": right}
    )
    assert "AccessToken" in done["AuthenticationResult"]


def test_a_user_sets_up_totp_and_is_asked_for_it_from_then_on(
    idp: Any, sign_in: Callable[..., Any]
) -> None:
    token = sign_in(**DEMO2).access_token
    secret = idp.associate_software_token(AccessToken=token)["SecretCode"]
    wrong = f"{(int(pyotp.TOTP(secret).now()) + 1) % 1_000_000:06}"
    with pytest.raises(idp.exceptions.EnableSoftwareTokenMFAException):
        idp.verify_software_token(AccessToken=token, UserCode=wrong)
    idp.verify_software_token(AccessToken=token, UserCode=pyotp.TOTP(secret).now())
    idp.set_user_mfa_preference(
        AccessToken=token, SoftwareTokenMfaSettings={"Enabled": True, "PreferredMfa": True}
    )
    asked = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo2", "PASSWORD": seed.DEMO2_PASSWORD},
    )
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"


def test_a_pool_that_requires_mfa_makes_the_user_set_it_up_at_sign_in(idp: Any) -> None:
    idp.set_user_pool_mfa_config(
        UserPoolId=seed.POOL_ID,
        SoftwareTokenMfaConfiguration={"Enabled": True},
        MfaConfiguration="ON",
    )
    asked = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo2", "PASSWORD": seed.DEMO2_PASSWORD},
    )
    assert asked["ChallengeName"] == "MFA_SETUP"
    begun = idp.associate_software_token(Session=asked["Session"])
    code = pyotp.TOTP(begun["SecretCode"]).now()
    verified = idp.verify_software_token(Session=begun["Session"], UserCode=code)
    done = idp.respond_to_auth_challenge(
        ClientId=seed.CLIENT_ID,
        ChallengeName="MFA_SETUP",
        Session=verified["Session"],
        ChallengeResponses={"USERNAME": "demo2"},
    )
    assert "AccessToken" in done["AuthenticationResult"]


def test_an_access_token_has_the_claims_of_a_real_one(sign_in: Callable[..., Any]) -> None:
    signed_in = sign_in(**DEMO2)
    claims = claims_of(signed_in.access_token)
    assert set(claims) == {
        "sub", "iss", "origin_jti", "event_id", "auth_time", "iat", "exp", "jti",
        "token_use", "scope", "client_id", "username", "device_key",
    }  # fmt: skip
    assert claims["iss"] == f"https://cognito-idp.us-east-1.amazonaws.com/{seed.POOL_ID}"
    assert claims["token_use"] == "access"
    assert claims["client_id"] == seed.CLIENT_ID
    assert claims["scope"] == "aws.cognito.signin.user.admin"
    assert claims["device_key"] == signed_in.device_key


def test_srp_gives_a_new_device(sign_in: Callable[..., Any]) -> None:
    signed_in = sign_in(**DEMO2)
    assert re.fullmatch(
        r"us-east-1_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", signed_in.device_key
    )
    assert re.fullmatch(r"-[A-Za-z0-9]{8}", signed_in.group_key)


def test_a_plain_password_gives_no_device(idp: Any) -> None:
    result = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo2", "PASSWORD": seed.DEMO2_PASSWORD},
    )["AuthenticationResult"]
    assert "NewDeviceMetadata" not in result
    assert "device_key" not in claims_of(result["AccessToken"])


def test_a_pool_without_device_tracking_gives_no_device(sign_in: Callable[..., Any]) -> None:
    result = sign_in(*NO_DEVICES, **DEMO2).result
    assert "NewDeviceMetadata" not in result
    assert "device_key" not in claims_of(result["AccessToken"])


def test_a_remembered_device_stands_in_for_totp(
    sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    device, _ = confirm(sign_in())
    again = sign_in(**device)
    assert not again.totp_asked
    assert "NewDeviceMetadata" not in again.result
    assert claims_of(again.access_token)["device_key"] == device["device_key"]


def test_a_remembered_device_does_not_stand_in_for_the_password(
    sign_in: Callable[..., Any], confirm: Callable[..., Any], refused: Callable[..., str]
) -> None:
    device, _ = confirm(sign_in())
    assert refused(sign_in, password="Wrong-Passw0rd!", **device) == WRONG_PASSWORD


def test_a_wrong_device_password_is_refused(
    sign_in: Callable[..., Any], confirm: Callable[..., Any], refused: Callable[..., str]
) -> None:
    device, _ = confirm(sign_in())
    assert refused(sign_in, **(device | {"device_password": "wrong"})) == WRONG_PASSWORD


def test_where_devices_do_not_replace_mfa_both_are_asked(
    idp: Any, sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    device, _ = confirm(sign_in())
    idp.update_user_pool(
        UserPoolId=seed.POOL_ID,
        DeviceConfiguration={
            "ChallengeRequiredOnNewDevice": False,
            "DeviceOnlyRememberedOnUserPrompt": False,
        },
    )
    asked = idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={
            "USERNAME": "demo",
            "PASSWORD": seed.DEMO_PASSWORD,
            "DEVICE_KEY": device["device_key"],
        },
    )
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    after = idp.respond_to_auth_challenge(
        ClientId=seed.CLIENT_ID,
        ChallengeName="SOFTWARE_TOKEN_MFA",
        Session=asked["Session"],
        ChallengeResponses={
            "USERNAME": "demo",
            "SOFTWARE_TOKEN_MFA_CODE": pyotp.TOTP(seed.DEMO_TOTP_SECRET).now(),
        },
    )
    assert after["ChallengeName"] == "DEVICE_SRP_AUTH"


def test_a_forgotten_device_does_not_exist_at_sign_in(
    idp: Any,
    sign_in: Callable[..., Any],
    confirm: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    signed_in = sign_in()
    device, _ = confirm(signed_in)
    idp.forget_device(AccessToken=signed_in.access_token, DeviceKey=device["device_key"])
    assert refused(sign_in, **device) == DEVICE_GONE
    assert sign_in().totp_asked


def test_another_users_device_does_not_exist(
    sign_in: Callable[..., Any], confirm: Callable[..., Any], refused: Callable[..., str]
) -> None:
    device, _ = confirm(sign_in())
    assert refused(sign_in, **DEMO2, **device) == DEVICE_GONE


def test_the_proof_may_be_sent_again_without_the_device_that_is_gone(
    exchange: Srp, refused: Callable[..., str]
) -> None:
    """As amazon-cognito-identity-js and Amplify recover."""
    assert refused(exchange.answer, DEVICE_KEY="us-east-1_0000") == DEVICE_GONE
    assert "AccessToken" in exchange.answer()["AuthenticationResult"]


def test_a_tracked_device_that_is_not_remembered_keeps_its_key_and_needs_totp(
    sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    device, necessary = confirm(sign_in(*OPT_IN))
    assert necessary
    again = sign_in(*OPT_IN, **device)
    assert again.totp_asked
    assert "NewDeviceMetadata" not in again.result
    assert claims_of(again.access_token)["device_key"] == device["device_key"]


def test_on_an_opt_in_pool_a_device_stands_in_for_totp_once_remembered(
    idp: Any, sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    signed_in = sign_in(*OPT_IN)
    device, _ = confirm(signed_in)
    idp.update_device_status(
        AccessToken=signed_in.access_token,
        DeviceKey=device["device_key"],
        DeviceDeviceStatus="remembered",
    )
    assert not sign_in(*OPT_IN, **device).totp_asked


def test_a_client_signs_in_only_by_the_flows_it_allows(
    idp: Any, refused: Callable[..., str]
) -> None:
    idp.update_user_pool_client(
        UserPoolId=seed.POOL_ID,
        ClientId=seed.CLIENT_ID,
        ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"],
    )
    error = refused(
        idp.initiate_auth,
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=seed.CLIENT_ID,
        AuthParameters={"USERNAME": "demo2", "PASSWORD": seed.DEMO2_PASSWORD},
    )
    assert error.startswith("InvalidParameterException: USER_PASSWORD_AUTH flow not enabled")
