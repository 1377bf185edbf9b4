"""POST /devices: track a device, its secret made by the client or by the service."""

import base64
from typing import Any

import pytest

from app.domain.device_secret import secret_verifier
from app.domain.devices import SecretVerifier
from tests.api.client import ApiClient
from tests.api.conftest import OTHER
from tests.api.tokens import SUB
from tests.calls import assert_problem

# Base64 with and without padding: AWS's own example of ConfirmDevice goes without.
VERIFIER = {"passwordVerifier": "cGFzc3dvcmQtdmVyaWZpZXI", "salt": "c2FsdHNhbHQ="}
GROUP_KEY = "-AbCd1234"
REMEMBERED = {"id": OTHER, "status": "remembered", "userConfirmationNecessary": False}
CHROME_ON_MACOS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)


def body(**changes: Any) -> dict[str, Any]:
    """A good body with a verifier; a member that is changed to `...` is left out."""
    members = {"deviceKey": OTHER, "name": "My laptop", "secretVerifier": VERIFIER} | changes
    return {name: value for name, value in members.items() if value is not ...}


def test_a_clients_verifier_is_forwarded_and_nothing_secret_comes_back(api: ApiClient) -> None:
    response = api.post("/devices", json=body())
    assert (response.status_code, response.content_type) == (201, "application/json")
    assert response.get_json() == REMEMBERED
    (call,) = api.cognito.calls
    assert call.arguments == {
        "device_key": OTHER,
        "name": "My laptop",
        "verifier": SecretVerifier(VERIFIER["passwordVerifier"], VERIFIER["salt"]),
    }


def test_on_an_opt_in_pool_the_user_is_still_to_be_asked(api: ApiClient) -> None:
    api.cognito.opt_in = True
    response = api.post("/devices", json=body())
    tracked = {"id": OTHER, "status": "tracked", "userConfirmationNecessary": True}
    assert (response.status_code, response.get_json()) == (201, tracked)
    assert response.headers["Location"] == f"/devices/{OTHER}"


def test_for_a_group_key_the_service_makes_the_secret_and_tells_it_once(api: ApiClient) -> None:
    response = api.post("/devices", json=body(secretVerifier=..., deviceGroupKey=GROUP_KEY))
    assert response.headers["Cache-Control"] == "no-store"
    tracked = response.get_json()
    password = tracked.pop("devicePassword")
    assert tracked == REMEMBERED
    assert len(base64.b64decode(password, validate=True)) == 40
    verifier = api.cognito.calls[0].arguments["verifier"]
    salt = base64.b64decode(verifier.salt)
    assert 13 <= len(salt) <= 17, "16 bytes, with few leading zeros"
    assert verifier == secret_verifier(GROUP_KEY, OTHER, password, salt)
    assert password not in (verifier.password_verifier, verifier.salt)
    for text in (verifier.password_verifier, verifier.salt):  # as Java's BigInteger reads it
        assert int.from_bytes(base64.b64decode(text), signed=True) > 0
    assert "devicePassword" not in api.get(f"/devices/{OTHER}").get_json()
    api.cognito.reset()
    again = api.post("/devices", json=body(secretVerifier=..., deviceGroupKey=GROUP_KEY)).get_json()
    assert again["devicePassword"] != password
    assert api.cognito.calls[0].arguments["verifier"].salt != verifier.salt


@pytest.mark.parametrize(
    ("agent", "name", "called"),
    [
        (CHROME_ON_MACOS, ..., "Chrome on macOS"),
        (CHROME_ON_MACOS, "Kitchen", "Kitchen"),
        ("?", ..., None),
        ("python-requests/2.32.3", ..., None),
    ],
)
def test_without_a_name_it_is_named_from_a_telling_user_agent(
    api: ApiClient, agent: str, name: Any, called: str | None
) -> None:
    api.post("/devices", json=body(name=name), headers={"User-Agent": agent})
    assert api.cognito.devices[SUB][OTHER].name == called


def test_an_optional_member_that_is_null_counts_as_left_out(api: ApiClient) -> None:
    """openapi-generator's clients for Dart send it so."""
    assert api.post("/devices", json=body(name=None, deviceGroupKey=None)).status_code == 201


