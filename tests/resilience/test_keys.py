"""The pool's keys rotate, and the address they are published at goes down."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from local_cognito.process import RunningCognito
from local_cognito.seed import POOL_ID
from tests.calls import assert_problem, call, sign_in
from tests.resilience.load import Caller, sign_in_callers, steady_load
from tests.resilience.polling import until
from tests.resilience.relay import Relay, relaying
from tests.servers import Service, serving, settings_for


@pytest.fixture(scope="module")
def key_network(cognito_server: RunningCognito) -> Iterator[Relay]:
    """What lies between the service and the keys alone."""
    with relaying(cognito_server.url) as relay:
        yield relay


def key_settings(cognito: RunningCognito, key_network: Relay) -> dict[str, str]:
    address = f"{key_network.url}/{POOL_ID}/.well-known/jwks.json"
    return settings_for(cognito) | {"COGNITO_JWKS_URL": address, "JWKS_REFETCH_INTERVAL": "1"}


@pytest.fixture(scope="module")
def service(cognito_server: RunningCognito, key_network: Relay) -> Iterator[Service]:
    """A service that lives through all that happens to the keys."""
    with serving(key_settings(cognito_server, key_network)) as service:
        yield service


def test_rotated_keys_fail_no_call(
    cognito: RunningCognito, service: Service, callers: list[Caller]
) -> None:
    """Those with tokens of before go on, and a crowd with new ones comes at once."""
    with steady_load(service.url, callers) as load:
        began = time.monotonic()
        cognito.control("POST", "/_local/rotate-keys", pool=POOL_ID)
        with steady_load(service.url, sign_in_callers(cognito, 24, devices=1)) as rush:
            load.carry_on()
        assert set(load.seen(began) + rush.seen()) == {"200"}


@pytest.mark.parametrize("how", [Relay.refusing, Relay.silent], ids=["refused", "unanswered"])
def test_known_keys_serve_on_while_their_address_is_down(
    cognito: RunningCognito,
    service: Service,
    key_network: Relay,
    callers: list[Caller],
    how: Callable[[Relay], AbstractContextManager[None]],
) -> None:
    with steady_load(service.url, callers) as load:
        began = time.monotonic()
        with how(key_network):
            cognito.control("POST", "/_local/rotate-keys", pool=POOL_ID)
            newcomer = sign_in(cognito).bearer
            # Keys fetched less than JWKS_REFETCH_INTERVAL ago count as all there are.
            until(
                "the new key is asked for",
                lambda: call(f"{service.url}/devices", headers=newcomer).status_code != 401,
            )
            answer = call(f"{service.url}/devices", headers=newcomer)
            assert_problem(answer, 503, "upstream-unavailable")
            assert int(answer.headers["Retry-After"]) >= 1
            load.carry_on()
        until("known", lambda: call(f"{service.url}/devices", headers=newcomer).ok)
        assert set(load.seen(began)) == {"200"}


def test_it_starts_without_the_keys_and_is_ready_once_they_can_be_had(
    cognito: RunningCognito, key_network: Relay
) -> None:
    settings = key_settings(cognito, key_network)
    newcomer = sign_in(cognito).bearer
    with ExitStack() as stack:
        with key_network.refusing():
            service = stack.enter_context(serving(settings, wait_for="/healthz"))
            answer = call(f"{service.url}/readyz")
            assert (answer.status_code, answer.json()["checks"]["keys"]) == (503, False)
            refusal = call(f"{service.url}/devices", headers=newcomer)
            assert_problem(refusal, 503, "upstream-unavailable")
        until("ready", lambda: call(f"{service.url}/readyz").ok)
        until("serving", lambda: call(f"{service.url}/devices", headers=newcomer).ok)
