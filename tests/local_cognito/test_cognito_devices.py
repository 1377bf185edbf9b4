"""Device operations, the user's and the administrator's, on pools of all three kinds."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito

OPT_IN = {"pool": seed.OPT_IN_POOL_ID}
DEVICE_GONE = "ResourceNotFoundException: Device does not exist."
UNKNOWN_KEY = "us-east-1_00000000-0000-0000-0000-000000000000"
DEMO2 = {"username": seed.DEMO2_USERNAME, "password": seed.DEMO2_PASSWORD}
SignedIn = dict[str, Any]


@pytest.fixture
def on_device(cognito: RunningCognito) -> Callable[..., SignedIn]:
    """A sign-in from a new device, by the control endpoint."""

    def go(**body: Any) -> SignedIn:
        signed_in: SignedIn = cognito.control("POST", "/_local/sign-in", **body)
        return signed_in

    return go


def of(signed_in: SignedIn) -> dict[str, str]:
    """The parameters that name the device that signed in."""
    return {"AccessToken": signed_in["access_token"], "DeviceKey": signed_in["device_key"]}


def attributes(device: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in device["DeviceAttributes"]}


def seconds(device: dict[str, Any]) -> tuple[float, float, float]:
    created, modified, authenticated = (
        device[f"Device{name}Date"].timestamp()
        for name in ("Create", "LastModified", "LastAuthenticated")
    )
    return created, modified, authenticated


def test_a_confirmed_device_is_remembered_at_once_on_an_always_pool(
    idp: Any, sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    signed_in = sign_in(**DEMO2)
    _, necessary = confirm(signed_in, name="Work phone")
    assert not necessary
    device = idp.get_device(AccessToken=signed_in.access_token, DeviceKey=signed_in.device_key)
    assert attributes(device["Device"]) == {
        "device_status": "valid",
        "device_name": "Work phone",
        "dev:device_arn": (
            "arn:aws:cognito-idp:us-east-1:123456789012:owner/us-east-1_Always001.demo2"
            f"/device/{signed_in.device_key}"
        ),
        "dev:device_owner": "us-east-1_Always001.demo2",
        "last_ip_used": "127.0.0.1",
        "dev:device_remembered_status": "remembered",
        "dev:device_sdk": "aws-sdk",
    }


def test_a_device_is_confirmed_once(
    sign_in: Callable[..., Any], confirm: Callable[..., Any], refused: Callable[..., str]
) -> None:
    signed_in = sign_in(**DEMO2)
    confirm(signed_in)
    assert refused(confirm, signed_in).startswith("DeviceKeyExistsException")


def test_only_the_sign_in_that_was_offered_a_device_confirms_it(
    sign_in: Callable[..., Any], confirm: Callable[..., Any], refused: Callable[..., str]
) -> None:
    first, second = sign_in(**DEMO2), sign_in(**DEMO2)
    first.result["NewDeviceMetadata"] = second.result["NewDeviceMetadata"]
    assert refused(confirm, first) == "InvalidParameterException: Invalid device key given."


def test_a_forgotten_device_is_not_confirmed_again(
    idp: Any,
    sign_in: Callable[..., Any],
    confirm: Callable[..., Any],
    refused: Callable[..., str],
) -> None:
    signed_in = sign_in(**DEMO2)
    confirm(signed_in)
    idp.forget_device(AccessToken=signed_in.access_token, DeviceKey=signed_in.device_key)
    assert refused(confirm, signed_in) == "InvalidParameterException: Invalid device key given."


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"Salt": "AQ=="},
        {"Salt": "not base64!", "PasswordVerifier": "Ag=="},
        {"Salt": "AQ==", "PasswordVerifier": "not base64!"},
        {"Salt": "AQ==", "PasswordVerifier": base64.b64encode(b"\xff" * 400).decode()},
        {"Salt": "AQ==", "PasswordVerifier": "AA=="},
        {"Salt": base64.b64encode(b"x" * 65).decode(), "PasswordVerifier": "Ag=="},
    ],
)
def test_a_bad_secret_verifier_is_refused(
    idp: Any, sign_in: Callable[..., Any], refused: Callable[..., str], config: dict[str, str]
) -> None:
    signed_in = sign_in(**DEMO2)
    error = refused(
        idp.confirm_device,
        AccessToken=signed_in.access_token,
        DeviceKey=signed_in.device_key,
        DeviceSecretVerifierConfig=config,
    )
    assert error.startswith("InvalidParameterException")


def test_lists_hold_remembered_devices_only(idp: Any, on_device: Callable[..., SignedIn]) -> None:
    mine = on_device(**OPT_IN)
    on_device(**OPT_IN, remember=False)
    listed = idp.list_devices(AccessToken=mine["access_token"])["Devices"]
    assert [device["DeviceKey"] for device in listed] == [mine["device_key"]]


def test_lists_hold_ones_own_devices_only(idp: Any, on_device: Callable[..., SignedIn]) -> None:
    mine, _ = on_device(), on_device(username="demo2")
    listed = idp.list_devices(AccessToken=mine["access_token"])["Devices"]
    assert [device["DeviceKey"] for device in listed] == [mine["device_key"]]


def test_a_device_that_is_not_remembered_is_not_got(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str]
) -> None:
    tracked = on_device(**OPT_IN, remember=False)
    assert refused(idp.get_device, **of(tracked)) == DEVICE_GONE


def test_a_device_is_remembered_and_not_as_often_as_the_user_likes(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str]
) -> None:
    device = of(on_device(**OPT_IN, remember=False))
    for _ in range(2):
        idp.update_device_status(**device, DeviceDeviceStatus="remembered")
        shown = idp.get_device(**device)["Device"]
        assert attributes(shown)["dev:device_remembered_status"] == "remembered"
        idp.update_device_status(**device, DeviceDeviceStatus="not_remembered")
        assert refused(idp.get_device, **device) == DEVICE_GONE


@pytest.mark.parametrize("operation", ["get_device", "update_device_status", "forget_device"])
def test_an_unknown_device_does_not_exist(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str], operation: str
) -> None:
    params = {"AccessToken": on_device()["access_token"], "DeviceKey": UNKNOWN_KEY}
    if operation == "update_device_status":
        params["DeviceDeviceStatus"] = "remembered"
    assert refused(getattr(idp, operation), **params) == DEVICE_GONE


def test_another_users_device_does_not_exist(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str]
) -> None:
    mine, theirs = on_device(), on_device(username="demo2")
    params = of(mine) | {"DeviceKey": theirs["device_key"]}
    assert refused(idp.forget_device, **params) == DEVICE_GONE
    assert idp.get_device(**of(theirs))["Device"]["DeviceKey"] == theirs["device_key"]


def test_a_device_is_forgotten_once(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str]
) -> None:
    device = of(on_device())
    idp.forget_device(**device)
    assert refused(idp.forget_device, **device) == DEVICE_GONE


def test_a_forgotten_devices_access_token_goes_on_working(
    idp: Any, on_device: Callable[..., SignedIn]
) -> None:
    device = of(on_device())
    idp.forget_device(**device)
    assert idp.list_devices(AccessToken=device["AccessToken"])["Devices"] == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60])
def test_pages_hold_every_device_once_in_order(
    cognito: RunningCognito, idp: Any, limit: int
) -> None:
    sign_ins = cognito.control("POST", "/_local/sign-in", count=7)["sign_ins"]
    token, seen, pages = sign_ins[0]["access_token"], [], 0
    page: dict[str, Any] = {"PaginationToken": None}
    while "PaginationToken" in page:
        following = {k: v for k, v in page.items() if k == "PaginationToken" and v}
        page = idp.list_devices(AccessToken=token, Limit=limit, **following)
        seen += [device["DeviceKey"] for device in page["Devices"]]
        pages += 1
    assert seen == [one["device_key"] for one in sign_ins]
    assert pages == -(-7 // limit)


def test_a_page_token_outlives_the_device_it_ends_on(cognito: RunningCognito, idp: Any) -> None:
    first, second, third = cognito.control("POST", "/_local/sign-in", count=3)["sign_ins"]
    page = idp.list_devices(AccessToken=first["access_token"], Limit=2)
    idp.forget_device(**of(second))
    rest = idp.list_devices(
        AccessToken=first["access_token"], PaginationToken=page["PaginationToken"]
    )
    assert [device["DeviceKey"] for device in rest["Devices"]] == [third["device_key"]]


def test_a_page_token_is_good_for_its_user_only(
    cognito: RunningCognito,
    idp: Any,
    on_device: Callable[..., SignedIn],
    refused: Callable[..., str],
) -> None:
    mine = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"][0]["access_token"]
    token = idp.list_devices(AccessToken=mine, Limit=1)["PaginationToken"]
    theirs = on_device(username="demo2")["access_token"]
    error = refused(idp.list_devices, AccessToken=theirs, PaginationToken=token)
    assert error == "InvalidParameterException: Invalid pagination token."


@pytest.mark.parametrize("token", ["x", "AAAA", "not-a-token!", "A" * 400, "é"])
def test_a_made_up_page_token_is_refused(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str], token: str
) -> None:
    access_token = on_device()["access_token"]
    error = refused(idp.list_devices, AccessToken=access_token, PaginationToken=token)
    assert error == "InvalidParameterException: Invalid pagination token."


def test_a_page_token_does_not_outlive_a_reset(
    cognito: RunningCognito,
    idp: Any,
    on_device: Callable[..., SignedIn],
    refused: Callable[..., str],
) -> None:
    mine = cognito.control("POST", "/_local/sign-in", count=2)["sign_ins"][0]["access_token"]
    token = idp.list_devices(AccessToken=mine, Limit=1)["PaginationToken"]
    cognito.control("POST", "/_local/reset")
    mine = on_device()["access_token"]
    error = refused(idp.list_devices, AccessToken=mine, PaginationToken=token)
    assert error.startswith("InvalidParameterException")


def test_a_change_of_status_is_a_modification_and_no_authentication(
    idp: Any, on_device: Callable[..., SignedIn]
) -> None:
    device = of(on_device())
    created, _, authenticated = seconds(idp.get_device(**device)["Device"])
    time.sleep(0.01)
    idp.update_device_status(**device, DeviceDeviceStatus="remembered")
    after = seconds(idp.get_device(**device)["Device"])
    assert after[0] == created
    assert after[1] > created
    assert after[2] == authenticated


def test_a_device_sign_in_is_an_authentication_and_no_modification(
    idp: Any, sign_in: Callable[..., Any], confirm: Callable[..., Any]
) -> None:
    signed_in = sign_in(**DEMO2)
    device, _ = confirm(signed_in)
    params = {"AccessToken": signed_in.access_token, "DeviceKey": signed_in.device_key}
    created, modified, authenticated = seconds(idp.get_device(**params)["Device"])
    sign_in(**DEMO2, **device)
    after = seconds(idp.get_device(**params)["Device"])
    assert after[:2] == (created, modified)
    assert after[2] > authenticated


def test_a_refresh_is_an_authentication(idp: Any, on_device: Callable[..., SignedIn]) -> None:
    signed_in = on_device()
    before = seconds(idp.get_device(**of(signed_in))["Device"])
    time.sleep(0.01)
    idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in["refresh_token"],
        ClientId=seed.CLIENT_ID,
        DeviceKey=signed_in["device_key"],
    )
    after = seconds(idp.get_device(**of(signed_in))["Device"])
    assert after[2] > before[2]


@pytest.mark.parametrize("operation", ["get_device", "list_devices", "forget_device"])
def test_a_pool_without_device_tracking_has_no_device_operations(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str], operation: str
) -> None:
    token = on_device(pool=seed.NO_DEVICES_POOL_ID)["access_token"]
    device = {} if operation == "list_devices" else {"DeviceKey": UNKNOWN_KEY}
    error = refused(getattr(idp, operation), AccessToken=token, **device)
    assert error.startswith("InvalidUserPoolConfigurationException")


def test_an_administrator_lists_gets_changes_and_forgets(
    idp: Any, on_device: Callable[..., SignedIn], refused: Callable[..., str]
) -> None:
    key = on_device()["device_key"]
    owner = {"UserPoolId": seed.POOL_ID, "Username": seed.DEMO_USERNAME}
    assert [one["DeviceKey"] for one in idp.admin_list_devices(**owner)["Devices"]] == [key]
    assert idp.admin_get_device(**owner, DeviceKey=key)["Device"]["DeviceKey"] == key
    idp.admin_update_device_status(**owner, DeviceKey=key, DeviceDeviceStatus="not_remembered")
    assert idp.admin_list_devices(**owner)["Devices"] == []
    idp.admin_forget_device(**owner, DeviceKey=key)
    assert refused(idp.admin_forget_device, **owner, DeviceKey=key) == DEVICE_GONE