def test_everything_that_is_missing_is_told_at_once(api: ApiClient) -> None:
    errors = api.post("/devices", json={}).get_json()["errors"]
    assert set(errors) == {"deviceKey", "secretVerifier", "deviceGroupKey"}
    assert errors["secretVerifier"] == errors["deviceGroupKey"]


FLAG_OF_SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    "name",
    ["x" * 1024, '👩‍💻 <b>&amp;"laptop"', " x ", "\u0645\u06cc\u200c\u062e", FLAG_OF_SCOTLAND],
)
def test_names_reach_cognito_as_they_were_sent(api: ApiClient, name: str) -> None:
    assert api.post("/devices", json=body(name=name)).status_code == 201
    assert api.cognito.devices[SUB][OTHER].name == name


EITHER = ["deviceGroupKey", "secretVerifier"]
PASSWORD_VERIFIER, SALT = "secretVerifier.passwordVerifier", "secretVerifier.salt"


def with_verifier(**changes: str) -> dict[str, Any]:
    return body(secretVerifier=VERIFIER | changes)


def with_group_key(value: str) -> dict[str, Any]:
    return body(secretVerifier=..., deviceGroupKey=value)


WRONG_BODIES: dict[str, tuple[Any, list[str]]] = {
    "deviceKey null": (body(deviceKey=None), ["deviceKey"]),
    "deviceKey no device key": (body(deviceKey="my-phone"), ["deviceKey"]),
    "deviceKey with a line feed": (body(deviceKey=f"{OTHER}\n"), ["deviceKey"]),
    "deviceKey too long": (body(deviceKey="eu-west-1_" + "a" * 46), ["deviceKey"]),
    "name empty": (body(name=""), ["name"]),
    "name blank": (body(name=" \u3000 "), ["name"]),
    "name unseen": (body(name="\u200b\u2060\u200d"), ["name"]),
    "name turned round": (body(name="\u202eenohPi"), ["name"]),
    "name too long": (body(name="x" * 1025), ["name"]),
    "name with a line feed": (body(name="a\nb"), ["name"]),
    "name with a bidi isolate": (body(name="a\u2066b\u2069"), ["name"]),
    "name of stray tags": (body(name="\U000e0067\U000e007f"), ["name"]),
    "no secret at all": (body(secretVerifier=...), EITHER),
    "both kinds of secret": (body(deviceGroupKey=GROUP_KEY), EITHER),
    "secretVerifier null": (body(secretVerifier=None), EITHER),
    "secretVerifier empty": (body(secretVerifier={}), [PASSWORD_VERIFIER, SALT]),
    "salt not base64": (with_verifier(salt="not base64!"), [SALT]),
    "salt with a line feed": (with_verifier(salt="c2FsdA==\n"), [SALT]),
    "passwordVerifier too long": (with_verifier(passwordVerifier="A" * 1028), [PASSWORD_VERIFIER]),
    "unknown member in secretVerifier": (with_verifier(x="AAAA"), ["secretVerifier.x"]),
    "deviceGroupKey empty": (with_group_key(""), ["deviceGroupKey"]),
    "deviceGroupKey with a slash": (with_group_key("a/b"), ["deviceGroupKey"]),
    "member in snake_case": (body(deviceKey=..., device_key=OTHER), ["deviceKey", "device_key"]),
    "a list": ([body()], ["body"]),
}


@pytest.mark.parametrize(("sent", "fields"), WRONG_BODIES.values(), ids=WRONG_BODIES)
def test_a_wrong_body_is_refused_by_field_and_not_forwarded(
    api: ApiClient, sent: Any, fields: list[str]
) -> None:
    response = api.post("/devices", json=sent)
    errors = response.get_json().get("errors")
    assert_problem(response, 422, "validation-failed")
    assert sorted(errors) == sorted(fields)
    assert api.cognito.calls == []


def test_a_refused_secret_is_not_repeated_in_the_problem(api: ApiClient) -> None:
    refused = api.post("/devices", json=with_verifier(salt="a secret, not base64"))
    assert refused.status_code == 422
    assert "a secret" not in refused.text
