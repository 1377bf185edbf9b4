"""A real sign-in is asked for again, and suffices: gunicorn, and the local Cognito's claims."""

from collections.abc import Iterator

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.calls import assert_problem
from tests.e2e.api import Api
from tests.local_cognito.clients import Aws
from tests.servers import Service, serving, settings_for

STRONG = "urn:cognito:loa:4"
OPT_IN = (seed.OPT_IN_POOL_ID, seed.OPT_IN_CLIENT_ID)


@pytest.fixture(scope="module")
def shared_asking(cognito_server: RunningCognito) -> Iterator[Service]:
    asks = {"STEP_UP_MAX_AGE": "300", "STEP_UP_ACR": STRONG}
    with serving(settings_for(cognito_server) | asks) as service:
        yield service


@pytest.fixture
def asking(aws: Aws, shared_asking: Service) -> Service:
    return shared_asking


def test_a_device_that_skipped_the_code_steps_up_without_becoming_another_one(
    asking: Service, aws: Aws
) -> None:
    """USER_AUTH with the token at hand, the levels that the answer names, and the same device."""
    lost = aws.on_device()["device_key"]
    device, _ = aws.confirm(aws.sign_in())
    token = aws.sign_in(**device).access_token
    refused = Api(asking.url, token).delete(f"/devices/{lost}")
    assert refused.status_code == 401
    problem = refused.json()
    assert problem["code"] == "reauthentication-required"
    asked = aws.begin(
        "USER_AUTH",
        USERNAME="demo",
        ACCESS_TOKEN=token,
        DEVICE_KEY=device["device_key"],
        MAX_AGE=str(problem["maxAge"]),
        TARGET_ACR_VALUES=" ".join(problem["acrValues"]),
    )
    code = aws.control("POST", "/_local/totp")["code"]
    asked = aws.respond(asked, USERNAME="demo", SOFTWARE_TOKEN_MFA_CODE=code)
    stronger = aws.prove_device(asked, "demo", **device)["AccessToken"]
    api = Api(asking.url, stronger)
    assert api.delete(f"/devices/{lost}").status_code == 204
    assert api.get("/devices").json()["currentDeviceId"] == device["device_key"]


def test_a_thief_with_a_token_and_the_password_is_still_asked_for_the_code(
    opt_in_service: Service, aws: Aws
) -> None:
    """On a device of their own, which is tracked and would be remembered by the stolen token."""
    stolen = aws.on_device(pool=OPT_IN[0], client_id=OPT_IN[1])["access_token"]
    thief, _ = aws.confirm(aws.sign_in(*OPT_IN))
    refused = Api(opt_in_service.url, stolen).patch(
        f"/devices/{thief['device_key']}", {"status": "remembered"}
    )
    assert_problem(refused, 403, "not-this-device")
    assert aws.sign_in(*OPT_IN, **thief).totp_asked
