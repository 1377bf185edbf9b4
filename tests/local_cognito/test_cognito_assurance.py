"""How strongly somebody has signed in (`acr`, `amr`), and how USER_AUTH asks for more."""

from __future__ import annotations

import time
from typing import Any

import pytest

from local_cognito import seed
from tests.calls import claims_of
from tests.local_cognito.clients import Aws

LEVELS = "urn:cognito:loa:4 urn:cognito:loa:3 urn:cognito:loa:1"


def assurance(tokens: dict[str, Any]) -> tuple[str | None, list[str] | None]:
    """`acr` and `amr`, the same in both tokens."""
    access, of_id = claims_of(tokens["AccessToken"]), claims_of(tokens["IdToken"])
    claims = access.get("acr"), access.get("amr")
    assert claims == (of_id.get("acr"), of_id.get("amr"))
    return claims


def step_up(aws: Aws, username: str = "demo2", **given: str) -> Any:
    return aws.begin("USER_AUTH", USERNAME=username, **given)


def totp(aws: Aws, asked: dict[str, Any], username: str = "demo") -> Any:
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    code = aws.control("POST", "/_local/totp", username=username)["code"]
    return aws.respond(asked, USERNAME=username, SOFTWARE_TOKEN_MFA_CODE=code)[
        "AuthenticationResult"
    ]


def sign_in_by_message(aws: Aws, factor: str) -> dict[str, Any]:
    aws.reach_demo2()
    aws.require_factors(factor)
    asked = aws.begin()
    answer = {f"{factor}_CODE": aws.sent_code()}
    return aws.respond(asked, USERNAME="demo2", **answer)["AuthenticationResult"]  # type: ignore[no-any-return]


# The claims


@pytest.mark.parametrize(("factor", "word"), [("SMS_MFA", "sms"), ("EMAIL_OTP", "email_otp")])
def test_a_password_with_a_code_by_message_is_level_3(aws: Aws, factor: str, word: str) -> None:
    tokens = sign_in_by_message(aws, factor)
    assert assurance(tokens) == ("urn:cognito:loa:3", ["pwd", word, "mfa"])


def test_custom_auth_without_a_password_says_nothing_of_it(aws: Aws) -> None:
    aws.control("POST", "/_local/custom-auth", answer="yes")
    asked = aws.begin("CUSTOM_AUTH", USERNAME="demo2")
    done = aws.respond(asked, USERNAME="demo2", ANSWER="yes")
    assert assurance(done["AuthenticationResult"]) == (None, None)


def test_a_pool_names_the_levels_itself(aws: Aws) -> None:
    names = {"Level1": {"AcrValue": "https://example.com/low"}}
    pool, client = aws.new_pool(AcrConfiguration=names)
    aws.control("POST", "/_local/users", username="ada", password="Passw0rd!", pool=pool)
    tokens = aws.begin(client_id=client, USERNAME="ada", PASSWORD="Passw0rd!")
    assert assurance(tokens["AuthenticationResult"]) == ("https://example.com/low", ["pwd"])


def test_a_pool_may_not_have_the_claims_yet(aws: Aws) -> None:
    aws.control("POST", "/_local/acr", enabled=False)
    tokens = aws.begin()["AuthenticationResult"]
    assert assurance(tokens) == (None, None)
    assert "auth_time" in claims_of(tokens["AccessToken"])


# Asking for more


def test_a_target_asks_for_the_code_of_the_best_level_in_reach(aws: Aws) -> None:
    """A remembered device is asked, too."""
    device, _ = aws.confirm(aws.sign_in())
    asked = step_up(
        aws,
        "demo",
        PREFERRED_CHALLENGE="PASSWORD",
        PASSWORD=seed.DEMO_PASSWORD,
        DEVICE_KEY=device["device_key"],
        TARGET_ACR_VALUES=LEVELS,
    )
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    aws.reach_demo2()
    aws.require_factors("SMS_MFA", "EMAIL_OTP", mfa="OPTIONAL")
    asked = step_up(
        aws, PREFERRED_CHALLENGE="PASSWORD", PASSWORD=seed.DEMO2_PASSWORD, TARGET_ACR_VALUES=LEVELS
    )
    assert asked["ChallengeName"] == "SELECT_MFA_TYPE"
    asked = aws.respond(asked, USERNAME="demo2", ANSWER="EMAIL_OTP")
    done = aws.respond(asked, USERNAME="demo2", EMAIL_OTP_CODE=aws.sent_code())
    assert assurance(done["AuthenticationResult"])[0] == "urn:cognito:loa:3"


