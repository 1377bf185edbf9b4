"""The Cognito clients of the web, through what a frontend meets beside SRP and TOTP.

Each calls its own library's functions and takes its own library's word for the next step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_cognito import seed
from tests.calls import claims_of
from tests.e2e.real_clients import (
    NodeClient,
    Pool,
    RefusedError,
    amazon_cognito_identity_js,
    aws_amplify,
)
from tests.local_cognito.clients import DEMO2, DEMO2_USER, Aws


@pytest.fixture(scope="module")
def clients(shared_aws: Aws) -> Iterator[tuple[NodeClient, NodeClient]]:
    pool = Pool(shared_aws.url)
    with aws_amplify(pool) as amplify, amazon_cognito_identity_js(pool) as identity_js:
        yield amplify, identity_js


@pytest.fixture
def amplify(clients: tuple[NodeClient, NodeClient], aws: Aws) -> NodeClient:
    clients[0].clear()
    return clients[0]


@pytest.fixture
def identity_js(clients: tuple[NodeClient, NodeClient], aws: Aws) -> NodeClient:
    clients[1].clear()
    return clients[1]


def sign_in(amplify: NodeClient, flow: str, options: Any = None, **changed: Any) -> str:
    """Amplify's signIn, of demo2 unless told otherwise: the next step."""
    options = {"authFlowType": flow} | (options or {})
    return str(amplify.ask("call", "signIn", DEMO2 | {"options": options} | changed)["signInStep"])


def confirm(amplify: NodeClient, response: str, **options: Any) -> str:
    """Amplify's confirmSignIn: the next step."""
    given = {"challengeResponse": response, "options": options}
    return str(amplify.ask("call", "confirmSignIn", given)["signInStep"])


def is_on_a_confirmed_device(amplify: NodeClient) -> bool:
    devices = [device["id"] for device in amplify.ask("call", "fetchDevices")]
    return devices == [amplify.ask("stored", "deviceKey")]


# aws-amplify


def test_amplify_chooses_a_first_factor(amplify: NodeClient) -> None:
    assert sign_in(amplify, "USER_AUTH") == "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION"
    assert confirm(amplify, "PASSWORD_SRP") == "CONFIRM_SIGN_IN_WITH_PASSWORD"
    assert confirm(amplify, seed.DEMO2_PASSWORD) == "DONE"
    assert is_on_a_confirmed_device(amplify)


@pytest.mark.parametrize("preferred", ["PASSWORD", "PASSWORD_SRP"])
def test_amplify_prefers_a_first_factor(amplify: NodeClient, preferred: str) -> None:
    assert sign_in(amplify, "USER_AUTH", {"preferredChallenge": preferred}) == "DONE"


@pytest.mark.parametrize(
    ("flow", "has_device"), [("CUSTOM_WITH_SRP", True), ("CUSTOM_WITHOUT_SRP", False)]
)
def test_amplify_answers_a_custom_challenge(
    aws: Aws, amplify: NodeClient, flow: str, has_device: bool
) -> None:
    given: dict[str, Any] = {} if has_device else {"password": None}
    with pytest.raises(RefusedError, match="Custom auth lambda trigger is not configured"):
        sign_in(amplify, flow, **given)
    aws.control("POST", "/_local/custom-auth", answer="42")
    assert sign_in(amplify, flow, **given) == "CONFIRM_SIGN_IN_WITH_CUSTOM_CHALLENGE"
    assert confirm(amplify, "42") == "DONE"
    assert ("device_key" in claims_of(amplify.ask("stored", "accessToken"))) is has_device


def test_amplify_signs_in_by_an_alias_and_confirms_its_device(aws: Aws) -> None:
    pool, client_id = aws.new_pool(UsernameAttributes=["email"])
    ada = {"username": "ada@example.com", "password": seed.DEMO2_PASSWORD}
    aws.control("POST", "/_local/users", **ada, pool=pool)
    with aws_amplify(Pool(aws.url, pool, client_id)) as amplify:
        assert sign_in(amplify, "USER_SRP_AUTH", **ada) == "DONE"
        assert is_on_a_confirmed_device(amplify)


