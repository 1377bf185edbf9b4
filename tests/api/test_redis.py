"""Limits shared through Redis, and calls that go on without it."""

from redis import Redis

from tests.api.client import assert_problem
from tests.api.conftest import Start
from tests.redis_server import RedisServer

LIMIT = {"RATE_LIMIT_PER_USER": "3 per minute"}


def test_a_users_calls_are_counted_over_all_processes(start: Start, redis: RedisServer) -> None:
    one, other = start(REDIS_URL=redis.url, **LIMIT), start(REDIS_URL=redis.url, **LIMIT)
    statuses = [api.get("/devices").status_code for api in (one, other, one)]
    assert statuses == [200, 200, 200]
    assert_problem(other.get("/devices"), 429, "rate-limited", retry_after=True)


def test_without_redis_each_process_counts_for_itself(start: Start) -> None:
    one, other = start(**LIMIT), start(**LIMIT)
    assert [api.get("/devices").status_code for api in (one, other) * 3] == [200] * 6


def test_when_redis_dies_calls_go_on_and_are_still_limited(
    start: Start, redis: RedisServer
) -> None:
    api = start(REDIS_URL=redis.url, **LIMIT)
    assert api.get("/devices").status_code == 200
    redis.kill()
    statuses = [api.get("/devices").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429]


def test_it_starts_while_redis_is_away(start: Start, redis: RedisServer) -> None:
    redis.kill()
    assert start(REDIS_URL=redis.url).get("/devices").status_code == 200


def test_nothing_that_names_a_user_is_kept_in_redis(start: Start, redis: RedisServer) -> None:
    api = start(REDIS_URL=redis.url)
    api.get("/devices")
    api.with_authorization(None).get("/devices")
    with Redis.from_url(redis.url, decode_responses=True) as kept:
        keys = kept.keys()
    assert len(keys) == 2
    for key in keys:
        assert "aaaaaaaa-0000-4000-8000-000000000001" not in key
        assert "127.0.0.1" not in key
