"""What goes over the wire: headers, errors, validation, CORS, and what falls through to moto."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from local_cognito import parameters, seed
from local_cognito.process import RunningCognito

Post = Callable[..., requests.Response]


@pytest.fixture
def post(cognito: RunningCognito) -> Post:
    """One operation as a browser sends it, body as is."""

    def go(operation: str, body: Any, **headers: str) -> requests.Response:
        target = f"AWSCognitoIdentityProviderService.{operation}"
        return requests.post(
            cognito.url,
            data=body if isinstance(body, bytes) else json.dumps(body),
            headers={"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
            | headers,
            timeout=10,
        )

    return go


@pytest.fixture
def signed_in(cognito: RunningCognito) -> dict[str, str]:
    answer: dict[str, str] = cognito.control("POST", "/_local/sign-in")
    return answer


def test_an_error_is_told_as_aws_tells_it(post: Post) -> None:
    response = post("ListDevices", {"AccessToken": "x"})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-ErrorType"].split(":")[0] == "NotAuthorizedException"
    assert response.headers["x-amzn-RequestId"]
    assert response.json() == {
        "__type": "NotAuthorizedException",
        "message": "Invalid Access Token",
    }


def test_motos_errors_have_the_same_headers(post: Post) -> None:
    response = post("DescribeUserPool", {"UserPoolId": "us-east-1_Nobody"})
    assert response.status_code == 400
    assert response.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert response.headers["x-amzn-ErrorType"].split(":")[0] == "ResourceNotFoundException"
    assert response.headers["x-amzn-RequestId"]


def test_forget_device_answers_nothing(post: Post, signed_in: dict[str, str]) -> None:
    body = {"AccessToken": signed_in["access_token"], "DeviceKey": signed_in["device_key"]}
    response = post("ForgetDevice", body)
    assert (response.status_code, response.content) == (200, b"")


def test_global_sign_out_answers_an_empty_object(post: Post, signed_in: dict[str, str]) -> None:
    response = post("GlobalSignOut", {"AccessToken": signed_in["access_token"]})
    assert (response.status_code, response.content) == (200, b"{}")


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        (
            "ListDevices",
            {"AccessToken": "x", "Limit": 61},
            "1 validation error detected: Value '61' at 'limit' failed to satisfy constraint: "
            "Member must have value less than or equal to 60",
        ),
        (
            "ListDevices",
            {"AccessToken": "no spaces"},
            "1 validation error detected: Value at 'accessToken' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [A-Za-z0-9-_=.]+",
        ),
        (
            "ListDevices",
            {},
            "1 validation error detected: Value null at 'accessToken' failed to satisfy "
            "constraint: Member must not be null",
        ),
        (
            "GetDevice",
            {"AccessToken": "x", "DeviceKey": "nokey"},
            "1 validation error detected: Value 'nokey' at 'deviceKey' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: [\\w-]+_[0-9a-f-]+",
        ),
        (
            "UpdateDeviceStatus",
            {"AccessToken": "x", "DeviceKey": "a_0", "DeviceDeviceStatus": "perhaps"},
            "1 validation error detected: Value 'perhaps' at 'deviceDeviceStatus' failed to "
            "satisfy constraint: Member must satisfy enum value set: [remembered, not_remembered]",
        ),
        ("GetDevice", {"DeviceKey": "a_0"}, "Missing required parameter AccessToken"),
    ],
)
def test_a_parameter_that_breaks_the_model_is_refused(
    post: Post, operation: str, body: dict[str, Any], message: str
) -> None:
    answer = post(operation, body).json()
    assert answer == {"__type": "InvalidParameterException", "message": message}


def test_two_broken_parameters_are_told_together(post: Post) -> None:
    message = post("ConfirmDevice", {"AccessToken": "a b", "DeviceKey": "x"}).json()["message"]
    assert message.startswith("2 validation errors detected: ")


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", {"AccessToken": 7}])
def test_what_is_not_the_right_json_is_a_serialization_error(post: Post, body: Any) -> None:
    response = post("ListDevices", body)
    assert response.status_code == 400
    assert response.json()["__type"] == "SerializationException"


def test_every_pattern_of_the_model_can_be_matched() -> None:
    model = parameters.service_model()
    shapes = [model.shape_for(name) for name in model.shape_names]
    patterns = [shape.metadata["pattern"] for shape in shapes if "pattern" in shape.metadata]
    assert patterns
    for pattern in patterns:
        parameters.compiled(pattern)


def test_a_null_is_as_good_as_absent(post: Post, signed_in: dict[str, str]) -> None:
    body = {"AccessToken": signed_in["access_token"], "Limit": None, "PaginationToken": None}
    assert post("ListDevices", body).status_code == 200


@pytest.mark.parametrize("operation", ["NoSuchOperation", "", "StartWebAuthnRegistration"])
def test_an_operation_that_nobody_has_is_unknown(post: Post, operation: str) -> None:
    response = post(operation, {"AccessToken": "x"} if operation.startswith("Start") else {})
    assert response.status_code == 400
    assert response.json()["__type"] in ("UnknownOperationException", "NotAuthorizedException")


def test_a_browser_may_call_from_any_origin(cognito: RunningCognito) -> None:
    asked = "x-amz-target,content-type,x-amz-user-agent,cache-control"
    response = requests.options(
        cognito.url,
        headers={
            "Origin": "http://127.0.0.1:8000",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
        timeout=10,
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers["Access-Control-Allow-Headers"] == asked
    assert "POST" in response.headers["Access-Control-Allow-Methods"]


@pytest.mark.parametrize("path", ["/", "/_local/calls", f"/{seed.POOL_ID}/.well-known/jwks.json"])
def test_every_answer_is_for_any_origin(cognito: RunningCognito, path: str) -> None:
    response = requests.get(cognito.url + path, timeout=10)
    assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_the_last_address_is_the_sockets_and_not_a_headers_word(
    post: Post, idp: Any, signed_in: dict[str, str]
) -> None:
    body = {
        "ClientId": seed.CLIENT_ID,
        "RefreshToken": signed_in["refresh_token"],
        "DeviceKey": signed_in["device_key"],
    }
    post("GetTokensFromRefreshToken", body, **{"X-Forwarded-For": "203.0.113.9"})
    device = idp.get_device(
        AccessToken=signed_in["access_token"], DeviceKey=signed_in["device_key"]
    )["Device"]
    assert {"Name": "last_ip_used", "Value": "127.0.0.1"} in device["DeviceAttributes"]


def test_a_body_of_megabytes_is_refused(post: Post) -> None:
    assert post("ListDevices", {"AccessToken": "x" * 2_000_000}).status_code == 413


def test_a_pool_made_through_moto_tracks_devices(idp: Any, sign_in: Callable[..., Any]) -> None:
    pool_id = idp.create_user_pool(
        PoolName="made", DeviceConfiguration={"ChallengeRequiredOnNewDevice": True}
    )["UserPool"]["Id"]
    client_id = idp.create_user_pool_client(UserPoolId=pool_id, ClientName="web")["UserPoolClient"][
        "ClientId"
    ]
    idp.sign_up(ClientId=client_id, Username="newcomer", Password="Newcomer-1")
    idp.admin_confirm_sign_up(UserPoolId=pool_id, Username="newcomer")
    signed_in = sign_in(pool_id, client_id, "newcomer", "Newcomer-1")
    assert signed_in.device_key


def test_a_client_with_a_secret_needs_its_hash(
    idp: Any, sign_in: Callable[..., Any], refused: Callable[..., str]
) -> None:
    client = idp.create_user_pool_client(
        UserPoolId=seed.POOL_ID, ClientName="confidential", GenerateSecret=True
    )["UserPoolClient"]
    demo2 = (client["ClientId"], seed.DEMO2_USERNAME, seed.DEMO2_PASSWORD)
    error = refused(sign_in, seed.POOL_ID, *demo2)
    assert error.startswith("NotAuthorizedException: Client")
    signed_in = sign_in(seed.POOL_ID, *demo2, client_secret=client["ClientSecret"])
    assert signed_in.access_token
