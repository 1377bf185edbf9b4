"""A device tracked through POST /devices is a device to Cognito: pycognito signs in with it."""

from collections.abc import Iterator
from typing import Any

import pytest
from pycognito.aws_srp import generate_hash_device

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.e2e.real_clients import Pool, Pycognito, pycognito
from tests.servers import Service

BY_DEVICE = ["PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"]
EITHER_WAY = pytest.mark.parametrize("secret", ["secretVerifier", "deviceGroupKey"])


@pytest.fixture
def device(cognito: RunningCognito) -> Iterator[Pycognito]:
    """A device that nobody has tracked, of a pool that remembers each that is."""
    with pycognito(Pool(cognito.url)) as device:
        yield device


@pytest.fixture
def opt_in_device(cognito: RunningCognito) -> Iterator[Pycognito]:
    """A device that nobody has tracked, of a pool where users opt in."""
    with pycognito(Pool(cognito.url, seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)) as device:
        yield device


def track(service: Service, device: Pycognito, secret: str) -> Api:
    """Sign in and track the device; `secret`: the device's own, or one that the service makes."""
    signed_in = device.authenticate()
    key, group_key = signed_in.device_key, signed_in.group_key
    password, verifier = generate_hash_device(group_key, key)
    body: dict[str, Any] = {"deviceKey": key}
    if secret == "secretVerifier":
        made = {"passwordVerifier": verifier["PasswordVerifier"], "salt": verifier["Salt"]}
        body["secretVerifier"] = made
    else:
        body["deviceGroupKey"] = group_key
    api = Api(service.url, signed_in.access_token)
    answer = api.post("/devices", body)
    assert answer.status_code == 201
    device.keep_device(key, group_key, answer.json().get("devicePassword", password))
    return api


@EITHER_WAY
def test_a_tracked_device_stands_in_for_totp_and_is_current_then(
    service: Service, device: Pycognito, secret: str
) -> None:
    track(service, device, secret)
    again = device.sign_in()
    assert again.challenges == BY_DEVICE
    items = Api(service.url, again.access_token).get("/devices").json()["items"]
    assert [(it["id"], it["current"]) for it in items] == [(again.device_key, True)]


@EITHER_WAY
def test_where_users_opt_in_a_page_can_offer_to_remember_the_device(
    opt_in_service: Service, opt_in_device: Pycognito, secret: str
) -> None:
    api = track(opt_in_service, opt_in_device, secret)
    before = api.get("/devices").json()
    assert before["items"] == []
    assert "SOFTWARE_TOKEN_MFA" in opt_in_device.sign_in().challenges
    api.patch("/devices/current", {"status": "remembered"}).raise_for_status()
    assert [it["id"] for it in api.get("/devices").json()["items"]] == [before["currentDeviceId"]]
    assert opt_in_device.sign_in().challenges == BY_DEVICE
