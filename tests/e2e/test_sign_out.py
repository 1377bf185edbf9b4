"""POST /devices/sign-out ends every session of the user, on every device."""

from local_cognito import seed
from tests.calls import assert_problem
from tests.e2e.api import Api
from tests.local_cognito.clients import Aws
from tests.servers import Service


def test_no_token_of_the_user_is_good_any_more_and_the_devices_stay_remembered(
    aws: Aws, service: Service
) -> None:
    sign_ins = aws.on_device(count=3)["sign_ins"]
    other = aws.on_device(username=seed.DEMO2_USERNAME)
    apis = [Api(service.url, one["access_token"]) for one in sign_ins]
    refreshed = [aws.refreshes(one["refresh_token"], one["device_key"]) for one in sign_ins]
    assert refreshed == [True] * 3

    assert apis[0].post("/devices/sign-out").status_code == 204
    for api, one in zip(apis, sign_ins, strict=True):
        assert_problem(api.get("/devices"), 401, "invalid-token")
        assert not aws.refreshes(one["refresh_token"], one["device_key"])

    assert Api(service.url, other["access_token"]).get("/devices/current").status_code == 200
    later = aws.on_device()
    items = Api(service.url, later["access_token"]).get("/devices").json()["items"]
    assert {it["id"] for it in items} == {it["device_key"] for it in [*sign_ins, later]}
