"""With Redis, limits and budgets are those of all processes and machines together."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from local_cognito.process import RunningCognito
from tests.redis_server import running_redis
from tests.calls import FORGED_TOKEN, SignedIn, call, log_lines
from tests.safety.conftest import service_with
from tests.servers import Service

USER_LIMIT = 24
ADDRESS_LIMIT = 5
WINDOW = 5
READS = 6


@pytest.fixture(scope="module")
def two(cognito_server: RunningCognito) -> Iterator[tuple[Service, Service]]:
    """Two services of two workers each, on one Redis."""
    with running_redis() as redis:
        settings = {
            "REDIS_URL": redis.url,
            "WORKERS": "2",
            "RATE_LIMIT_PER_USER": f"{USER_LIMIT} per {WINDOW} seconds",
            "RATE_LIMIT_PER_ADDRESS": f"{ADDRESS_LIMIT} per {WINDOW} seconds",
            "COGNITO_READ_QUOTA": str(READS),
            "COGNITO_MAX_IN_FLIGHT": "64",
        }
        with (
            service_with(cognito_server, **settings) as one,
            service_with(cognito_server, **settings) as other,
        ):
            yield one, other


def test_the_budget_for_cognito_is_one(
    two: tuple[Service, Service], cognito: RunningCognito, user: SignedIn
) -> None:
    for service in two * 3:  # each worker has connected by now
        call(f"{service.url}/devices", headers=user.bearer)
    time.sleep(1.1)
    cognito.control("DELETE", "/_local/calls")

    def read(service: Service) -> int:
        return call(f"{service.url}/devices", headers=user.bearer).status_code

    with ThreadPoolExecutor(2 * READS) as pool:
        started = time.monotonic()
        answers = list(pool.map(read, two * READS))
        assert time.monotonic() - started < 1, "the answers must fall into one second"
    assert answers.count(200) == READS
    assert answers.count(429) == READS
    assert cognito.control("GET", "/_local/calls")["ListDevices"] == READS


def test_a_users_limit_is_one(two: tuple[Service, Service], user: SignedIn) -> None:
    wait_for_a_new_window(two[0], user.bearer)
    took = [
        call(f"{service.url}/devices/nonsense", headers=user.bearer) for service in two * USER_LIMIT
    ]
    assert [answer.status_code for answer in took].count(404) == USER_LIMIT - 1
    time.sleep(float(took[-1].headers["Retry-After"]))
    assert call(f"{two[0].url}/devices/nonsense", headers=user.bearer).status_code == 404


def test_an_addresss_limit_is_one(two: tuple[Service, Service]) -> None:
    forged = {"Authorization": f"Bearer {FORGED_TOKEN}"}
    wait_for_a_new_window(two[0], forged)
    guesses = [call(f"{service.url}/devices", headers=forged).status_code for service in two * 4]
    assert guesses == [401] * (ADDRESS_LIMIT - 1) + [429] * (9 - ADDRESS_LIMIT)


def test_nothing_is_said_about_limits_per_process(two: tuple[Service, Service]) -> None:
    for service in two:
        assert log_lines(service.logs(), event="limits_are_per_process") == []


def wait_for_a_new_window(service: Service, headers: dict[str, str]) -> None:
    """Begin one, with one call."""
    answer = call(f"{service.url}/devices/nonsense", headers=headers)
    if int(answer.headers["RateLimit-Remaining"]) + 1 < int(answer.headers["RateLimit-Limit"]):
        time.sleep(float(answer.headers["RateLimit-Reset"]))
        call(f"{service.url}/devices/nonsense", headers=headers)