def test_a_level_out_of_reach_is_passed_over(aws: Aws) -> None:
    done = step_up(
        aws, PREFERRED_CHALLENGE="PASSWORD", PASSWORD=seed.DEMO2_PASSWORD, TARGET_ACR_VALUES=LEVELS
    )
    assert assurance(done["AuthenticationResult"])[0] == "urn:cognito:loa:1"


def test_an_access_token_counts_towards_the_target(aws: Aws, device: dict[str, Any]) -> None:
    """The password is not asked again; what is already reached is not either."""
    given = {"DEVICE_KEY": device["device_key"], "TARGET_ACR_VALUES": "urn:cognito:loa:4"}
    known = step_up(aws, "demo", ACCESS_TOKEN=device["access_token"], **given)
    assert known["ChallengeName"] == "DEVICE_SRP_AUTH"
    aws.require_factors("SOFTWARE_TOKEN_MFA", mfa="OFF")
    weak = step_up(aws, "demo", PREFERRED_CHALLENGE="PASSWORD", PASSWORD=seed.DEMO_PASSWORD)
    token = weak["AuthenticationResult"]["AccessToken"]
    asked = step_up(aws, "demo", ACCESS_TOKEN=token, TARGET_ACR_VALUES="urn:cognito:loa:4")
    assert assurance(totp(aws, asked))[1] == ["pwd", "otp", "mfa"]


def test_a_level_above_the_target_reaches_it(aws: Aws, device: dict[str, Any]) -> None:
    given = {"DEVICE_KEY": device["device_key"], "ACCESS_TOKEN": device["access_token"]}
    asked = step_up(aws, "demo", TARGET_ACR_VALUES="urn:cognito:loa:3", **given)
    assert asked["ChallengeName"] == "DEVICE_SRP_AUTH"


def test_a_token_older_than_max_age_counts_for_nothing_and_stays_good(aws: Aws) -> None:
    token = aws.begin()["AuthenticationResult"]["AccessToken"]
    given = {"ACCESS_TOKEN": token, "TARGET_ACR_VALUES": "urn:cognito:loa:1"}
    at_once = step_up(aws, MAX_AGE="300", **given)["AuthenticationResult"]
    before, after = claims_of(token), claims_of(at_once["AccessToken"])
    assert after["auth_time"] == before["auth_time"], "nothing was proved anew"
    time.sleep(1.1)  # the age is counted in whole seconds
    asked = step_up(aws, MAX_AGE="0", **given)
    assert asked["ChallengeName"] == "SELECT_CHALLENGE"
    assert aws.devices(token) == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"TARGET_ACR_VALUES": "urn:other"}, "InvalidParameterException: TARGET_ACR_VALUES"),
        ({"TARGET_ACR_VALUES": LEVELS, "MAX_AGE": "soon"}, "InvalidParameterException: MAX_AGE"),
        ({"ACCESS_TOKEN": "own"}, "InvalidParameterException: ACCESS_TOKEN requires"),
        (
            {"ACCESS_TOKEN": "own", "TARGET_ACR_VALUES": LEVELS, "USERNAME": "demo"},
            "InvalidParameterException: USERNAME",
        ),
        (
            {"ACCESS_TOKEN": "a.b.c", "TARGET_ACR_VALUES": LEVELS},
            "NotAuthorizedException: Invalid Access Token",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(aws: Aws, given: dict[str, str], error: str) -> None:
    if given.get("ACCESS_TOKEN") == "own":
        given = given | {"ACCESS_TOKEN": aws.begin()["AuthenticationResult"]["AccessToken"]}
    refused = aws.refused(aws.begin, "USER_AUTH", **({"USERNAME": "demo2"} | given))
    assert refused.startswith(error)


def test_a_target_takes_a_tier_that_has_it(aws: Aws) -> None:
    pool, client = aws.new_pool(UserPoolTier="LITE")
    aws.control("POST", "/_local/users", username="ada", password="Passw0rd!", pool=pool)
    refused = aws.refused(aws.begin, "USER_AUTH", client, USERNAME="ada", TARGET_ACR_VALUES=LEVELS)
    assert refused.startswith("FeatureUnavailableInTierException")
