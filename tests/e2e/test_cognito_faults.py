"""What only Cognito can judge, and what callers are told while it is slow or down: over gunicorn.

Every refusal and fault: tests/api/cognito.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

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


@pytest.fixture(scope="module")
def small_service(cognito_server: RunningCognito) -> Iterator[Service]:
    """With room for one call of Cognito, and a breaker that opens soon and for a short time."""
    own = {"BREAKER_FAILURES": "3", "BREAKER_OPEN_SECONDS": "1", "COGNITO_MAX_IN_FLIGHT": "1"}
    with serving(settings_for(cognito_server) | own | {"WORKERS": "1"}) as service:
        yield service


def lists_asked_for(cognito: RunningCognito) -> int:
    counts: dict[str, int] = cognito.control("GET", "/_local/calls")
    return counts.get("ListDevices", 0)


def test_a_call_waits_for_a_place_that_comes_free(
    cognito: RunningCognito, small_service: Service
) -> None:
    api, slow = Api(small_service.url, sign_in(cognito).token), {"fault": "delay", "seconds": 0.1}
    cognito.control("POST", "/_local/faults", operation="ListDevices", **slow)
    with ThreadPoolExecutor() as pool:
        before = pool.submit(api.get, "/devices")
        until("it is with Cognito", lambda: lists_asked_for(cognito) == 1)
        assert api.get("/sessions").status_code == before.result().status_code == 200


def test_an_outage_of_cognito_makes_no_process_unready(
    cognito: RunningCognito, small_service: Service
) -> None:
    """A kubelet's probe, all the while: the breaker opens, half opens in vain twice, and closes."""
    probes: list[tuple[int, bool]] = []
    api = Api(small_service.url, sign_in(cognito).token)

    def status() -> int:
        probe = requests.get(f"{small_service.url}/readyz", timeout=30)
        probes.append((probe.status_code, probe.json()["checks"]["cognito"]))
        return api.get("/devices").status_code

    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="drop", times=None)
    until("it half opens twice", lambda: status() and lists_asked_for(cognito) >= 5)
    cognito.control("DELETE", "/_local/faults")
    until("it closes", lambda: status() == 200)
    assert {ready for ready, _ in probes} == {200}
    assert {found for _, found in probes} == {True, False}
