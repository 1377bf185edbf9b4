"""Device operations, the user's and the administrator's, on pools of all three kinds."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from local_cognito import seed
from tests.local_cognito.clients import DEMO2, DEMO_USER, DEVICE_GONE, INVALID_KEY, Aws, of

OPT_IN = {"pool": seed.OPT_IN_POOL_ID}
UNKNOWN_KEY = "us-east-1_00000000-0000-0000-0000-000000000000"
SignedIn = dict[str, Any]


def attributes(device: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in device["DeviceAttributes"]}


def dates(device: dict[str, Any]) -> tuple[float, float, float]:
    created, modified, authenticated = (
        device[f"Device{name}Date"].timestamp()
        for name in ("Create", "LastModified", "LastAuthenticated")
    )
    return created, modified, authenticated


def wait_for_the_next_second() -> None:
    time.sleep(1 - time.time() % 1)


# What is told of a device


def test_a_user_is_told_status_name_and_address_and_nothing_else(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    _, necessary = aws.confirm(signed_in, name="Work phone")
    assert not necessary
    told = {
        "device_status": "valid",
        "device_name": "Work phone",
        "last_ip_used": "127.0.0.1",
    }
    alone = aws.idp.get_device(AccessToken=signed_in.access_token, DeviceKey=signed_in.device_key)
    listed = aws.idp.list_devices(AccessToken=signed_in.access_token)["Devices"]
    assert [attributes(device) for device in (alone["Device"], *listed)] == [told, told]


def test_an_administrator_is_told_owner_status_and_arn_too(aws: Aws) -> None:
    key = aws.on_device(device_name="Work phone")["device_key"]
    alone = aws.admin.admin_get_device(**DEMO_USER, DeviceKey=key)["Device"]
    assert attributes(alone) == {
        "device_status": "valid",
        "device_name": "Work phone",
        "dev:device_arn": (
            f"arn:aws:cognito-idp:us-east-1:123456789012:owner/demo.{seed.POOL_ID}/device/{key}"
        ),
        "dev:device_owner": f"demo.{seed.POOL_ID}",
        "last_ip_used": "127.0.0.1",
        "dev:device_remembered_status": "remembered",
        "dev:device_sdk": "aws-sdk",
    }


def test_the_date_of_the_last_sign_in_is_in_whole_seconds(aws: Aws) -> None:
    device = aws.idp.get_device(**of(aws.on_device()))["Device"]
    assert dates(device)[2].is_integer()


def test_a_change_of_status_is_a_modification_and_no_authentication(aws: Aws) -> None:
    device = of(aws.on_device())
    created, modified, authenticated = dates(aws.idp.get_device(**device)["Device"])
    wait_for_the_next_second()
    aws.idp.update_device_status(**device, DeviceRememberedStatus="remembered")
    after = dates(aws.idp.get_device(**device)["Device"])
    assert (after[0], after[1] > modified, after[2]) == (created, True, authenticated)


def test_a_device_sign_in_is_an_authentication_and_no_modification(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    device, _ = aws.confirm(signed_in)
    params = {"AccessToken": signed_in.access_token, "DeviceKey": signed_in.device_key}
    created, modified, authenticated = dates(aws.idp.get_device(**params)["Device"])
    wait_for_the_next_second()
    aws.sign_in(**DEMO2, **device)
    after = dates(aws.idp.get_device(**params)["Device"])
    assert (after[0], after[1], after[2] > authenticated) == (created, modified, True)


def test_a_refresh_is_an_authentication(aws: Aws) -> None:
    signed_in = aws.on_device()
    before = dates(aws.idp.get_device(**of(signed_in))["Device"])
    wait_for_the_next_second()
    aws.idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in["refresh_token"],
        ClientId=seed.CLIENT_ID,
        DeviceKey=signed_in["device_key"],
    )
    assert dates(aws.idp.get_device(**of(signed_in))["Device"])[2] > before[2]


# ConfirmDevice


def test_a_device_is_confirmed_once(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    aws.confirm(signed_in)
    assert aws.refused(aws.confirm, signed_in).startswith("DeviceKeyExistsException")


def test_only_the_sign_in_that_was_offered_a_device_confirms_it(aws: Aws) -> None:
    first, second = aws.sign_in(**DEMO2), aws.sign_in(**DEMO2)
    first.result["NewDeviceMetadata"] = second.result["NewDeviceMetadata"]
    assert aws.refused(aws.confirm, first) == INVALID_KEY


def test_a_forgotten_device_is_not_confirmed_again(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    aws.confirm(signed_in)
    aws.idp.forget_device(AccessToken=signed_in.access_token, DeviceKey=signed_in.device_key)
    assert aws.refused(aws.confirm, signed_in) == INVALID_KEY


@pytest.mark.parametrize(
    ("salt", "verifier"),
    [
        (None, None),
        ("AQ==", None),
        ("not base64!", "Ag=="),
        ("AQ==", "not base64!"),
        ("AQ==", base64.b64encode(b"\xff" * 400).decode()),
        ("AQ==", "AA=="),
        (base64.b64encode(b"x" * 65).decode(), "Ag=="),
    ],
)
def test_a_bad_secret_verifier_is_refused(aws: Aws, salt: str | None, verifier: str | None) -> None:
    config = {"Salt": salt, "PasswordVerifier": verifier}
    error = aws.refused(
        aws.idp.confirm_device,
        **of(aws.on_device(track=False)),
        DeviceSecretVerifierConfig={name: value for name, value in config.items() if value},
    )
    assert error.startswith("InvalidParameterException")


def test_base64_needs_no_padding(aws: Aws) -> None:
    answer = aws.idp.confirm_device(
        **of(aws.on_device(track=False)),
        DeviceSecretVerifierConfig={"Salt": "AQ", "PasswordVerifier": "Ag"},
    )
    assert answer["UserConfirmationNecessary"] is False


# Which devices are there


def test_a_user_sees_remembered_devices_only(aws: Aws) -> None:
    mine, tracked = aws.on_device(**OPT_IN), aws.on_device(**OPT_IN, remember=False)
    assert aws.devices(mine["access_token"]) == [mine["device_key"]]
    assert aws.refused(aws.idp.get_device, **of(tracked)) == DEVICE_GONE


def test_an_administrator_sees_tracked_devices_that_are_not_remembered(aws: Aws) -> None:
    key = aws.on_device(remember=False)["device_key"]
    alone = aws.admin.admin_get_device(**DEMO_USER, DeviceKey=key)["Device"]
    (listed,) = aws.admin.admin_list_devices(**DEMO_USER)["Devices"]
    statuses = [attributes(one)["dev:device_remembered_status"] for one in (alone, listed)]
    assert statuses == ["not_remembered", "not_remembered"]


def test_a_user_sees_and_forgets_no_device_of_another(aws: Aws) -> None:
    mine, theirs = aws.on_device(), aws.on_device(username="demo2")
    assert aws.devices(mine["access_token"]) == [mine["device_key"]]
    params = of(mine) | {"DeviceKey": theirs["device_key"]}
    assert aws.refused(aws.idp.forget_device, **params) == DEVICE_GONE
    assert aws.idp.get_device(**of(theirs))["Device"]["DeviceKey"] == theirs["device_key"]


def test_a_device_is_remembered_and_not_as_often_as_the_user_likes(aws: Aws) -> None:
    device = of(aws.on_device(**OPT_IN, remember=False))
    for _ in range(2):
        aws.idp.update_device_status(**device, DeviceRememberedStatus="remembered")
        assert aws.idp.get_device(**device)["Device"]["DeviceKey"] == device["DeviceKey"]
        aws.idp.update_device_status(**device, DeviceRememberedStatus="not_remembered")
        assert aws.refused(aws.idp.get_device, **device) == DEVICE_GONE


@pytest.mark.parametrize("operation", ["get_device", "update_device_status", "forget_device"])
def test_an_unknown_device_does_not_exist(aws: Aws, operation: str) -> None:
    params = {"AccessToken": aws.on_device()["access_token"], "DeviceKey": UNKNOWN_KEY}
    if operation == "update_device_status":
        params["DeviceRememberedStatus"] = "remembered"
    assert aws.refused(getattr(aws.idp, operation), **params) == DEVICE_GONE


def test_a_device_is_forgotten_once_and_its_access_token_goes_on_working(aws: Aws) -> None:
    device = of(aws.on_device())
    aws.idp.forget_device(**device)
    assert aws.refused(aws.idp.forget_device, **device) == DEVICE_GONE
    assert aws.idp.list_devices(AccessToken=device["AccessToken"])["Devices"] == []


def test_an_administrator_changes_and_forgets(aws: Aws) -> None:
    key = aws.on_device()["device_key"]
    aws.admin.admin_update_device_status(
        **DEMO_USER, DeviceKey=key, DeviceRememberedStatus="not_remembered"
    )
    (listed,) = aws.admin.admin_list_devices(**DEMO_USER)["Devices"]
    assert attributes(listed)["dev:device_remembered_status"] == "not_remembered"
    aws.admin.admin_forget_device(**DEMO_USER, DeviceKey=key)
    assert aws.refused(aws.admin.admin_forget_device, **DEMO_USER, DeviceKey=key) == DEVICE_GONE


@pytest.mark.parametrize("operation", ["get_device", "list_devices", "forget_device"])
def test_an_administrator_names_a_user_who_exists(aws: Aws, operation: str) -> None:
    user = {"UserPoolId": seed.POOL_ID, "Username": "nobody"}
    device = {} if operation == "list_devices" else {"DeviceKey": UNKNOWN_KEY}
    error = aws.refused(getattr(aws.admin, f"admin_{operation}"), **user, **device)
    assert error.endswith(": User does not exist.")


@pytest.mark.parametrize("operation", ["get_device", "list_devices", "forget_device"])
def test_a_pool_without_device_tracking_has_no_device_operations(aws: Aws, operation: str) -> None:
    token = aws.on_device(pool=seed.NO_DEVICES_POOL_ID)["access_token"]
    device = {} if operation == "list_devices" else {"DeviceKey": UNKNOWN_KEY}
    error = aws.refused(getattr(aws.idp, operation), AccessToken=token, **device)
    assert error.startswith("InvalidUserPoolConfigurationException")


# Pages


@pytest.mark.parametrize("limit", [1, 3, 7, 60])
def test_pages_hold_every_device_once_in_order(aws: Aws, limit: int) -> None:
    sign_ins = aws.on_device(count=7)["sign_ins"]
    token, seen, pages = sign_ins[0]["access_token"], [], 0
    page: dict[str, Any] = {"PaginationToken": None}
    while "PaginationToken" in page:
        following = {k: v for k, v in page.items() if k == "PaginationToken" and v}
        page = aws.idp.list_devices(AccessToken=token, Limit=limit, **following)
        seen += [device["DeviceKey"] for device in page["Devices"]]
        pages += 1
    assert seen == [one["device_key"] for one in sign_ins]
    assert pages == -(-7 // limit)


def test_a_page_token_outlives_the_device_it_ends_on(aws: Aws) -> None:
    first, second, third = aws.on_device(count=3)["sign_ins"]
    page = aws.idp.list_devices(AccessToken=first["access_token"], Limit=2)
    aws.idp.forget_device(**of(second))
    rest = aws.idp.list_devices(
        AccessToken=first["access_token"], PaginationToken=page["PaginationToken"]
    )
    assert [device["DeviceKey"] for device in rest["Devices"]] == [third["device_key"]]


@pytest.mark.parametrize("whose", ["another user's", "before a reset", "made up", "é"])
def test_a_page_token_that_is_not_the_users_own_is_refused(aws: Aws, whose: str) -> None:
    mine = aws.on_device(count=2)["sign_ins"][0]["access_token"]
    token = aws.idp.list_devices(AccessToken=mine, Limit=1)["PaginationToken"]
    if whose == "another user's":
        mine = aws.on_device(username="demo2")["access_token"]
    elif whose == "before a reset":
        aws.control("POST", "/_local/reset")
        mine = aws.on_device()["access_token"]
    else:
        token = whose
    error = aws.refused(aws.idp.list_devices, AccessToken=mine, PaginationToken=token)
    assert error.startswith("InvalidParameterException")
