"""What only Cognito can judge, and a place among its calls that comes free: over gunicorn.

Every refusal and fault: tests/api/cognito.
"""

from concurrent.futures import ThreadPoolExecutor

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.calls import assert_problem, sign_in
from tests.e2e.api import Api
from tests.polling import until
from tests.servers import Service, serving, settings_for


def test_what_only_cognito_can_judge_is_an_invalid_parameter(
    cognito: RunningCognito, service: Service
) -> None:
    api = Api(service.url, sign_in(cognito).token)
    for path in ("/devices?cursor=made-up", "/sessions?cursor=made-up"):
        assert_problem(api.get(path), 400, "invalid-parameter")
    verifier = {"passwordVerifier": "cGFzc3dvcmQ=", "salt": "c2FsdHNhbHQ="}
    anothers = {"deviceKey": f"{seed.REGION}_0a-0b", "secretVerifier": verifier}
    assert_problem(api.post("/devices", anothers), 400, "invalid-parameter")


def test_a_pool_without_devices(cognito: RunningCognito) -> None:
    settings = settings_for(cognito, seed.NO_DEVICES_POOL_ID, seed.NO_DEVICES_CLIENT_ID)
    signed_in = cognito.control("POST", "/_local/sign-in", pool=seed.NO_DEVICES_POOL_ID)
    with serving(settings | {"WORKERS": "1"}) as service:
        api = Api(service.url, signed_in["access_token"])
        assert_problem(api.get("/devices"), 501, "device-tracking-unavailable")
        assert_problem(api.get("/devices/current"), 404, "no-current-device")
        assert len(api.get("/sessions").json()["items"]) == 1
        assert api.post("/devices/sign-out").status_code == 204


def test_a_call_waits_for_a_place_that_comes_free(cognito: RunningCognito) -> None:
    settings = settings_for(cognito) | {"COGNITO_MAX_IN_FLIGHT": "1", "WORKERS": "1"}
    slow = {"operation": "ListDevices", "fault": "delay", "seconds": 0.1}
    cognito.control("POST", "/_local/faults", **slow)
    with serving(settings) as service, ThreadPoolExecutor() as pool:
        api = Api(service.url, sign_in(cognito).token)

        def begun() -> bool:
            return "ListDevices" in cognito.control("GET", "/_local/calls")

        before = pool.submit(api.get, "/devices")
        until("it is with Cognito", begun)
        assert api.get("/sessions").status_code == before.result().status_code == 200
