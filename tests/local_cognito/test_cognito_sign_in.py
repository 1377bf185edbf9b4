"""Passwords, flows, names and devices at sign-in, driven by pycognito and boto3."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from pycognito.aws_srp import AWSSRP, generate_hash_device

from local_cognito import seed, srp
from tests.local_cognito.clients import Aws, claims_of

ALWAYS = (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
OPT_IN = (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
NO_DEVICES = (seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
DEMO2 = {"username": seed.DEMO2_USERNAME, "password": seed.DEMO2_PASSWORD}
PASSWORD_OF_DEMO2 = {"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": seed.DEMO2_PASSWORD}
CLIENT = {"UserPoolId": seed.POOL_ID, "ClientId": seed.CLIENT_ID}
DEVICE_GONE = "ResourceNotFoundException: Device does not exist."
INVALID_KEY = "InvalidParameterException: Invalid device key given."
WRONG_PASSWORD = "NotAuthorizedException: Incorrect username or password."
INVALID_SESSION = "NotAuthorizedException: Invalid session for the user."
SPENT_SESSION = (
    "NotAuthorizedException: Invalid session for the user, session can only be used once."
)


class Srp:
    """One SRP exchange by hand, for what no well-behaved client would send."""

    def __init__(self, idp: Any, username: str = seed.DEMO2_USERNAME) -> None:
        self.idp = idp
        self.client = AWSSRP(username, seed.DEMO2_PASSWORD, *ALWAYS, client=idp)
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
def exchange(aws: Aws) -> Srp:
    return Srp(aws.idp)


@pytest.fixture
def pool(aws: Aws) -> Callable[..., tuple[str, str]]:
    """Makes a pool that tracks devices, with a client and the user "Ada": their ids."""

    def go(**config: Any) -> tuple[str, str]:
        tracking = {"ChallengeRequiredOnNewDevice": True}
        made = aws.admin.create_user_pool(PoolName="made", DeviceConfiguration=tracking, **config)
        pool_id = made["UserPool"]["Id"]
        client = aws.admin.create_user_pool_client(
            UserPoolId=pool_id,
            ClientName="web",
            ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"],
        )
        return pool_id, client["UserPoolClient"]["ClientId"]

    return go


@pytest.fixture
def add_ada(aws: Aws) -> Callable[..., None]:
    """Adds "Ada" to a pool, or whatever name the pool wants, with attributes."""

    def go(pool_id: str, username: str = "Ada", **attributes: str) -> None:
        aws.admin.admin_create_user(
            UserPoolId=pool_id,
            Username=username,
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        aws.admin.admin_set_user_password(
            UserPoolId=pool_id, Username=username, Password="Passw0rd!", Permanent=True
        )

    return go


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
    wrong = {"USERNAME": seed.DEMO2_USERNAME, "PASSWORD": "Wrong-Passw0rd!"}
    assert (
        aws.refused(aws.sign_in, seed.POOL_ID, seed.CLIENT_ID, "demo2", "Wrong") == WRONG_PASSWORD
    )
    assert aws.refused(aws.begin, **wrong) == WRONG_PASSWORD
    by_admin = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH", "AuthParameters": wrong}
    assert aws.refused(aws.admin.admin_initiate_auth, **CLIENT, **by_admin) == WRONG_PASSWORD


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
    aws.admin.update_user_pool_client(**CLIENT, PreventUserExistenceErrors="ENABLED")
    assert aws.refused(aws.sign_in, username="nobody") == WRONG_PASSWORD


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("disabled", "NotAuthorizedException: User is disabled."),
        ("not confirmed", "UserNotConfirmedException: User is not confirmed."),
    ],
)
def test_a_user_who_is_not_active_does_not_sign_in(aws: Aws, state: str, error: str) -> None:
    new = {"Username": "new", "Password": "Passw0rd!"}
    aws.idp.sign_up(ClientId=seed.CLIENT_ID, **new)
    if state == "disabled":
        aws.admin.admin_disable_user(UserPoolId=seed.POOL_ID, Username="new")
    assert aws.refused(aws.sign_in, username="new", password="Passw0rd!") == error


# A temporary password


def test_with_a_new_password_come_the_attributes_that_the_pool_requires(
    aws: Aws, pool: Callable[..., Any]
) -> None:
    required = {"AttributeDataType": "String", "Required": True, "Mutable": True}
    schema = [{"Name": name, **required} for name in ("name", "email")]
    pool_id, client_id = pool(Schema=schema)
    aws.admin.admin_create_user(
        UserPoolId=pool_id,
        Username="fresh",
        TemporaryPassword="Temp-Passw0rd!",
        UserAttributes=[{"Name": "email", "Value": "fresh@example.com"}],
    )
    asked = aws.idp.initiate_auth(
        AuthFlow="USER_PASSWORD_AUTH",
        ClientId=client_id,
        AuthParameters={"USERNAME": "fresh", "PASSWORD": "Temp-Passw0rd!"},
    )
    told = asked["ChallengeParameters"]
    assert json.loads(told["requiredAttributes"]) == ["userAttributes.name"]
    assert json.loads(told["userAttributes"]) == {"email": "fresh@example.com"}
    answer = {"USERNAME": "fresh", "NEW_PASSWORD": "Chosen-Passw0rd!"}
    name, email = {"userAttributes.name": "Fresh"}, {"userAttributes.email": "x@example.com"}
    assert [
        aws.refused(aws.respond, asked, client_id, **answer),
        aws.refused(aws.respond, asked, client_id, **answer, **name, **email),
        aws.refused(aws.respond, asked, client_id, **answer | {"NEW_PASSWORD": "weak"}, **name)[
            :24
        ],
    ] == [
        "InvalidParameterException: Invalid attributes given, name is missing",
        "InvalidParameterException: Cannot modify an already provided email",
        "InvalidPasswordException",
    ]
    token = aws.respond(asked, client_id, **answer, **name)["AuthenticationResult"]["AccessToken"]
    attributes = aws.idp.get_user(AccessToken=token)["UserAttributes"]
    assert {"Name": "name", "Value": "Fresh"} in attributes


# SRP


def test_a_secret_block_is_good_once_whether_the_proof_is_right_or_wrong(
    aws: Aws, exchange: Srp
) -> None:
    exchange.answer()
    assert aws.refused(exchange.answer) == SPENT_SESSION
    other = Srp(aws.idp)
    wrong = base64.b64encode(b"x" * 32).decode()
    assert aws.refused(other.answer, PASSWORD_CLAIM_SIGNATURE=wrong) == WRONG_PASSWORD
    assert aws.refused(other.answer) == SPENT_SESSION


def test_a_proof_is_for_its_client_and_its_user(aws: Aws, exchange: Srp) -> None:
    assert aws.refused(exchange.answer, client_id=seed.OTHER_CLIENT_ID) == INVALID_SESSION
    assert aws.refused(Srp(aws.idp).answer, USERNAME=seed.DEMO_USERNAME) == INVALID_SESSION


@pytest.mark.parametrize(
    ("timestamp", "error"),
    [
        ("Mon Nov 03 06:00:00 UTC 2025", "InvalidParameterException: TIMESTAMP format should be"),
        ("Mon Nov 3 06:00:00 UTC 2025", "NotAuthorizedException: TIMESTAMP is too far"),
        ("Mon Feb 30 06:00:00 UTC 2026", "InvalidParameterException: TIMESTAMP is an impossible"),
    ],
)
def test_a_proof_is_of_now(aws: Aws, timestamp: str, error: str) -> None:
    assert aws.refused(Srp(aws.idp).answer, TIMESTAMP=timestamp).startswith(error)


def test_an_a_that_is_zero_modulo_n_is_refused(aws: Aws) -> None:
    error = aws.refused(aws.begin, "USER_SRP_AUTH", USERNAME="demo", SRP_A=f"{srp.N:x}")
    assert error.startswith("InvalidParameterException")


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
    aws.admin.update_user_pool_client(**CLIENT, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    given = {"AuthFlow": flow, "AuthParameters": PASSWORD_OF_DEMO2}
    if flow.startswith("ADMIN"):
        error = aws.refused(aws.admin.admin_initiate_auth, **CLIENT, **given)
    else:
        error = aws.refused(aws.idp.initiate_auth, ClientId=seed.CLIENT_ID, **given)
    assert error == f"InvalidParameterException: {message}"


def test_an_administrators_flow_is_not_a_users_and_the_other_way_round(aws: Aws) -> None:
    not_supported = "InvalidParameterException: Initiate Auth method not supported."
    given: dict[str, Any] = {"AuthParameters": PASSWORD_OF_DEMO2}
    flow = {"AuthFlow": "ADMIN_USER_PASSWORD_AUTH"}
    assert (
        aws.refused(aws.idp.initiate_auth, ClientId=seed.CLIENT_ID, **flow, **given)
        == not_supported
    )
    flow = {"AuthFlow": "USER_PASSWORD_AUTH"}
    assert aws.refused(aws.admin.admin_initiate_auth, **CLIENT, **flow, **given) == not_supported


def test_an_administrator_signs_a_user_in_by_srp(aws: Aws) -> None:
    client = AWSSRP(seed.DEMO2_USERNAME, seed.DEMO2_PASSWORD, *ALWAYS, client=aws.admin)
    asked = aws.admin.admin_initiate_auth(
        **CLIENT, AuthFlow="USER_SRP_AUTH", AuthParameters=client.get_auth_params()
    )
    done = aws.admin.admin_respond_to_auth_challenge(
        **CLIENT,
        ChallengeName=asked["ChallengeName"],
        ChallengeResponses=client.process_challenge(
            asked["ChallengeParameters"], client.get_auth_params()
        ),
    )
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


@pytest.mark.parametrize("alias", ["email", "phone_number", "preferred_username"])
def test_a_user_signs_in_by_an_alias_once_it_is_verified(
    aws: Aws, pool: Callable[..., Any], add_ada: Callable[..., None], alias: str
) -> None:
    name = {"email": "ada@example.com", "phone_number": "+15555550100"}.get(alias, "lovelace")
    pool_id, client_id = pool(AliasAttributes=[alias])
    add_ada(pool_id, **{alias: name})
    if alias != "preferred_username":
        assert aws.refused(aws.sign_in, pool_id, client_id, name, "Passw0rd!").startswith(
            "UserNotFound"
        )
        verified = [{"Name": f"{alias}_verified", "Value": "true"}]
        aws.admin.admin_update_user_attributes(
            UserPoolId=pool_id, Username="Ada", UserAttributes=verified
        )
    signed_in = aws.sign_in(pool_id, client_id, name, "Passw0rd!")
    assert claims_of(signed_in.access_token)["username"] == "Ada"


def test_names_are_told_apart_by_case_unless_the_pool_says_otherwise(
    aws: Aws, pool: Callable[..., Any], add_ada: Callable[..., None]
) -> None:
    strict, lax = pool(), pool(UsernameConfiguration={"CaseSensitive": False})
    add_ada(strict[0])
    add_ada(lax[0])
    assert aws.refused(aws.sign_in, *strict, "ada", "Passw0rd!").startswith("UserNotFound")
    assert aws.sign_in(*lax, "ADA", "Passw0rd!").access_token
    assert aws.refused(add_ada, lax[0], "ada").startswith("UsernameExistsException")
    assert aws.admin.admin_get_user(UserPoolId=lax[0], Username="ada")["Username"] == "Ada"


def test_a_challenge_answered_under_an_alias_gives_a_device_that_cannot_be_confirmed(
    aws: Aws,
) -> None:
    exchange = Srp(aws.idp)
    sub = str(seed.USERS[1].sub(seed.POOL_ID))
    result = exchange.answer(USERNAME=sub)["AuthenticationResult"]
    key, group_key = (result["NewDeviceMetadata"][n] for n in ("DeviceKey", "DeviceGroupKey"))
    _, verifier = generate_hash_device(group_key, key)
    given = {"DeviceKey": key, "DeviceSecretVerifierConfig": verifier}
    error = aws.refused(aws.idp.confirm_device, AccessToken=result["AccessToken"], **given)
    assert error == INVALID_KEY


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
    elif flow == "USER_PASSWORD_AUTH":
        result = aws.begin()["AuthenticationResult"]
    else:
        result = aws.admin.admin_initiate_auth(
            **CLIENT, AuthFlow=flow, AuthParameters=PASSWORD_OF_DEMO2
        )["AuthenticationResult"]
    key, group_key = (result["NewDeviceMetadata"][n] for n in ("DeviceKey", "DeviceGroupKey"))
    assert re.fullmatch(r"us-east-1_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key)
    assert re.fullmatch(r"-[A-Za-z0-9]{8}", group_key)
    assert claims_of(result["AccessToken"])["device_key"] == key


def test_a_pool_without_device_tracking_gives_no_device(aws: Aws) -> None:
    result = aws.sign_in(*NO_DEVICES, **DEMO2).result
    assert "NewDeviceMetadata" not in result
    assert "device_key" not in claims_of(result["AccessToken"])


def test_a_remembered_device_stands_in_for_totp(aws: Aws) -> None:
    device, _ = aws.confirm(aws.sign_in())
    again = aws.sign_in(**device)
    assert not again.totp_asked
    assert "NewDeviceMetadata" not in again.result
    assert claims_of(again.access_token)["device_key"] == device["device_key"]


@pytest.mark.parametrize("flow", ["USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH"])
def test_a_remembered_device_stands_in_for_totp_after_a_plain_password(aws: Aws, flow: str) -> None:
    device = aws.on_device()
    demo = {"USERNAME": seed.DEMO_USERNAME, "PASSWORD": seed.DEMO_PASSWORD}
    initiate = {"AuthFlow": flow, "AuthParameters": demo | {"DEVICE_KEY": device["device_key"]}}
    if flow == "USER_PASSWORD_AUTH":
        asked = aws.idp.initiate_auth(ClientId=seed.CLIENT_ID, **initiate)
    else:
        asked = aws.admin.admin_initiate_auth(**CLIENT, **initiate)
    assert asked["ChallengeName"] == "DEVICE_SRP_AUTH"
    client = AWSSRP(
        seed.DEMO_USERNAME,
        seed.DEMO_PASSWORD,
        *ALWAYS,
        client=aws.idp,
        **{name: device[name] for name in ("device_key", "device_group_key", "device_password")},
    )
    asked = aws.respond(
        asked,
        USERNAME=seed.DEMO_USERNAME,
        DEVICE_KEY=device["device_key"],
        SRP_A=client.get_auth_params()["SRP_A"],
    )
    done = aws.idp.respond_to_auth_challenge(
        ClientId=seed.CLIENT_ID,
        ChallengeName=asked["ChallengeName"],
        ChallengeResponses=client.process_device_challenge(asked["ChallengeParameters"]),
    )
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


def test_the_proof_may_be_sent_again_without_the_device_that_is_gone(
    aws: Aws, exchange: Srp
) -> None:
    """As amazon-cognito-identity-js and Amplify recover."""
    assert aws.refused(exchange.answer, DEVICE_KEY="us-east-1_0000") == DEVICE_GONE
    assert "AccessToken" in exchange.answer()["AuthenticationResult"]


def test_on_an_opt_in_pool_a_device_stands_in_for_totp_once_remembered(aws: Aws) -> None:
    signed_in = aws.sign_in(*OPT_IN)
    device, necessary = aws.confirm(signed_in)
    assert necessary
    again = aws.sign_in(*OPT_IN, **device)
    assert again.totp_asked
    assert "NewDeviceMetadata" not in again.result
    aws.idp.update_device_status(
        AccessToken=signed_in.access_token,
        DeviceKey=device["device_key"],
        DeviceRememberedStatus="remembered",
    )
    assert not aws.sign_in(*OPT_IN, **device).totp_asked
