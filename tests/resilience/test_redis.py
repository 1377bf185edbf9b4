"""Redis goes away and comes back: limits are looser meanwhile, and no call fails for it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from local_cognito.process import RunningCognito
from tests.redis_server import RedisServer, running_redis
from tests.resilience.conftest import FAULT_SECONDS
from tests.resilience.load import Caller, Load, steady_load
from tests.resilience.table import ChaosTable
from tests.calls import log_lines, until
from tests.servers import Service, serving, settings_for

NOTICEABLE = 1.0
"""Seconds. More than this of a caller's time a limit is not worth, busy machine or not."""


@contextmanager
def killed(redis: RedisServer) -> Iterator[None]:
    redis.kill()
    yield
    redis.start()


@contextmanager
def frozen(redis: RedisServer) -> Iterator[None]:
    """It accepts connections, and answers nothing."""
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)
    yield
    redis.process.send_signal(signal.SIGCONT)


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as redis:
        yield redis


@pytest.fixture
def counting(cognito: RunningCognito, redis: RedisServer) -> Iterator[Service]:
    with serving(settings_for(cognito) | {"REDIS_URL": redis.url}) as service:
        yield service


@pytest.fixture
def redis_load(counting: Service, callers: list[Caller]) -> Iterator[Load]:
    with steady_load(counting.url, callers) as load:
        yield load


@pytest.mark.parametrize("away", [killed, frozen], ids=["killed", "frozen"])
def test_no_call_fails_or_waits_for_redis(
    redis: RedisServer,
    counting: Service,
    redis_load: Load,
    chaos_table: ChaosTable,
    away: object,
    request: pytest.FixtureRequest,
) -> None:
    assert callable(away)
    name = f"Redis {request.node.callspec.id} and back"
    outcome = chaos_table.measure(name, redis_load, away(redis), FAULT_SECONDS)
    assert set(outcome.answers) == {"200"}
    assert outcome.worst_latency < NOTICEABLE
    assert outcome.wrong == []
    assert outcome.cross_talk == 0
    workers_that_noticed = len(log_lines(counting.logs(), event="redis_away"))
    assert workers_that_noticed > 0
    until(lambda: len(log_lines(counting.logs(), event="redis_back")) == workers_that_noticed)
