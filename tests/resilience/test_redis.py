"""With Redis, limits are those of all processes; without it, each counts alone and none waits."""

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from local_cognito.process import RunningCognito
from tests.calls import FORGED_TOKEN, SignedIn, assert_problem, call, log_lines
from tests.polling import until
from tests.redis_server import RedisServer, running_redis
from tests.resilience.load import Caller, sign_in_callers, steady_load
from tests.servers import Service, serving, settings_for

USER_LIMIT, ADDRESS_LIMIT, READS = 12, 5, 3


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as server:
        yield server


@pytest.fixture(scope="module")
def two(cognito_server: RunningCognito, redis: RedisServer) -> Iterator[tuple[Service, Service]]:
    """Two services, as on two machines, on one Redis."""
    settings = settings_for(cognito_server) | {
        "REDIS_URL": redis.url,
        "WORKERS": "1",
        "RATE_LIMIT_PER_SIGN_IN": f"{USER_LIMIT} per hour",
        "RATE_LIMIT_PER_ADDRESS": f"{ADDRESS_LIMIT} per hour",
        "COGNITO_READ_QUOTA": str(READS),
    }
    with serving(settings) as one, serving(settings) as other:
        yield one, other


@pytest.fixture(autouse=True)
def nothing_counted(redis: RedisServer) -> None:
    with Redis.from_url(redis.url) as client:
        client.flushall()


def test_the_limits_of_a_user_and_of_an_address_are_one_and_name_neither(
    two: tuple[Service, Service], redis: RedisServer, user: SignedIn
) -> None:
    forged = {"Authorization": f"Bearer {FORGED_TOKEN}"}
    guesses = [call(f"{service.url}/devices", headers=forged).status_code for service in two * 4]
    assert guesses == [401] * ADDRESS_LIMIT + [429] * (8 - ADDRESS_LIMIT)
    took = [
        call(f"{service.url}/devices/nonsense", headers=user.bearer).status_code
        for service in two * (USER_LIMIT // 2 + 1)
    ]
    assert took == [404] * USER_LIMIT + [429] * 2
    with Redis.from_url(redis.url, decode_responses=True) as client:
        keys = client.keys()
    assert len(keys) >= 2
    assert not [key for key in keys if user.sub in key or "127.0.0.1" in key]


def test_the_budget_for_cognito_is_one_and_the_rest_is_not_forwarded(
    two: tuple[Service, Service], cognito: RunningCognito
) -> None:
    """However many seconds the calls take here: each second has its budget. Each call asks for a
    page of its own, or it would share another's."""
    callers = sign_in_callers(cognito, 6)
    calls = [(two[n % 2], callers[n // 6], n + 1) for n in range(36)]
    cognito.control("DELETE", "/_local/calls")
    with ThreadPoolExecutor(len(calls)) as pool:
        answers = list(
            pool.map(
                lambda it: call(f"{it[0].url}/devices?limit={it[2]}", headers=it[1].bearer), calls
            )
        )
    served = [answer for answer in answers if answer.status_code == 200]
    assert cognito.control("GET", "/_local/calls")["ListDevices"] == len(served) < len(calls)
    for answer in answers:
        if answer not in served:
            assert_problem(answer, 429, "quota-exceeded")
            assert int(answer.headers["Retry-After"]) >= 1


def test_no_call_fails_or_waits_while_redis_is_gone_or_frozen(
    cognito: RunningCognito, callers: list[Caller]
) -> None:
    """A frozen one would have them wait for ever; it is noticed once, and then passed over."""
    with running_redis() as redis:
        redis.kill()
        settings = settings_for(cognito) | {"REDIS_URL": redis.url, "WORKERS": "1"}
        with serving(settings) as service, steady_load(service.url, callers) as load:

            def told(event: str, times: int) -> bool:
                return len(log_lines(service.logs(), event=event)) == times

            load.carry_on()
            assert told("redis_away", 1)
            redis.start()
            until("it is back", lambda: told("redis_back", 1))
            assert redis.process is not None
            redis.process.send_signal(signal.SIGSTOP)
            until("it is away again", lambda: told("redis_away", 2))
            load.carry_on()
            redis.process.send_signal(signal.SIGCONT)
            until("it is back again", lambda: told("redis_back", 2))
            assert told("redis_away", 2)
            assert {answer for _, answer in load.heard} == {"200"}
