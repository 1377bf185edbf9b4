"""Second factors: TOTP, SMS and e-mail, their set-up, and the sessions of challenges."""

from __future__ import annotations

import json
from typing import Any

import pyotp
import pytest

from local_cognito import seed
from tests.local_cognito.clients import DEMO2_USER, SPENT_SESSION, Aws

DEMO_PASSWORD = {"USERNAME": seed.DEMO_USERNAME, "PASSWORD": seed.DEMO_PASSWORD}
INVALID_CODE = "CodeMismatchException: Invalid code or auth state for the user."


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10 ** len(code):0{len(code)}}"


# TOTP


@pytest.mark.parametrize("by_admin", [False, True])
def test_a_wrong_totp_code_may_be_corrected(aws: Aws, by_admin: bool) -> None:
    def answer(code: str) -> Any:
        given = {"USERNAME": "demo", "SOFTWARE_TOKEN_MFA_CODE": code}
        return (aws.respond_as_admin if by_admin else aws.respond)(asked, **given)

    asked = aws.begin(**DEMO_PASSWORD)
    right = pyotp.TOTP(seed.DEMO_TOTP_SECRET).now()
    mismatch = "CodeMismatchException: Invalid code received for user"
    assert [aws.refused(answer, wrong(right)) for _ in range(6)] == [mismatch] * 6
    assert "AccessToken" in answer(right)["AuthenticationResult"]


def test_a_totp_code_is_good_once_and_a_session_is_too(aws: Aws) -> None:
    answer = {"USERNAME": "demo", "SOFTWARE_TOKEN_MFA_CODE": ""}
    answer |= {"SOFTWARE_TOKEN_MFA_CODE": aws.control("POST", "/_local/totp")["code"]}
    first, second = aws.begin(**DEMO_PASSWORD), aws.begin(**DEMO_PASSWORD)
    aws.respond(first, **answer)
    assert aws.refused(aws.respond, second, **answer) == (
        "ExpiredCodeException: Your software token has already been used once."
    )
    answer |= {"SOFTWARE_TOKEN_MFA_CODE": aws.control("POST", "/_local/totp")["code"]}
    assert aws.refused(aws.respond, first, **answer) == SPENT_SESSION
    assert "AccessToken" in aws.respond(second, **answer)["AuthenticationResult"]


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


# Codes by message


@pytest.mark.parametrize(
    ("factor", "setting", "medium", "masked"),
    [
        ("SMS_MFA", "SMSMfaSettings", "SMS", "+*******0100"),
        ("EMAIL_OTP", "EmailMfaSettings", "EMAIL", "a***@e***"),
    ],
)
def test_a_code_by_message_is_asked_of_the_user_who_chose_it(
    aws: Aws, factor: str, setting: str, medium: str, masked: str
) -> None:
    aws.reach_demo2()
    aws.require_factors(factor, mfa="OPTIONAL")
    token = aws.begin()["AuthenticationResult"]["AccessToken"]
    aws.idp.set_user_mfa_preference(
        AccessToken=token, **{setting: {"Enabled": True, "PreferredMfa": True}}
    )
    told = aws.idp.get_user(AccessToken=token)
    assert (told["PreferredMfaSetting"], told["UserMFASettingList"]) == (factor, [factor])
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


def test_a_user_of_two_factors_without_a_preference_chooses(aws: Aws) -> None:
    aws.reach_demo2()
    aws.require_factors(mfa="OPTIONAL")
    enabled = {"Enabled": True}
    aws.admin.admin_set_user_mfa_preference(
        **DEMO2_USER, SMSMfaSettings=enabled, EmailMfaSettings=enabled
    )
    asked = aws.begin()
    assert asked["ChallengeName"] == "SELECT_MFA_TYPE"
    offered = json.loads(asked["ChallengeParameters"]["MFAS_CAN_CHOOSE"])
    assert offered == ["SMS_MFA", "EMAIL_OTP"]
    error = aws.refused(aws.respond, asked, USERNAME="demo2", ANSWER="SOFTWARE_TOKEN_MFA")
    assert error.startswith("MFAMethodNotFoundException")
    asked = aws.respond(asked, USERNAME="demo2", ANSWER="EMAIL_OTP")
    done = aws.respond(asked, USERNAME="demo2", EMAIL_OTP_CODE=aws.sent_code())
    assert "AccessToken" in done["AuthenticationResult"]


# Pools that require a factor


@pytest.mark.parametrize("factor", ["SMS_MFA", "EMAIL_OTP"])
def test_a_user_who_can_be_reached_is_asked_without_any_set_up(aws: Aws, factor: str) -> None:
    aws.reach_demo2()
    aws.require_factors(factor)
    assert aws.begin()["ChallengeName"] == factor


@pytest.mark.parametrize(
    "factors", [["SOFTWARE_TOKEN_MFA"], ["SMS_MFA", "SOFTWARE_TOKEN_MFA", "EMAIL_OTP"]]
)
def test_a_user_without_a_factor_is_told_which_to_set_up(aws: Aws, factors: list[str]) -> None:
    aws.require_factors(*factors)
    asked = aws.begin()
    assert asked["ChallengeName"] == "MFA_SETUP"
    assert json.loads(asked["ChallengeParameters"]["MFAS_CAN_SETUP"]) == factors


def test_totp_is_set_up_at_sign_in_and_asked_at_the_next(aws: Aws) -> None:
    aws.require_factors("SOFTWARE_TOKEN_MFA")
    asked = aws.begin()
    assert aws.refused(aws.respond, asked, USERNAME="demo2").startswith("InvalidParameterException")
    begun = aws.idp.associate_software_token(Session=asked["Session"])
    assert aws.refused(aws.respond, asked, USERNAME="demo2") == SPENT_SESSION
    code = pyotp.TOTP(begun["SecretCode"]).now()
    verified = aws.idp.verify_software_token(Session=begun["Session"], UserCode=code)
    done = aws.respond(asked | verified, USERNAME="demo2")
    assert "NewDeviceMetadata" in done["AuthenticationResult"]
    assert aws.begin()["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
