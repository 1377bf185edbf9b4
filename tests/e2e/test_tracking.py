"""A device tracked through POST /devices is a device to Cognito: pycognito signs in with it."""

from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import ClientError
from pycognito.aws_srp import generate_hash_device

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.e2e.api import Api
from tests.e2e.real_clients import Pool, Pycognito, pycognito
from tests.servers import Service

Track = Callable[[Service, Pycognito], Api]
BY_DEVICE = ["PASSWORD_VERIFIER", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER"]


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


def track_with_its_own_secret(service: Service, device: Pycognito) -> Api:
    """Sign in, make a secret, and have its verifier tracked; the API as this sign-in calls it."""
    tokens = device.authenticate()
    new = tokens["NewDeviceMetadata"]
    password, verifier = generate_hash_device(new["DeviceGroupKey"], new["DeviceKey"])
    api = Api(service.url, tokens["AccessToken"])
    answer = api.post(
        "/devices",
        {
            "deviceKey": new["DeviceKey"],
            "secretVerifier": {
                "passwordVerifier": verifier["PasswordVerifier"],
                "salt": verifier["Salt"],
            },
        },
    )
    assert answer.status_code == 201
    assert "devicePassword" not in answer.json()
    device.keep_device(new["DeviceKey"], new["DeviceGroupKey"], password)
    return api


def track_with_a_secret_of_ours(service: Service, device: Pycognito) -> Api:
    """Sign in and have the service make the secret; the API as this sign-in calls it."""
    tokens = device.authenticate()
    new = tokens["NewDeviceMetadata"]
    api = Api(service.url, tokens["AccessToken"])
    answer = api.post(
        "/devices", {"deviceKey": new["DeviceKey"], "deviceGroupKey": new["DeviceGroupKey"]}
    )
    assert answer.status_code == 201
    password = answer.json()["devicePassword"]
    device.keep_device(new["DeviceKey"], new["DeviceGroupKey"], password)
    return api


EITHER_WAY = pytest.mark.parametrize(
    "track",
    [track_with_its_own_secret, track_with_a_secret_of_ours],
    ids=["secretVerifier", "deviceGroupKey"],
)


@EITHER_WAY
def test_a_tracked_device_signs_in_without_totp(
    service: Service, device: Pycognito, track: Track
) -> None:
    track(service, device)
    assert device.sign_in().challenges == BY_DEVICE


@EITHER_WAY
def test_a_tracked_device_is_current_in_the_sign_ins_that_follow(
    service: Service, device: Pycognito, track: Track
) -> None:
    track(service, device)
    again = device.sign_in()
    items = Api(service.url, again.access_token).get("/devices").json()["items"]
    assert [(it["id"], it["current"]) for it in items] == [(again.device_key, True)]


@EITHER_WAY
def test_where_users_opt_in_a_page_can_offer_to_remember_the_device(
    opt_in_service: Service, opt_in_device: Pycognito, track: Track
) -> None:
    api = track(opt_in_service, opt_in_device)
    before = api.get("/devices").json()
    assert before["items"] == []
    assert opt_in_device.sign_in().totp_asked
    api.patch("/devices/current", {"status": "remembered"}).raise_for_status()
    assert [it["id"] for it in api.get("/devices").json()["items"]] == [before["currentDeviceId"]]
    assert opt_in_device.sign_in().challenges == BY_DEVICE


@EITHER_WAY
def test_a_wrong_device_password_is_refused(
    service: Service, device: Pycognito, track: Track
) -> None:
    track(service, device)
    device.keep_wrong_secret()
    with pytest.raises(ClientError, match="NotAuthorizedException"):
        device.sign_in()
