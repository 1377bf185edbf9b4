"""GET, PATCH and DELETE of one device, by its id or as `current`; POST /devices/sign-out."""

from typing import Any

import pytest

from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, THIRD, Token
from tests.api.tokens import SUB
from tests.calls import assert_problem


def test_get_answers_the_device_as_the_list_does(api: ApiClient, three_devices: list[str]) -> None:
    for item in api.get("/devices").get_json()["items"]:
        response = api.get(f"/devices/{item['id']}")
        assert (response.status_code, response.get_json()) == (200, item)
        if item["current"]:
            assert api.get("/devices/current").get_json() == item


@pytest.mark.parametrize(
    ("device", "key", "status"),
    [
        ("current", CURRENT, "remembered"),
        (CURRENT, CURRENT, "remembered"),
        ("current", CURRENT, "not_remembered"),
        (OTHER, OTHER, "not_remembered"),
    ],
)
def test_patch_answers_the_new_status(
    api: ApiClient, three_devices: list[str], device: str, key: str, status: str
) -> None:
    response = api.patch(f"/devices/{device}", json={"status": status})
    assert response.status_code == 200
    assert response.get_json() == {"id": key, "status": status, "current": key == CURRENT}
    assert api.cognito.devices[SUB][key].status == status


@pytest.mark.parametrize(
    ("device", "left"), [(OTHER, {CURRENT, THIRD}), ("current", {OTHER, THIRD})]
)
def test_delete_forgets_the_device_alone(
    api: ApiClient, three_devices: list[str], device: str, left: set[str]
) -> None:
    response = api.delete(f"/devices/{device}")
    assert (response.status_code, response.data) == (204, b"")
    assert set(api.cognito.devices[SUB]) == left


def call(api: ApiClient, method: str, address: str) -> Any:
    body = {"json": {"status": "remembered"}} if method == "PATCH" else {}
    return api.open(address, method=method, **body)


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_there_is_no_current_device_when_the_token_names_none(
    api: ApiClient, token: Token, method: str
) -> None:
    federated = call(api.with_token(token(device_key=...)), method, "/devices/current")
    problem = assert_problem(federated, 404, "no-current-device")
    assert "listSessions" in problem["detail"]
    assert api.cognito.calls == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "address",
    [
        "/devices/phone",
        "/devices/Current",
        "/devices/eu-west-1_abc%0A",
        "/devices/%FF_a",
        "/devices/eu-west-1_" + "a" * 46,
    ],
    ids=lambda value: value[:32],
)
def test_an_id_that_cannot_be_a_device_key_is_not_found_and_not_forwarded(
    api: ApiClient, method: str, address: str
) -> None:
    assert_problem(call(api, method, address), 404, "device-not-found")
    assert api.cognito.calls == []


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_another_users_device_is_not_found(api: ApiClient, method: str) -> None:
    api.cognito.add(CURRENT, sub="somebody-else")
    for address in (f"/devices/{CURRENT}", "/devices/current"):  # which the token names, perhaps
        assert_problem(call(api, method, address), 404, "device-not-found")
    assert CURRENT in api.cognito.devices["somebody-else"]


def test_sign_out_revokes_the_users_tokens(api: ApiClient) -> None:
    response = api.post("/devices/sign-out")
    assert (response.status_code, response.data) == (204, b"")
    assert api.cognito.operations() == ["global_sign_out"]