@pytest.mark.parametrize("factor", ["SMS", "EMAIL"])
def test_amplify_prefers_a_code_by_message_and_is_asked_for_it(
    aws: Aws, amplify: NodeClient, factor: str
) -> None:
    aws.reach_demo2()
    aws.require_factors(mfa="OPTIONAL")
    assert sign_in(amplify, "USER_PASSWORD_AUTH") == "DONE"
    amplify.ask("call", "updateMFAPreference", {factor.lower(): "PREFERRED"})
    assert amplify.ask("call", "fetchMFAPreference")["preferred"] == factor
    amplify.ask("call", "signOut")
    aws.admin.admin_forget_device(
        **DEMO2_USER,
        DeviceKey=aws.admin.admin_list_devices(**DEMO2_USER)["Devices"][0]["DeviceKey"],
    )
    assert sign_in(amplify, "USER_SRP_AUTH") == f"CONFIRM_SIGN_IN_WITH_{factor}_CODE"
    with pytest.raises(RefusedError, match="CodeMismatchException"):
        confirm(amplify, "00000")
    assert confirm(amplify, aws.sent_code()) == "DONE"


def test_amplify_sets_up_email_where_the_pool_requires_a_factor(
    aws: Aws, amplify: NodeClient
) -> None:
    aws.require_factors()
    assert sign_in(amplify, "USER_SRP_AUTH") == "CONTINUE_SIGN_IN_WITH_MFA_SETUP_SELECTION"
    assert confirm(amplify, "EMAIL") == "CONTINUE_SIGN_IN_WITH_EMAIL_SETUP"
    assert confirm(amplify, "ada@example.com") == "CONFIRM_SIGN_IN_WITH_EMAIL_CODE"
    assert confirm(amplify, aws.sent_code()) == "DONE"
    assert is_on_a_confirmed_device(amplify)


def test_amplify_sets_a_new_password_with_a_missing_attribute(aws: Aws) -> None:
    required = {"AttributeDataType": "String", "Required": True, "Mutable": True}
    pool, client_id = aws.new_pool(Schema=[{"Name": "name", **required}])
    fresh = {"username": "fresh", "password": "Temp-Passw0rd!"}
    aws.admin.admin_create_user(
        UserPoolId=pool, Username="fresh", TemporaryPassword=fresh["password"]
    )
    with aws_amplify(Pool(aws.url, pool, client_id)) as amplify:
        step = amplify.ask("call", "signIn", fresh)
        assert step["signInStep"] == "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED"
        assert step["missingAttributes"] == ["name"]
        with pytest.raises(RefusedError, match="name is missing"):
            confirm(amplify, "Chosen-Passw0rd!")
        assert confirm(amplify, "Chosen-Passw0rd!", userAttributes={"name": "Fresh"}) == "DONE"


def test_amplify_rotates_its_refresh_token(aws: Aws, amplify: NodeClient) -> None:
    rotation = {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    aws.update_client(RefreshTokenRotation=rotation)
    sign_in(amplify, "USER_SRP_AUTH")
    tokens = [amplify.ask("stored", "refreshToken")]
    for _ in range(2):
        assert amplify.ask("refresh")
        tokens.append(amplify.ask("stored", "refreshToken"))
    assert len(set(tokens)) == 3


# amazon-cognito-identity-js


def begin(identity_js: NodeClient, flow: str, **changed: str) -> dict[str, Any]:
    details = {"Username": seed.DEMO2_USERNAME, "Password": seed.DEMO2_PASSWORD} | changed
    answer: dict[str, Any] = identity_js.ask("begin", flow, details)
    return answer


def test_identity_js_chooses_between_two_factors(aws: Aws, identity_js: NodeClient) -> None:
    aws.reach_demo2()
    aws.require_factors()
    on = {"Enabled": True}
    aws.admin.admin_set_user_mfa_preference(**DEMO2_USER, SMSMfaSettings=on, EmailMfaSettings=on)
    assert begin(identity_js, "USER_SRP_AUTH")["step"] == "selectMFAType"
    with pytest.raises(RefusedError, match="MFAMethodNotFoundException"):
        identity_js.ask("selectMFAType", "SOFTWARE_TOKEN_MFA")
    assert identity_js.ask("selectMFAType", "SMS_MFA")["step"] == "mfaRequired"
    assert identity_js.ask("sendMFACode", aws.sent_code(), None)["step"] == "onSuccess"


def test_identity_js_signs_in_by_a_plain_password_and_then_by_its_device(
    identity_js: NodeClient,
) -> None:
    challenges = []
    for _ in range(2):
        assert begin(identity_js, "USER_PASSWORD_AUTH")["step"] == "onSuccess"
        challenges.append(identity_js.ask("challenges"))
    assert challenges == [[], ["DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"]]
