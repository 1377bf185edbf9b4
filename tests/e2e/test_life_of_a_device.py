"""The life of a device: with each client library that people use, on both kinds of pool.

`live` is the story. It runs once for each client and pool and writes down what it sees, and each
test below says one thing about that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import requests

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.e2e.api import Api, code_of
from tests.e2e.real_clients import REAL_CLIENTS, NodeClient, Pool, Pycognito, RealClient, SignIn
from tests.servers import Service

ALWAYS, OPT_IN = "always", "opt-in"
DISPLAY_NAMES = {
    Pycognito.device_name: Pycognito.device_name,  # a person chose it
    NodeClient.device_name: "Safari on macOS",  # a User-Agent
}
EVERY_CLIENT = pytest.mark.parametrize("client", REAL_CLIENTS)
EVERY_POOL = pytest.mark.parametrize("pool", [ALWAYS, OPT_IN])


@dataclass(frozen=True)
class View:
    """A moment: the user's devices as our API tells them, and as Cognito tells its administrator.

    `statuses`: the remembered status of each device that AdminListDevices lists.
    `status_alone`: the current device's, by AdminGetDevice; None when it is not to be got.
    """

    items: list[dict[str, Any]]
    current: requests.Response
    statuses: dict[str, str]
    status_alone: str | None


@dataclass(frozen=True)
class Life:
    """What was seen, in the order it happened."""

    device_name: str
    first: SignIn
    tracked: View
    remembered_through_us: View
    set_aside: View
    remembered_by_client: View
    second: SignIn
    seen_again: View
    refreshed_before: bool
    forgotten: View
    refreshed_after: bool
    third: SignIn


def live(device: RealClient, api_of: Callable[[SignIn], Api], look: Callable[..., View]) -> Life:
    first = device.sign_in()
    api = api_of(first)
    tracked = look(api, first)
    api.patch("/devices/current", {"status": "remembered"}).raise_for_status()
    remembered_through_us = look(api, first)
    api.patch("/devices/current", {"status": "not_remembered"}).raise_for_status()
    set_aside = look(api, first)
    device.remember()
    remembered_by_client = look(api, first)

    time.sleep(1 - time.time() % 1)  # Cognito tells the date of a sign-in in whole seconds
    second = device.sign_in()
    api = api_of(second)
    seen_again = look(api, second)
    refreshed_before = device.refresh()

    api.delete(f"/devices/{second.device_key}").raise_for_status()
    forgotten = look(api, second)
    refreshed_after = device.refresh()
    third = device.sign_in()
    return Life(
        device_name=device.device_name,
        first=first,
        tracked=tracked,
        remembered_through_us=remembered_through_us,
        set_aside=set_aside,
        remembered_by_client=remembered_by_client,
        second=second,
        seen_again=seen_again,
        refreshed_before=refreshed_before,
        forgotten=forgotten,
        refreshed_after=refreshed_after,
        third=third,
    )


@pytest.fixture(scope="module")
def lives() -> dict[tuple[str, str], Life]:
    """The lives that were lived already, by client and pool."""
    return {}


@pytest.fixture
def life(
    client: str,
    pool: str,
    lives: dict[tuple[str, str], Life],
    cognito: RunningCognito,
    service: Service,
    opt_in_service: Service,
) -> Life:
    if (client, pool) not in lives:
        if pool == ALWAYS:
            where = Pool(cognito.url, seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID)
            url = service.url
        else:
            where = Pool(cognito.url, seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)
            url = opt_in_service.url
        with administrator(where) as look, REAL_CLIENTS[client](where) as device:
            lives[client, pool] = live(device, lambda it: Api(url, it.access_token), look)
    return lives[client, pool]


@contextmanager
def administrator(pool: Pool) -> Iterator[Callable[[Api, SignIn], View]]:
    """Looks at a device from both sides. Cognito wants its administrator's calls signed."""
    idp = boto3.client(
        "cognito-idp",
        region_name=seed.REGION,
        endpoint_url=pool.cognito_url,
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    user = {"UserPoolId": pool.id, "Username": seed.DEMO_USERNAME}

    def look(api: Api, signed_in: SignIn) -> View:
        listed = idp.admin_list_devices(**user)["Devices"]
        try:
            alone = idp.admin_get_device(**user, DeviceKey=signed_in.device_key)["Device"]
        except idp.exceptions.ResourceNotFoundException:
            alone = None
        return View(
            api.get("/devices").json()["items"],
            api.get("/devices/current"),
            {device["DeviceKey"]: _remembered_status(device) for device in listed},
            _remembered_status(alone) if alone else None,
        )

    try:
        yield look
    finally:
        idp.close()


def _remembered_status(device: dict[str, Any]) -> str:
    attributes = {it["Name"]: str(it["Value"]) for it in device["DeviceAttributes"]}
    return attributes["dev:device_remembered_status"]


def is_remembered(view: View, device_key: str) -> bool:
    """Whether all sides say that this device, the only one and the current one, is remembered."""
    ours = [(it["id"], it["status"], it["current"]) for it in view.items]
    current = view.current.json()
    return (
        ours == [(device_key, "remembered", True)]
        and (current["id"], current["status"], current["current"]) == ours[0]
        and view.statuses == {device_key: "remembered"}
        and view.status_alone == "remembered"
    )


def is_hidden(view: View) -> bool:
    """Whether the user sees no device."""
    return view.items == [] and (view.current.status_code, code_of(view.current)) == (
        404,
        "device-not-found",
    )


def is_set_aside(view: View, device_key: str) -> bool:
    """Whether the device is tracked and not remembered: for the administrator alone to see."""
    return (
        is_hidden(view)
        and view.statuses == {device_key: "not_remembered"}
        and view.status_alone == "not_remembered"
    )


def is_gone(view: View) -> bool:
    """Whether no side shows the device."""
    return is_hidden(view) and view.statuses == {} and view.status_alone is None


@EVERY_CLIENT
@EVERY_POOL
class TestOnEveryPool:
    def test_the_first_sign_in_asks_for_the_password_and_for_totp(self, life: Life) -> None:
        assert life.first.challenges == ["PASSWORD_VERIFIER", "SOFTWARE_TOKEN_MFA"]

    def test_it_is_seen_while_it_is_remembered(self, life: Life) -> None:
        assert is_remembered(life.remembered_through_us, life.first.device_key)
        assert is_set_aside(life.set_aside, life.first.device_key)
        assert is_remembered(life.remembered_by_client, life.first.device_key)

    def test_it_has_the_name_that_its_client_gave_in_a_persons_words(self, life: Life) -> None:
        (device,) = life.remembered_by_client.items
        assert device["name"] == life.device_name
        assert device["displayName"] == DISPLAY_NAMES[life.device_name]
        assert device == life.remembered_by_client.current.json()

    def test_the_second_sign_in_asks_for_the_device_instead_of_totp(self, life: Life) -> None:
        assert life.second.challenges == [
            "PASSWORD_VERIFIER",
            "DEVICE_SRP_AUTH",
            "DEVICE_PASSWORD_VERIFIER",
        ]

    def test_the_second_sign_in_is_from_the_same_device(self, life: Life) -> None:
        assert life.second.device_key == life.first.device_key
        assert is_remembered(life.seen_again, life.first.device_key)

    def test_forgotten_it_is_not_seen_and_its_refresh_token_fails(self, life: Life) -> None:
        assert is_gone(life.forgotten)
        assert (life.refreshed_before, life.refreshed_after) == (True, False)

    def test_forgotten_it_comes_back_as_another_device_with_totp(self, life: Life) -> None:
        assert life.third.totp_asked
        assert "DEVICE_SRP_AUTH" not in life.third.challenges
        assert life.third.device_key != life.first.device_key


@EVERY_CLIENT
@pytest.mark.parametrize("pool", [ALWAYS])
def test_where_devices_are_always_remembered_a_confirmed_one_is_seen_at_once(life: Life) -> None:
    assert is_remembered(life.tracked, life.first.device_key)


@EVERY_CLIENT
@pytest.mark.parametrize("pool", [OPT_IN])
def test_where_users_opt_in_a_confirmed_device_is_tracked_and_not_seen(life: Life) -> None:
    assert is_set_aside(life.tracked, life.first.device_key)
