"""Device operations, the user's and the administrator's, on pools of all three kinds."""

from __future__ import annotations

import base64
import time
from typing import Any

import pytest

from local_cognito import seed
from tests.local_cognito.clients import DEMO2, DEMO_USER, DEVICE_GONE, INVALID_KEY, Aws, of

SignedIn = dict[str, Any]


def attributes(device: dict[str, Any]) -> dict[str, str]:
    return {one["Name"]: one["Value"] for one in device["DeviceAttributes"]}


# What is told of a device


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


def test_sign_ins_and_refreshes_are_authentications_and_changes_are_modifications(
    aws: Aws,
) -> None:
    """The date of the last authentication is in whole seconds, so that a step takes one."""
    signed_in = aws.sign_in(**DEMO2)
    device, _ = aws.confirm(signed_in)
    params = {"AccessToken": signed_in.access_token, "DeviceKey": signed_in.device_key}

    def dates() -> tuple[float, float, float]:
        shown = aws.idp.get_device(**params)["Device"]
        names = ("Create", "LastModified", "LastAuthenticated")
        created, modified, authenticated = (shown[f"Device{n}Date"].timestamp() for n in names)
        assert authenticated.is_integer()
        return created, modified, authenticated

    before = dates()
    time.sleep(1 - time.time() % 1)
    aws.idp.update_device_status(**params, DeviceRememberedStatus="remembered")
    changed = dates()
    assert (changed[0], changed[1] > before[1], changed[2]) == (before[0], True, before[2])
    aws.sign_in(**DEMO2, **device)
    authenticated = dates()
    assert authenticated[:2] == changed[:2]
    assert authenticated[2] > changed[2]
    time.sleep(1 - time.time() % 1)
    aws.idp.get_tokens_from_refresh_token(
        RefreshToken=signed_in.result["RefreshToken"],
        ClientId=seed.CLIENT_ID,
        DeviceKey=signed_in.device_key,
    )
    assert dates()[2] > authenticated[2]


# ConfirmDevice


@pytest.mark.parametrize(
    ("salt", "verifier"),
    [
        ("AQ==", None),
        ("not base64!", "Ag=="),
        ("AQ==", base64.b64encode(b"\xff" * 400).decode()),
        ("AQ==", "AA=="),
        (base64.b64encode(b"x" * 65).decode(), "Ag=="),
    ],
)
def test_a_bad_secret_verifier_is_refused_and_padding_may_be_absent(
    aws: Aws, salt: str | None, verifier: str | None
) -> None:
    config = {"Salt": salt, "PasswordVerifier": verifier}
    given = {name: value for name, value in config.items() if value}
    device = of(aws.on_device(track=False))
    error = aws.refused(aws.idp.confirm_device, **device, DeviceSecretVerifierConfig=given)
    assert error.startswith("InvalidParameterException")
    unpadded = {"Salt": "AQ", "PasswordVerifier": "Ag"}
    answer = aws.idp.confirm_device(**device, DeviceSecretVerifierConfig=unpadded)
    assert answer["UserConfirmationNecessary"] is False


# Which devices are there


def test_an_administrator_sees_changes_and_forgets_what_is_not_remembered_too(aws: Aws) -> None:
    key = aws.on_device(remember=False)["device_key"]
    one = {**DEMO_USER, "DeviceKey": key}

    def statuses() -> set[str]:
        alone = aws.admin.admin_get_device(**one)["Device"]
        (listed,) = aws.admin.admin_list_devices(**DEMO_USER)["Devices"]
        return {attributes(each)["dev:device_remembered_status"] for each in (alone, listed)}

    assert statuses() == {"not_remembered"}
    aws.admin.admin_update_device_status(**one, DeviceRememberedStatus="remembered")
    assert statuses() == {"remembered"}
    aws.admin.admin_forget_device(**one)
    assert aws.refused(aws.admin.admin_forget_device, **one) == DEVICE_GONE


def test_a_device_that_was_forgotten_cannot_be_confirmed_again(aws: Aws) -> None:
    signed_in = aws.sign_in(**DEMO2)
    aws.confirm(signed_in)
    aws.idp.forget_device(AccessToken=signed_in.access_token, DeviceKey=signed_in.device_key)
    assert aws.refused(aws.confirm, signed_in) == INVALID_KEY


def test_a_user_sees_and_forgets_no_device_of_another(aws: Aws) -> None:
    mine, theirs = aws.on_device(), aws.on_device(username="demo2")
    assert aws.devices(mine["access_token"]) == [mine["device_key"]]
    params = of(mine) | {"DeviceKey": theirs["device_key"]}
    assert aws.refused(aws.idp.forget_device, **params) == DEVICE_GONE
    assert aws.idp.get_device(**of(theirs))["Device"]["DeviceKey"] == theirs["device_key"]


# Pages


def test_a_page_token_outlives_the_device_it_ends_on(aws: Aws) -> None:
    first, second, third = aws.on_device(count=3)["sign_ins"]
    token = {"AccessToken": first["access_token"]}
    page = aws.idp.list_devices(**token, Limit=2)
    aws.idp.forget_device(**of(second))
    rest = aws.idp.list_devices(**token, PaginationToken=page["PaginationToken"])
    assert [device["DeviceKey"] for device in rest["Devices"]] == [third["device_key"]]


def test_a_page_token_that_is_not_the_users_own_is_refused(aws: Aws) -> None:
    other = aws.on_device(count=2)["sign_ins"][0]["access_token"]
    of_another = aws.idp.list_devices(AccessToken=other, Limit=1)["PaginationToken"]
    mine = aws.on_device(username="demo2")["access_token"]
    for token in (of_another, "é"):
        error = aws.refused(aws.idp.list_devices, AccessToken=mine, PaginationToken=token)
        assert error.startswith("InvalidParameterException")
