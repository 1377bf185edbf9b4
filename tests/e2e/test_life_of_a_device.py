"""The life of a device: with each client library that people use, on both kinds of pool."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.calls import assert_problem
from tests.e2e.api import Api
from tests.e2e.real_clients import REAL_CLIENTS, NodeClient, Pool, Pycognito, RealClient, SignIn
from tests.local_cognito.clients import Aws
from tests.servers import Service

POOLS = {
    "always": (seed.ALWAYS_POOL_ID, seed.ALWAYS_CLIENT_ID),
    "opt-in": (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID),
}
DISPLAY_NAMES = {
    Pycognito.device_name: Pycognito.device_name,  # a person chose it
    NodeClient.device_name: "Safari on macOS",  # a User-Agent
}
WITH_TOTP = ["PASSWORD_VERIFIER", "SOFTWARE_TOKEN_MFA"]
BY_DEVICE = ["PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"]


@pytest.fixture(scope="module", params=POOLS)
def pool(request: pytest.FixtureRequest, cognito_server: RunningCognito) -> Pool:
    return Pool(cognito_server.url, *POOLS[request.param])


@pytest.fixture(scope="module", params=REAL_CLIENTS)
def client(request: pytest.FixtureRequest, pool: Pool) -> Iterator[RealClient]:
    with REAL_CLIENTS[request.param](pool) as client:
        yield client


class Watched:
    """A device, and what the API and Cognito's administrator show of it."""

    def __init__(self, device: RealClient, pool: Pool, url: str, aws: Aws) -> None:
        self.device = device
        self._pool = pool
        self._url = url
        self._aws = aws

    def api(self, signed_in: SignIn) -> Api:
        return Api(self._url, signed_in.access_token)

    def statuses(self) -> dict[str, str]:
        """Of every device of the user, as Cognito tells its administrator."""
        listed = self._aws.admin.admin_list_devices(
            UserPoolId=self._pool.id, Username=seed.DEMO_USERNAME
        )["Devices"]
        return {device["DeviceKey"]: _remembered_status(device) for device in listed}

    def see(self, signed_in: SignIn) -> dict[str, Any]:
        """The device as the API shows it, when all agree that it is remembered and current."""
        (device,) = self.api(signed_in).get("/devices").json()["items"]
        key = signed_in.device_key
        assert (device["id"], device["status"], device["current"]) == (key, "remembered", True)
        assert self.api(signed_in).get("/devices/current").json() == device
        assert self.statuses() == {key: "remembered"}
        return dict(device)

    def see_none(self, signed_in: SignIn) -> None:
        api = self.api(signed_in)
        assert api.get("/devices").json()["items"] == []
        assert_problem(api.get("/devices/current"), 404, "device-not-found")


def _remembered_status(device: dict[str, Any]) -> str:
    attributes = {it["Name"]: str(it["Value"]) for it in device["DeviceAttributes"]}
    return attributes["dev:device_remembered_status"]


@pytest.fixture
def watched(
    client: RealClient, pool: Pool, aws: Aws, service: Service, opt_in_service: Service
) -> Watched:
    client.clear()
    url = (service if pool.id == seed.ALWAYS_POOL_ID else opt_in_service).url
    return Watched(client, pool, url, aws)


def test_a_device_is_seen_while_it_is_remembered(watched: Watched, pool: Pool) -> None:
    signed_in = watched.device.sign_in()
    api, key = watched.api(signed_in), signed_in.device_key
    if pool.id == seed.ALWAYS_POOL_ID:
        watched.see(signed_in)
    else:
        watched.see_none(signed_in)
        assert watched.statuses() == {key: "not_remembered"}
    api.patch("/devices/current", {"status": "remembered"}).raise_for_status()
    watched.see(signed_in)
    api.patch("/devices/current", {"status": "not_remembered"}).raise_for_status()
    watched.see_none(signed_in)
    assert watched.statuses() == {key: "not_remembered"}
    watched.device.remember()
    device = watched.see(signed_in)
    assert device["name"] == watched.device.device_name
    assert device["displayName"] == DISPLAY_NAMES[watched.device.device_name]


def test_a_remembered_device_stands_in_for_totp(watched: Watched) -> None:
    first = watched.device.sign_in()
    assert first.challenges == WITH_TOTP
    watched.device.remember()
    second = watched.device.sign_in()
    assert second.challenges == BY_DEVICE
    assert watched.see(second)["id"] == first.device_key


def test_a_forgotten_device_loses_its_tokens_and_comes_back_as_another(watched: Watched) -> None:
    first = watched.device.sign_in()
    watched.device.remember()
    assert watched.device.refresh()
    watched.api(first).delete(f"/devices/{first.device_key}").raise_for_status()
    watched.see_none(first)
    assert watched.statuses() == {}
    assert not watched.device.refresh()
    later = watched.device.sign_in()
    assert "SOFTWARE_TOKEN_MFA" in later.challenges
    assert "DEVICE_SRP_AUTH" not in later.challenges
    assert later.device_key != first.device_key
