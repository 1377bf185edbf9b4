"""Passwords, flows, names and devices at sign-in, driven by pycognito and boto3."""

from __future__ import annotations

import base64
import json
import re
import time
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP

from local_cognito import seed
from tests.local_cognito.clients import (
    CLIENT,
    DEMO2,
    DEVICE_GONE,
    INVALID_KEY,
    SPENT_SESSION,
    Aws,
    SrpSignIn,
    claims_of,
)

ALWAYS = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
NO_DEVICES = (seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
PASSWORD_OF_DEMO2 = {"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD}
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
    assert set(claims) == {
        "sub", "iss", "origin_jti", "event_id", "auth_time", "iat", "exp", "jti",
        "token_use", "scope", "client_id", "username", "device_key",
    }  # fmt: skip
    assert claims["iss"] == f"https://cognito-idp.us-east-1.amazonaws.com/{seed.POOL_ID}"
    assert claims["token_use"] == "access"
    assert claims["client_id"] == seed.CLIENT_ID
    assert claims["scope"] == "aws.cognito.signin.user.admin"
    assert claims["device_key"] == signed_in.device_key


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


# A temporary password


def test_with_a_new_password_come_the_attributes_that_the_pool_requires(aws: Aws) -> None:
    required = {"AttributeDataType": "String", "Required": True, "Mutable": True}
    schema = [{"Name": name, **required} for name in ("name", "email")]
    pool_id, client_id = aws.new_pool(Schema=schema)
    aws.admin.admin_create_user(
        UserPoolId=pool_id,
        Username="fresh",
        TemporaryPassword="Temp-Passw0rd!",
        UserAttributes=[{"Name": "email", "Value": "fresh@example.com"}],
    )
    temporary = {"USERNAME": "fresh", "PASSWORD": "Temp-Passw0rd!"}
    asked = aws.begin("USER_PASSWORD_AUTH", client_id, **temporary)
    told = asked["ChallengeParameters"]
    assert json.loads(told["requiredAttributes"]) == ["userAttributes.name"]
    assert json.loads(told["userAttributes"]) == {"email": "fresh@example.com"}
    answer = {"USERNAME": "fresh", "NEW_PASSWORD": "Chosen-Passw0rd!"}
    name, email = {"userAttributes.name": "Fresh"}, {"userAttributes.email": "x@example.com"}
    error = aws.refused(aws.respond, asked, client_id, **answer)
    assert error == "InvalidParameterException: Invalid attributes given, name is missing"
    error = aws.refused(aws.respond, asked, client_id, **answer, **name, **email)
    assert error == "InvalidParameterException: Cannot modify an already provided email"
    weak = {**answer, **name, "NEW_PASSWORD": "weak"}
    assert aws.refused(aws.respond, asked, client_id, **weak).startswith("InvalidPassword")
    token = aws.respond(asked, client_id, **answer, **name)["AuthenticationResult"]["AccessToken"]
    attributes = aws.idp.get_user(AccessToken=token)["UserAttributes"]
    assert {"Name": "name", "Value": "Fresh"} in attributes


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
        ("CUSTOM_AUTH", "CUSTOM_AUTH flow not enabled for this client"),
        ("ADMIN_USER_PASSWORD_AUTH", "Auth flow not enabled for this client"),
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


def test_user_auth_offers_password_and_srp(aws: Aws) -> None:
    asked = aws.begin("USER_AUTH", USERNAME="demo2")
    assert asked["ChallengeName"] == "SELECT_CHALLENGE"
    assert asked["AvailableChallenges"] == ["PASSWORD", "PASSWORD_SRP"]
    for not_offered in ("WEB_AUTHN", "EMAIL_OTP", "SMS_OTP"):
        error = aws.refused(aws.respond, asked, USERNAME="demo2", ANSWER=not_offered)
        assert error.startswith("InvalidParameterException")
    done = aws.respond(asked, ANSWER="PASSWORD", **PASSWORD_OF_DEMO2)
    assert "NewDeviceMetadata" in done["AuthenticationResult"]


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


# Client secrets


def test_a_client_with_a_secret_needs_its_hash(aws: Aws) -> None:
    client = aws.admin.create_user_pool_client(
        UserPoolId=seed.POOL_ID, ClientName="confidential", GenerateSecret=True
    )["UserPoolClient"]
    demo2 = (client["ClientId"], seed.DEMO2_USERNAME, seed.DEMO2_PASSWORD)
    assert aws.refused(aws.sign_in, seed.POOL_ID, *demo2).endswith("SECRET_HASH was not received")
    assert aws.sign_in(seed.POOL_ID, *demo2, client_secret=client["ClientSecret"]).access_token


# Devices


@pytest.mark.parametrize("flow", ["USER_SRP_AUTH", "USER_PASSWORD_AUTH", "ADMIN_NO_SRP_AUTH"])
def test_a_password_gives_a_new_device_by_every_flow(aws: Aws, flow: str) -> None:
    if flow == "USER_SRP_AUTH":
        result = aws.sign_in(**DEMO2).result
    else:
        result = aws.begin(flow)["AuthenticationResult"]
    key, group_key = (result["NewDeviceMetadata"][n] for n in ("DeviceKey", "DeviceGroupKey"))
    assert re.fullmatch(r"us-east-1_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
    assert re.fullmatch(r"-[A-Za-z0-9]{8}", group_key)
    assert claims_of(result["AccessToken"])["device_key"] == key


def test_a_pool_without_device_tracking_gives_no_device(aws: Aws) -> None:
    result = aws.sign_in(*NO_DEVICES, **DEMO2).result
    assert "NewDeviceMetadata" not in result
    assert "device_key" not in claims_of(result["AccessToken"])


@pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"])
def test_a_remembered_device_stands_in_for_totp_after_a_plain_password(aws: Aws, flow: str) -> None:
    made = aws.on_device()
    device = {name: value for name, value in made.items() if name.startswith("device_")}
    demo = {"USERNAME": seed.DEMO_USERNAME, "PASSWORD": seed.DEMO_PASSWORD}
    asked = aws.begin(flow, **demo, DEVICE_KEY=device["device_key"])
    assert asked["ChallengeName"] == "DEVICE_SRP_AUTH"
    client = AWSSRP(*demo.values(), *ALWAYS, client=aws.idp, **device)
    asked = aws.respond(asked, **client.get_auth_params())
    done = aws.respond(asked, **client.process_device_challenge(asked["ChallengeParameters"]))
    assert claims_of(done["AuthenticationResult"]["AccessToken"])["username"] == "demo"


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
