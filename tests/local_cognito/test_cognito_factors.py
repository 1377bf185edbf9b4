"""Second factors: TOTP, SMS and e-mail, their set-up, and the sessions of challenges."""

from __future__ import annotations

import pyotp
import pytest

from local_cognito import seed
from tests.local_cognito.clients import SPENT_SESSION, Aws

DEMO_PASSWORD = {"USERNAME": seed.DEMO_USERNAME, "PASSWORD": seed.DEMO_PASSWORD}
INVALID_CODE = "CodeMismatchException: Invalid code or auth state for the user."


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


# TOTP


def test_a_wrong_totp_code_may_be_corrected(aws: Aws) -> None:
    asked = aws.begin(**DEMO_PASSWORD)
    right = pyotp.TOTP(seed.DEMO_TOTP_SECRET).now()
    answer = {"USERNAME": "demo", "SOFTWARE_TOKEN_MFA_CODE": wrong(right)}
    for _ in range(6):
        error = aws.refused(aws.respond, asked, **answer)
        assert error == "CodeMismatchException: Invalid code received for user"
    answer["SOFTWARE_TOKEN_MFA_CODE"] = right
    assert "AccessToken" in aws.respond(asked, **answer)["AuthenticationResult"]


def test_a_session_answers_its_own_challenge_only(aws: Aws) -> None:
    asked = aws.begin(**DEMO_PASSWORD) | {"ChallengeName": "SMS_MFA"}
    error = aws.refused(aws.respond, asked, USERNAME="demo", SMS_MFA_CODE="123456")
    assert error == "NotAuthorizedException: Invalid session for the user."


def test_a_user_sets_up_totp_and_is_asked_for_it_from_then_on(aws: Aws) -> None:
    token = aws.begin()["AuthenticationResult"]["AccessToken"]
    preference = {"SoftwareTokenMfaSettings": {"Enabled": True, "PreferredMfa": True}}
    error = aws.refused(aws.idp.set_user_mfa_preference, AccessToken=token, **preference)
    assert error == "InvalidParameterException: User has not verified software token mfa"
    totp = pyotp.TOTP(aws.idp.associate_software_token(AccessToken=token)["SecretCode"])
    code = totp.now()
    error = aws.refused(aws.idp.verify_software_token, AccessToken=token, UserCode=wrong(code))
    assert error == (
        "EnableSoftwareTokenMFAException: Code mismatch and fail enable Software Token MFA"
    )
    aws.idp.verify_software_token(AccessToken=token, UserCode=code)
    aws.idp.set_user_mfa_preference(AccessToken=token, **preference)
    asked = aws.begin()
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    error = aws.refused(aws.respond, asked, USERNAME="demo2", SOFTWARE_TOKEN_MFA_CODE=code)
    assert error.startswith("ExpiredCodeException")


# Pools that require a factor


@pytest.mark.parametrize(
    ("factor", "medium", "masked"),
    [("SMS_MFA", "SMS", "+*******0100"), ("EMAIL_OTP", "EMAIL", "a***@e***")],
)
def test_a_user_who_can_be_reached_is_asked_without_any_set_up(
    aws: Aws, factor: str, medium: str, masked: str
) -> None:
    aws.reach_demo2()
    aws.require_factors(factor)
    asked = aws.begin()
    assert asked["ChallengeName"] == factor
    assert asked["ChallengeParameters"] == {
        "USER_ID_FOR_SRP": "demo2",
        "CODE_DELIVERY_DELIVERY_MEDIUM": medium,
        "CODE_DELIVERY_DESTINATION": masked,
    }
    code = aws.sent_code()
    answer = {"USERNAME": "demo2", f"{factor}_CODE": wrong(code)}
    assert aws.refused(aws.respond, asked, **answer) == INVALID_CODE
    answer[f"{factor}_CODE"] = code
    assert "NewDeviceMetadata" in aws.respond(asked, **answer)["AuthenticationResult"]
    assert aws.refused(aws.respond, asked, **answer) == SPENT_SESSION


def test_totp_is_set_up_at_sign_in_and_asked_at_the_next(aws: Aws) -> None:
    aws.require_factors("SOFTWARE_TOKEN_MFA")
    asked = aws.begin()
    assert asked["ChallengeName"] == "MFA_SETUP"
    assert asked["ChallengeParameters"]["MFAS_CAN_SETUP"] == '["SOFTWARE_TOKEN_MFA"]'
    assert aws.refused(aws.respond, asked, USERNAME="demo2").startswith("InvalidParameterException")
    begun = aws.idp.associate_software_token(Session=asked["Session"])
    assert aws.refused(aws.respond, asked, USERNAME="demo2") == SPENT_SESSION
    code = pyotp.TOTP(begun["SecretCode"]).now()
    verified = aws.idp.verify_software_token(Session=begun["Session"], UserCode=code)
    done = aws.respond(asked | verified, USERNAME="demo2")
    assert "NewDeviceMetadata" in done["AuthenticationResult"]
    assert aws.begin()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
