"""The pool's keys rotate, and the address they are published at goes down."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil
import pytest
import requests

from local_cognito.process import RunningCognito
from local_cognito.seed import POOL_ID
from tests.resilience.conftest import FAULT_SECONDS, jwks_behind
from tests.resilience.load import Caller, sign_in_callers, steady_load
from tests.resilience.polling import until
from tests.resilience.relay import Relay, Weather, relaying
from tests.resilience.table import ChaosTable
from tests.servers import Service, serving, settings_for

NEWCOMERS = 24

ROOM_FOR_ALL = {"COGNITO_MAX_IN_FLIGHT": "64"}
"""More than there are callers: here keys are at stake, not the bound on calls of Cognito."""


@pytest.fixture(scope="module")
def key_network(cognito_server: RunningCognito) -> Iterator[Relay]:
    """What lies between the service and the keys alone."""
    with relaying(cognito_server.url) as relay:
        yield relay


def key_settings(cognito: RunningCognito, key_network: Relay) -> dict[str, str]:
    return (
        settings_for(cognito)
        | jwks_behind(key_network)
        | ROOM_FOR_ALL
        | {"JWKS_REFETCH_INTERVAL": "1"}
    )


@pytest.fixture(scope="module")
def service(cognito_server: RunningCognito, key_network: Relay) -> Iterator[Service]:
    """A service that lives through all that happens to the keys."""
    with serving(key_settings(cognito_server, key_network)) as service:
        yield service


def get_devices(service: Service, token: str) -> requests.Response:
    return requests.get(
        f"{service.url}/devices", headers={"Authorization": f"Bearer {token}"}, timeout=15
    )


def new_token(cognito: RunningCognito) -> str:
    token: str = cognito.control("POST", "/_local/sign-in", username="demo")["access_token"]
    return token


def test_rotated_keys_fail_no_call(
    cognito: RunningCognito, service: Service, callers: list[Caller], chaos_table: ChaosTable
) -> None:
    """Those with tokens of before go on, and a crowd with new ones comes at once."""
    with steady_load(service.url, callers) as load:

        @contextmanager
        def rotation() -> Iterator[None]:
            cognito.control("POST", "/_local/rotate-keys", pool=POOL_ID)
            newcomers = sign_in_callers(cognito, NEWCOMERS, devices=1)
            with steady_load(service.url, newcomers) as rush:
                yield
            load.calls.extend(rush.calls)
            load.wrong.extend(rush.wrong)
            load.cross_talk += rush.cross_talk

        outcome = chaos_table.measure("JWKS rotated", load, rotation(), FAULT_SECONDS)
    assert set(outcome.answers) == {"200"}
    assert outcome.wrong == []
    assert outcome.cross_talk == 0


@pytest.mark.parametrize("how", [None, Weather.STALLED], ids=["refused", "unanswered"])
def test_known_keys_serve_on_while_their_address_is_down(
    cognito: RunningCognito,
    service: Service,
    key_network: Relay,
    callers: list[Caller],
    chaos_table: ChaosTable,
    how: Weather | None,
    request: pytest.FixtureRequest,
) -> None:
    down = key_network.refusing() if how is None else key_network.weather(how)
    with steady_load(service.url, callers) as load:

        @contextmanager
        def outage() -> Iterator[None]:
            with down:
                cognito.control("POST", "/_local/rotate-keys", pool=POOL_ID)
                signed_with_an_unknown_key = new_token(cognito)
                # Keys fetched less than JWKS_REFETCH_INTERVAL ago count as all there are.
                until(
                    "keys are asked for anew",
                    lambda: get_devices(service, signed_with_an_unknown_key).status_code != 401,
                    within=5,
                )
                answer = get_devices(service, signed_with_an_unknown_key)
                assert answer.status_code == 503
                assert answer.json()["code"] == "upstream-unavailable"
                assert int(answer.headers["Retry-After"]) >= 1
                yield
            until(
                "the new key is known",
                lambda: get_devices(service, signed_with_an_unknown_key).ok,
                within=5,
            )

        name = f"JWKS down, {request.node.callspec.id}"
        outcome = chaos_table.measure(name, load, outage(), FAULT_SECONDS)
    assert set(outcome.answers) == {"200"}
    assert outcome.wrong == []


def test_it_starts_without_the_keys_and_is_ready_once_they_can_be_had(
    cognito: RunningCognito, key_network: Relay
) -> None:
    with ExitStack() as stack:
        with key_network.refusing():
            service = stack.enter_context(
                serving(key_settings(cognito, key_network), wait_for="/healthz")
            )
            answer = requests.get(f"{service.url}/readyz", timeout=5)
            assert answer.status_code == 503
            assert answer.json()["checks"]["keys"] is False
            refusal = get_devices(service, new_token(cognito))
            assert refusal.status_code == 503
            assert refusal.json()["code"] == "upstream-unavailable"
            assert int(refusal.headers["Retry-After"]) >= 1
        until("ready", lambda: requests.get(f"{service.url}/readyz", timeout=5).ok, within=5)
        token = new_token(cognito)
        until("serving", lambda: get_devices(service, token).ok, within=5)


def test_a_worker_replaced_while_their_address_is_down_knows_the_keys(
    cognito: RunningCognito, key_network: Relay
) -> None:
    settings = key_settings(cognito, key_network) | {"WORKERS": "1"}
    with serving(settings) as service:
        token = new_token(cognito)
        assert get_devices(service, token).ok
        with key_network.refusing():
            (worker,) = psutil.Process(service.process.pid).children()
            worker.kill()
            until("replaced", lambda: service.logs().count("Booting worker") == 2, within=5)
            assert get_devices(service, token).status_code == 200
            assert requests.get(f"{service.url}/readyz", timeout=5).ok
