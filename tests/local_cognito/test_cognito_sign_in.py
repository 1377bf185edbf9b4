"""Passwords, flows, names and devices at sign-in, driven by pycognito and boto3."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP

from local_cognito import seed
from tests.calls import claims_of
from tests.local_cognito.clients import (
    CLIENT,
    DEMO2,
    DEVICE_GONE,
    INVALID_KEY,
    SPENT_SESSION,
    Aws,
    SrpSignIn,
)

ALWAYS = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
NO_DEVICES = (seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
WRONG_PASSWORD = "NotAuthorizedException: Incorrect username or password."
INVALID_SESSION = "NotAuthorizedException: Invalid session for the user."


def srp_exchange(aws: Aws) -> tuple[dict[str, Any], dict[str, str]]:
    """demo2's PASSWORD_VERIFIER and the right answer to it, for what no client would send."""
    client = AWSSRP(*DEMO2.values(), *ALWAYS, client=aws.idp)
    asked = aws.begin("USER_SRP_AUTH", **client.get_auth_params())
    proof = client.process_challenge(asked["ChallengeParameters"], client.get_auth_params())
    return asked, proof


def add_ada(aws: Aws, pool_id: str, username: str = "Ada", **attributes: str) -> None:
    new = {"username": username, "password": "Passw0rd!", "pool": pool_id}
    aws.control("POST", "/_local/users", **new, attributes=attributes)


# The password


