"""Redis goes away and comes back: limits are looser meanwhile, and no call fails for it."""

import signal
import time
from collections.abc import Callable, Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.calls import log_lines
from tests.redis_server import RedisServer, running_redis
from tests.resilience.load import Caller, steady_load
from tests.resilience.polling import until
from tests.servers import serving, settings_for


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with running_redis() as redis:
        yield redis


def freeze(redis: RedisServer) -> None:
    """It accepts connections, and answers nothing."""
    assert redis.process is not None
    redis.process.send_signal(signal.SIGSTOP)


def thaw(redis: RedisServer) -> None:
    assert redis.process is not None
    redis.process.send_signal(signal.SIGCONT)


@pytest.mark.parametrize(
    ("away", "back"),
    [(RedisServer.kill, RedisServer.start), (freeze, thaw)],
    ids=["gone", "frozen"],
)
def test_no_call_fails_or_waits_for_redis(
    cognito: RunningCognito,
    callers: list[Caller],
    redis: RedisServer,
    away: Callable[[RedisServer], None],
    back: Callable[[RedisServer], None],
) -> None:
    """A frozen one would have them wait for ever; it is noticed once, and then passed over."""
    settings = settings_for(cognito) | {"REDIS_URL": redis.url, "WORKERS": "1"}
    with serving(settings) as service, steady_load(service.url, callers) as load:
        began = time.monotonic()
        away(redis)
        load.carry_on(5)
        assert len(log_lines(service.logs(), event="redis_away")) == 1
        back(redis)
        until("noticed", lambda: log_lines(service.logs(), event="redis_back"))
        assert set(load.seen(began)) == {"200"}
