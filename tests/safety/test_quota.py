"""Cognito's quota is the account's: over our share of it, we answer at once and forward nothing."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.safety.calls import SignedIn, assert_problem, call, metric
from tests.safety.conftest import service_with
from tests.servers import Service

READS, UPDATES, SIGN_OUTS = 6, 4, 2
QUOTAS = {
    "COGNITO_READ_QUOTA": str(READS),
    "COGNITO_UPDATE_QUOTA": str(UPDATES),
    "COGNITO_USER_UPDATE_QUOTA": str(SIGN_OUTS),
    "COGNITO_MAX_IN_FLIGHT": "64",
}


@pytest.fixture(scope="module")
def frugal(cognito_server: RunningCognito) -> Iterator[Service]:
    with service_with(cognito_server, **QUOTAS) as service:
        yield service


@pytest.fixture
def budget(frugal: Service, cognito: RunningCognito) -> Service:
    """The service at the beginning of a second of its own, nothing counted."""
    time.sleep(1.1)
    return frugal


def read(url: str, user: SignedIn) -> requests.Response:
    return call(f"{url}/devices", headers=user.bearer)


def update(url: str, user: SignedIn) -> requests.Response:
    return call(
        f"{url}/devices/current", "PATCH", json={"status": "remembered"}, headers=user.bearer
    )


def at_once(calls: list[tuple[object, ...]]) -> list[requests.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(*each) for each in calls]  # type: ignore[arg-type]
        return [future.result() for future in futures]


@pytest.mark.parametrize(
    ("kind", "operation", "quota"),
    [(read, "ListDevices", READS), (update, "UpdateDeviceStatus", UPDATES)],
    ids=["reads", "updates"],
)
def test_what_is_over_the_budget_is_answered_at_once_and_not_forwarded(
    budget: Service,
    cognito: RunningCognito,
    user: SignedIn,
    kind: object,
    operation: str,
    quota: int,
) -> None:
    cognito.control("DELETE", "/_local/calls")
    started = time.monotonic()
    answers = at_once([(kind, budget.url, user)] * (quota + 8))
    assert time.monotonic() - started < 1, "the answers must fall into one second"
    refused = [answer for answer in answers if answer.status_code != 200]
    assert len(refused) == 8
    for answer in refused:
        assert_problem(answer, 429, "quota-exceeded")
        assert answer.headers["Retry-After"] == "1"
        assert answer.elapsed.total_seconds() < 0.5
    assert cognito.control("GET", "/_local/calls")[operation] == quota


def test_who_waits_as_long_as_told_is_served(budget: Service, user: SignedIn) -> None:
    time.sleep(0.35)
    answers = at_once([(read, budget.url, user)] * (READS + 1))
    (refused,) = [answer for answer in answers if answer.status_code == 429]
    time.sleep(float(refused.headers["Retry-After"]))
    assert read(budget.url, user).status_code == 200


def test_who_is_over_his_own_limit_too_is_told_the_longer_wait(
    cognito: RunningCognito, user: SignedIn
) -> None:
    with service_with(
        cognito, RATE_LIMIT_PER_USER="2 per minute", COGNITO_READ_QUOTA="1"
    ) as service:
        answers = [call(f"{service.url}/devices", headers=user.bearer) for _ in range(2)]
    assert answers[1].json()["code"] == "quota-exceeded"
    assert answers[1].headers["Retry-After"] == answers[1].headers["RateLimit-Reset"]


def test_reads_updates_and_signing_out_have_budgets_of_their_own(
    budget: Service, user: SignedIn
) -> None:
    at_once([(read, budget.url, user)] * (READS + 4))
    assert read(budget.url, user).status_code == 429
    assert update(budget.url, user).status_code == 200
    sign_out = call(f"{budget.url}/devices/sign-out", "POST", headers=user.bearer)
    assert sign_out.status_code == 204


def test_signing_out_everywhere_is_paced_too(budget: Service, cognito: RunningCognito) -> None:
    sign_ins = cognito.control("POST", "/_local/sign-in", count=SIGN_OUTS + 3)["sign_ins"]
    cognito.control("DELETE", "/_local/calls")
    answers = at_once([(_sign_out, budget.url, one["access_token"]) for one in sign_ins])
    assert [answer.status_code for answer in answers].count(429) == 3
    assert cognito.control("GET", "/_local/calls")["GlobalSignOut"] == SIGN_OUTS


def _sign_out(url: str, token: str) -> requests.Response:
    return call(f"{url}/devices/sign-out", "POST", headers={"Authorization": f"Bearer {token}"})


def test_refusals_are_counted(budget: Service, user: SignedIn) -> None:
    before = metric(budget.url, 'device_bff_rate_limited_total{by="quota"}')
    at_once([(read, budget.url, user)] * (READS + 3))
    assert metric(budget.url, 'device_bff_rate_limited_total{by="quota"}') == before + 3


def test_cognitos_own_refusal_reads_the_same(
    service: Service, cognito: RunningCognito, user: SignedIn
) -> None:
    cognito.control("POST", "/_local/faults", operation="ListDevices", fault="throttle", times=9)
    answer = read(service.url, user)
    assert_problem(answer, 429, "quota-exceeded")
    assert int(answer.headers["Retry-After"]) >= 1