def test_an_access_token_has_the_claims_of_a_real_one(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    claims = claims_of(signed_in.access_token)
    fixed = {
        "iss": f"https://cognito-idp.us-east-1.amazonaws.com/{seed.POOL_ID}",
        "token_use": "access",
        "client_id": seed.CLIENT_ID,
        "scope": "aws.cognito.signin.user.admin",
        "username": seed.DEMO2_USERNAME,
        "device_key": signed_in.device_key,
        "acr": "urn:cognito:loa:1",
        "amr": ["pwd"],
    }
    of_the_moment = {"sub", "origin_jti", "event_id", "auth_time", "iat", "exp", "jti"}
    assert claims == fixed | {name: claims[name] for name in of_the_moment}


def test_a_wrong_password_is_refused_by_every_flow(aws: Aws) -> None:
    assert aws.refused(aws.sign_in, username="demo2", password="Wrong") == WRONG_PASSWORD
    for flow in ("USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"):
        assert aws.refused(aws.begin, flow, PASSWORD="Wrong-Passw0rd!") == WRONG_PASSWORD


def test_wrong_passwords_in_a_row_lock_the_user_out_for_a_while(aws: Aws) -> None:
    """Each wrong password after the fifth locks for twice as long, so the loop comes to an end."""
    locked = "NotAuthorizedException: Password attempts exceeded"
    errors: list[str] = []
    while locked not in errors:
        errors.append(aws.refused(aws.begin, PASSWORD="Wrong-Passw0rd!"))
    assert len(errors) > 5
    assert set(errors[:-1]) == {WRONG_PASSWORD}
    while "AuthenticationResult" not in attempted(aws):
        time.sleep(0.2)


def attempted(aws: Aws) -> dict[str, Any]:
    """The answer to the right password, or nothing while it is locked."""
    try:
        return dict(aws.begin())
    except aws.idp.exceptions.NotAuthorizedException:
        return {}


def test_an_unknown_user_is_named_as_such_unless_the_client_hides_it(aws: Aws) -> None:
    error = aws.refused(aws.sign_in, username="nobody")
    assert error == "UserNotFoundException: User does not exist."
    aws.update_client(PreventUserExistenceErrors="ENABLED")
    assert aws.refused(aws.sign_in, username="nobody") == WRONG_PASSWORD


def test_a_user_who_is_not_active_does_not_sign_in(aws: Aws) -> None:
    aws.idp.sign_up(ClientId=seed.CLIENT_ID, Username="new", Password="Passw0rd!")
    new = {"username": "new", "password": "Passw0rd!"}
    error = aws.refused(aws.sign_in, **new)
    assert error == "UserNotConfirmedException: User is not confirmed."
    aws.admin.admin_disable_user(UserPoolId=seed.POOL_ID, Username="new")
    assert aws.refused(aws.sign_in, **new) == "NotAuthorizedException: User is disabled."


# SRP


def test_a_secret_block_is_good_once_right_or_wrong_for_its_client_and_its_user(aws: Aws) -> None:
    asked, proof = srp_exchange(aws)
    assert "AuthenticationResult" in aws.respond(asked, **proof)
    assert aws.refused(aws.respond, asked, **proof) == SPENT_SESSION
    asked, proof = srp_exchange(aws)
    wrong = {**proof, "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(b"x" * 32).decode()}
    assert aws.refused(aws.respond, asked, **wrong) == WRONG_PASSWORD
    assert aws.refused(aws.respond, asked, **proof) == SPENT_SESSION
    asked, proof = srp_exchange(aws)
    assert aws.refused(aws.respond, asked, seed.OTHER_CLIENT_ID, **proof) == INVALID_SESSION
    asked, proof = srp_exchange(aws)
    assert aws.refused(aws.respond, asked, **{**proof, "USERNAME": "demo"}) == INVALID_SESSION


@pytest.mark.parametrize(
    ("timestamp", "error"),
    [
        ("Mon Nov 03 06:00:00 UTC 2025", "InvalidParameterException: TIMESTAMP format should be"),
        ("Mon Nov 3 06:00:00 UTC 2025", "NotAuthorizedException: TIMESTAMP is too far"),
        ("Mon Feb 30 06:00:00 UTC 2026", "InvalidParameterException: TIMESTAMP is an impossible"),
    ],
)
def test_a_proof_is_of_now(aws: Aws, timestamp: str, error: str) -> None:
    asked, proof = srp_exchange(aws)
    assert aws.refused(aws.respond, asked, **{**proof, "TIMESTAMP": timestamp}).startswith(error)


# Flows


@pytest.mark.parametrize(
    ("flow", "message"),
    [
        ("USER_PASSWORD_AUTH", "USER_PASSWORD_AUTH flow not enabled for this client"),
        ("ADMIN_USER_PASSWORD_AUTH", "Auth flow not enabled for this client"),
        ("USER_AUTH", "USER_AUTH is not enabled for the client."),
    ],
)
def test_a_client_signs_in_only_by_the_flows_it_allows(aws: Aws, flow: str, message: str) -> None:
    aws.update_client(ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    error = aws.refused(aws.begin, flow, USERNAME="demo2")
    assert error == f"InvalidParameterException: {message}"


def test_an_administrators_flow_is_not_a_users_and_the_other_way_round(aws: Aws) -> None:
    client = {"ClientId": seed.CLIENT_ID}
    for error in (
        aws.refused(aws.idp.initiate_auth, **client, AuthFlow="ADMIN_USER_PASSWORD_AUTH"),
        aws.refused(aws.admin.admin_initiate_auth, **CLIENT, AuthFlow="USER_PASSWORD_AUTH"),
    ):
        assert error == "InvalidParameterException: Initiate Auth method not supported."


def test_an_administrator_signs_a_user_in_by_srp(aws: Aws) -> None:
    client = AWSSRP(seed.DEMO2_USERNAME, seed.DEMO2_PASSWORD, *ALWAYS, client=aws.admin)
    given = client.get_auth_params()
    asked = aws.admin.admin_initiate_auth(**CLIENT, AuthFlow="USER_SRP_AUTH", AuthParameters=given)
    proof = client.process_challenge(asked["ChallengeParameters"], given)
    done = aws.respond_as_admin(asked, **proof)
    assert "NewDeviceMetadata" in done["AuthenticationResult"]


def test_a_first_factor_that_was_not_offered_is_refused_and_the_choice_stays_open(
    aws: Aws,
) -> None:
    asked = aws.begin("USER_AUTH", USERNAME="demo2")
    assert asked["AvailableChallenges"] == ["PASSWORD", "PASSWORD_SRP"]
    error = aws.refused(aws.respond, asked, USERNAME="demo2", ANSWER="WEB_AUTHN")
    assert error.startswith("InvalidParameterException")
    assert aws.respond(asked, USERNAME="demo2", ANSWER="PASSWORD")["ChallengeName"] == "PASSWORD"


# Names


def test_a_user_signs_in_by_an_alias_once_it_is_verified(aws: Aws) -> None:
    email, phone = "ada@example.com", "+15555550100"
    names = {"email": email, "phone_number": phone, "preferred_username": "lovelace"}
    pool = aws.new_pool(AliasAttributes=list(names))
    add_ada(aws, pool[0], **names)
    for name in (email, phone):
        error = aws.refused(aws.sign_in, *pool, name, "Passw0rd!")
        assert error.startswith("UserNotFound")
    verified = [{"Name": f"{it}_verified", "Value": "true"} for it in ("email", "phone_number")]
    aws.admin.admin_update_user_attributes(
        UserPoolId=pool[0], Username="Ada", UserAttributes=verified
    )
    for name in names.values():
        signed_in = aws.sign_in(*pool, name, "Passw0rd!")
        assert claims_of(signed_in.access_token)["username"] == "Ada"


def test_names_are_told_apart_by_case_unless_the_pool_says_otherwise(aws: Aws) -> None:
    strict, lax = aws.new_pool(), aws.new_pool(UsernameConfiguration={"CaseSensitive": False})
    add_ada(aws, strict[0])
    add_ada(aws, lax[0])
    assert aws.refused(aws.sign_in, *strict, "ada", "Passw0rd!").startswith("UserNotFound")
    assert aws.sign_in(*lax, "ADA", "Passw0rd!").access_token
    error = aws.refused(aws.idp.sign_up, ClientId=lax[1], Username="ada", Password="Passw0rd!")
    assert error.startswith("UsernameExistsException")
    assert aws.admin.admin_get_user(UserPoolId=lax[0], Username="ada")["Username"] == "Ada"


def test_a_challenge_answered_under_an_alias_gives_a_device_that_cannot_be_confirmed(
    aws: Aws,
) -> None:
    asked, proof = srp_exchange(aws)
    sub = seed.USERS[1].sub(seed.POOL_ID)
    result = aws.respond(asked, **{**proof, "USERNAME": sub})["AuthenticationResult"]
    assert aws.refused(aws.confirm, SrpSignIn(result, totp_asked=False)) == INVALID_KEY


# Devices


def test_a_remembered_device_stands_in_for_neither_password_nor_its_own_secret(aws: Aws) -> None:
    device, _ = aws.confirm(aws.sign_in())
    assert aws.refused(aws.sign_in, password="Wrong-Passw0rd!", **device) == WRONG_PASSWORD
    assert aws.refused(aws.sign_in, **(device | {"device_password": "wrong"})) == WRONG_PASSWORD


def test_where_devices_do_not_replace_mfa_both_are_asked(aws: Aws) -> None:
    aws.admin.update_user_pool(
        UserPoolId=seed.POOL_ID, DeviceConfiguration={"ChallengeRequiredOnNewDevice": False}
    )
    device_key = aws.on_device()["device_key"]
    asked = aws.begin(USERNAME="demo", PASSWORD=seed.DEMO_PASSWORD, DEVICE_KEY=device_key)
    assert asked["ChallengeName"] == "SOFTWARE_TOKEN_MFA"
    code = aws.control("POST", "/_local/totp")["code"]
    after = aws.respond(asked, USERNAME="demo", SOFTWARE_TOKEN_MFA_CODE=code)
    assert after["ChallengeName"] == "DEVICE_SRP_AUTH"


def test_a_device_that_is_forgotten_or_anothers_does_not_exist_at_sign_in(aws: Aws) -> None:
    signed_in = aws.sign_in()
    device, _ = aws.confirm(signed_in)
    assert aws.refused(aws.sign_in, **DEMO2, **device) == DEVICE_GONE
    aws.idp.forget_device(AccessToken=signed_in.access_token, DeviceKey=device["device_key"])
    assert aws.refused(aws.sign_in, **device) == DEVICE_GONE
    assert aws.sign_in().totp_asked


def test_the_proof_may_be_sent_again_without_the_device_that_is_gone(aws: Aws) -> None:
    """As amazon-cognito-identity-js and Amplify recover."""
    asked, proof = srp_exchange(aws)
    assert aws.refused(aws.respond, asked, **proof, DEVICE_KEY="us-east-1_0000") == DEVICE_GONE
    assert "AccessToken" in aws.respond(asked, **proof)["AuthenticationResult"]
