"""With Redis, limits and budgets are those of all processes and machines together."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from app.counters import REDIS_PAUSE
from local_cognito.process import RunningCognito
from tests.calls import FORGED_TOKEN, SignedIn, assert_problem, call, log_lines, until
from tests.redis_server import RedisServer, running_redis
from tests.servers import Service, serving, settings_for

USER_LIMIT, ADDRESS_LIMIT, READS = 12, 5, 6
SETTINGS = {
    "RATE_LIMIT_PER_USER": f"{USER_LIMIT} per hour",
    "RATE_LIMIT_PER_ADDRESS": f"{ADDRESS_LIMIT} per hour",
    "COGNITO_READ_QUOTA": str(READS),
}


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def two(cognito_server: RunningCognito, redis: RedisServer) -> Iterator[tuple[Service, Service]]:
    """Two services of two workers each, on one Redis."""
    settings = settings_for(cognito_server) | SETTINGS | {"REDIS_URL": redis.url}
    with serving(settings) as one, serving(settings) as other:
        yield one, other


def counted_together(
    two: tuple[Service, Service], redis: RedisServer, calls: Callable[[], list[int]]
) -> list[int]:
    """What came of the calls, made while Redis answered all the time: on a busy machine it may miss
    its quarter of a second, and then each process counts alone for a while."""
    for _ in range(10):
        with Redis.from_url(redis.url) as client:
            client.flushall()
        before = [service.logs().count("redis_") for service in two]  # away and back
        statuses = calls()
        if (
            [service.logs().count("redis_") for service in two]
            == before
            == [it // 2 * 2 for it in before]
        ):
            return statuses
        time.sleep(REDIS_PAUSE)
    raise AssertionError("Redis was never there for long enough")


def test_a_users_limit_is_one(
    two: tuple[Service, Service], redis: RedisServer, user: SignedIn
) -> None:
    def call_both() -> list[int]:
        return [
            call(f"{service.url}/devices/nonsense", headers=user.bearer).status_code
            for service in two * (USER_LIMIT // 2 + 1)
        ]

    assert counted_together(two, redis, call_both) == [404] * USER_LIMIT + [429] * 2


def test_an_addresss_limit_is_one(two: tuple[Service, Service], redis: RedisServer) -> None:
    forged = {"Authorization": f"Bearer {FORGED_TOKEN}"}

    def guess() -> list[int]:
        return [call(f"{service.url}/devices", headers=forged).status_code for service in two * 4]

    assert counted_together(two, redis, guess) == [401] * ADDRESS_LIMIT + [429] * (
        8 - ADDRESS_LIMIT
    )


def test_the_budget_for_cognito_is_one_and_the_rest_is_not_forwarded(
    two: tuple[Service, Service], cognito: RunningCognito
) -> None:
    """However many seconds the calls take here: each second has its budget."""
    users = [f"user{number}" for number in range(6)]
    for name in users:
        cognito.control("POST", "/_local/users", username=name, password="Passw0rd!x")
    tokens = [
        cognito.control("POST", "/_local/sign-in", username=name)["access_token"] for name in users
    ]
    cognito.control("DELETE", "/_local/calls")
    calls = [(service, token) for token in tokens for service in two * 3]
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(
            pool.map(
                lambda of: call(
                    f"{of[0].url}/devices", headers={"Authorization": f"Bearer {of[1]}"}
                ),
                calls,
            )
        )
    served = [answer for answer in answers if answer.status_code == 200]
    assert cognito.control("GET", "/_local/calls")["ListDevices"] == len(served) < len(calls)
    for answer in answers:
        if answer not in served:
            assert_problem(answer, 429, "quota-exceeded")
            assert int(answer.headers["Retry-After"]) >= 1


def test_nothing_that_names_a_user_or_an_address_is_kept(
    two: tuple[Service, Service], redis: RedisServer, user: SignedIn
) -> None:
    def call_with_and_without() -> list[int]:
        url = f"{two[0].url}/devices"
        return [call(url, headers=user.bearer).status_code, call(url).status_code]

    counted_together(two, redis, call_with_and_without)
    with Redis.from_url(redis.url, decode_responses=True) as client:
        keys = client.keys()
    assert len(keys) >= 2
    assert not [key for key in keys if user.sub in key or "127.0.0.1" in key]


def test_it_starts_while_redis_is_away_and_finds_it_later(
    cognito: RunningCognito, user: SignedIn
) -> None:
    with running_redis() as redis:
        redis.kill()
        own = {"REDIS_URL": redis.url, "WORKERS": "1", "RATE_LIMIT_PER_USER": "5 per hour"}
        with serving(settings_for(cognito) | own) as service:

            def status() -> int:
                return call(f"{service.url}/devices", headers=user.bearer).status_code

            assert [status() for _ in range(7)] == [200] * 5 + [429] * 2
            redis.start()
            until(lambda: status() and log_lines(service.logs(), event="redis_back"), 60)
            assert [status() for _ in range(7)][-1] == 429
