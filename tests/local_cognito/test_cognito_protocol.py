"""What goes over the wire: headers, errors, validation, CORS, and what moto does for us."""

from __future__ import annotations

import re
from typing import Any

import pytest

from local_cognito import parameters, seed
from tests.local_cognito.clients import Aws, of


@pytest.mark.parametrize(
    ("operation", "body", "type_"),
    [
        ("ListDevices", {"AccessToken": "x"}, "NotAuthorizedException"),
        # moto's own error
        ("SignUp", {"ClientId": seed.CLIENT_ID, "Username": "x", "Password": "x"}, "InvalidPass"),
    ],
)
def test_an_error_is_told_as_aws_tells_it(aws: Aws, operation: str, body: Any, type_: str) -> None:
    response = aws.post(operation, body)
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-RequestId"]
    assert set(response.json()) == {"__type", "message"}
    assert response.json()["__type"] == response.headers["x-amzn-ErrorType"].rstrip(":")
    assert response.json()["__type"].startswith(type_)


def test_an_administrators_call_must_be_signed(aws: Aws) -> None:
    assert aws.post("AdminListDevices", {}).json() == {
        "__type": "MissingAuthenticationTokenException",
        "message": "Missing Authentication Token",
    }


def test_an_answer_without_members_is_empty_or_an_empty_object(aws: Aws, device: Any) -> None:
    assert aws.post("ForgetDevice", of(device)).content == b""
    assert aws.post("GlobalSignOut", {"AccessToken": device["access_token"]}).content == b"{}"


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        (
            "ListDevices",
            {"AccessToken": "no spaces"},
            "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+",
        ),
        (
            "UpdateDeviceStatus",
            {"DeviceKey": "a_0", "DeviceRememberedStatus": "perhaps"},
            "2 validation errors detected: Value null at 'accessToken' failed to satisfy "
            "constraint: Member must not be null; Value 'perhaps' at 'deviceRememberedStatus' "
            "failed to satisfy constraint: Member must satisfy enum value set: "
            "[remembered, not_remembered]",
        ),
        ("GetDevice", {"DeviceKey": "a_0"}, "Missing required parameter AccessToken"),
    ],
)
def test_a_parameter_that_breaks_the_model_is_refused(
    aws: Aws, operation: str, body: dict[str, Any], message: str
) -> None:
    answer = aws.post(operation, body).json()
    assert answer == {"__type": "InvalidParameterException", "message": message}


@pytest.mark.parametrize("body", [b"{", b"[]", {"AccessToken": 7}])
def test_what_is_not_the_right_json_is_a_serialization_error(aws: Aws, body: Any) -> None:
    response = aws.post("ListDevices", body)
    assert (response.status_code, response.json()["__type"]) == (400, "SerializationException")


def test_every_pattern_of_the_model_can_be_matched() -> None:
    model = parameters.service_model()
    shapes = [model.shape_for(name) for name in model.shape_names]
    patterns = [shape.metadata["pattern"] for shape in shapes if "pattern" in shape.metadata]
    assert patterns
    for pattern in patterns:
        parameters.compiled(pattern)


def test_a_null_is_as_good_as_absent(aws: Aws, device: Any) -> None:
    body = {"AccessToken": device["access_token"], "Limit": None, "PaginationToken": None}
    assert aws.post("ListDevices", body).status_code == 200


@pytest.mark.parametrize("operation", ["NoSuchOperation", "StartWebAuthnRegistration"])
def test_an_operation_that_is_not_here_is_unknown(aws: Aws, device: Any, operation: str) -> None:
    response = aws.post(operation, {"AccessToken": device["access_token"]})
    assert response.status_code == 400
    assert response.json()["__type"] == "UnknownOperationException"


# What moto does, in AWS's forms


def test_ids_and_secrets_have_the_forms_of_aws(aws: Aws) -> None:
    pool = aws.admin.create_user_pool(PoolName="made")["UserPool"]
    assert re.fullmatch(r"us-east-1_[0-9A-Za-z]{9}", pool["Id"])
    assert pool["Arn"].endswith(f":userpool/{pool['Id']}")
    client = aws.admin.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="web", GenerateSecret=True
    )["UserPoolClient"]
    assert re.fullmatch(r"[0-9a-z]{26}", client["ClientId"])
    assert re.fullmatch(r"[0-9a-z]{52}", client["ClientSecret"])


def test_a_protected_pool_is_not_deleted(aws: Aws) -> None:
    pool = aws.admin.create_user_pool(PoolName="made", DeletionProtection="ACTIVE")["UserPool"]
    error = aws.refused(aws.admin.delete_user_pool, UserPoolId=pool["Id"])
    assert error.startswith("InvalidParameterException: The user pool cannot be deleted because")
    aws.admin.update_user_pool(UserPoolId=pool["Id"], DeletionProtection="INACTIVE")
    aws.admin.delete_user_pool(UserPoolId=pool["Id"])
    assert aws.refused(aws.admin.describe_user_pool, UserPoolId=pool["Id"])


def test_motos_operations_check_access_tokens_as_ours_do(aws: Aws, device: Any) -> None:
    change = {"PreviousPassword": seed.DEMO_PASSWORD, "ProposedPassword": "Other-Passw0rd!"}
    aws.idp.change_password(AccessToken=device["access_token"], **change)
    aws.idp.global_sign_out(AccessToken=device["access_token"])
    error = aws.refused(aws.idp.change_password, AccessToken=device["access_token"], **change)
    assert error == "NotAuthorizedException: Access Token has been revoked"
