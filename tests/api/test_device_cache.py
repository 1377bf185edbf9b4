"""DEVICE_CACHE_SECONDS: first pages kept in a real Redis, which cannot read them."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from redis import Redis

from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, Start, Token, application, client_of
from tests.api.tokens import SUB, SigningKey
from tests.redis_server import RedisServer, running_redis


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with running_redis() as redis:
        yield redis


@pytest.fixture(scope="module")
def caching_application(redis: RedisServer, pool_key: SigningKey) -> Iterator[Flask]:
    with application(pool_key, REDIS_URL=redis.url, DEVICE_CACHE_SECONDS="60") as app:
        yield app


@pytest.fixture
def api(caching_application: Flask, redis: RedisServer, token: Token) -> ApiClient:
    """Of a user with two devices, and nothing in the cache."""
    with Redis.from_url(redis.url) as client:
        client.flushall()
    api = client_of(caching_application, token())
    api.cognito.add(CURRENT, name="Ana's laptop")
    api.cognito.add(OTHER, name="Ana's phone")
    return api


def lists(api: ApiClient) -> int:
    return api.cognito.operations().count("list_devices")


def test_a_second_look_is_answered_from_the_cache_and_tells_its_age(api: ApiClient) -> None:
    first, second = api.get("/devices"), api.get("/devices")
    assert first.get_json() == second.get_json()
    assert "Age" not in first.headers
    assert int(second.headers["Age"]) <= 60
    assert lists(api) == 1


def test_no_cache_asks_cognito(api: ApiClient) -> None:
    api.get("/devices")
    assert "Age" not in api.get("/devices", headers={"Cache-Control": "no-cache"}).headers
    assert lists(api) == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("DELETE", f"/devices/{OTHER}", None),
        ("PATCH", f"/devices/{OTHER}", {"status": "not_remembered"}),
        ("DELETE", "/devices?scope=others", None),
    ],
)
def test_every_write_drops_the_pages_of_all_the_users_sessions(
    api: ApiClient, token: Token, method: str, path: str, body: object
) -> None:
    elsewhere = api.with_token(token(device_key=OTHER))
    elsewhere.get("/devices")
    api.open(path, method=method, json=body)
    assert [item["id"] for item in elsewhere.get("/devices").get_json()["items"]] == [CURRENT]


def test_other_pages_are_asked_of_cognito(api: ApiClient) -> None:
    for _ in range(2):
        cursor = api.get("/devices?limit=1").get_json()["nextCursor"]
        api.get("/devices", query_string={"limit": 1, "cursor": cursor})
    assert lists(api) == 3


def test_no_token_opens_anothers_page(api: ApiClient, token: Token, redis: RedisServer) -> None:
    api.get("/devices")
    stranger = api.with_token(token(sub="somebody-else"))
    assert stranger.get("/devices").get_json()["items"] == []
    kept: Any = Redis.from_url(redis.url)
    (mine, theirs) = (
        (key, *next(iter(kept.hgetall(key).items())))
        for key in kept.keys("device-bff:first-page:*")
    )
    kept.hset(mine[0], mine[1], theirs[2])  # somebody swaps what Redis holds
    kept.hset(theirs[0], theirs[1], mine[2])
    assert "Age" not in api.get("/devices").headers
    assert stranger.get("/devices").get_json()["items"] == []


def test_redis_holds_nothing_to_read(api: ApiClient, redis: RedisServer) -> None:
    api.get("/devices")
    kept: Any = Redis.from_url(redis.url)
    (key,) = kept.keys("device-bff:first-page:*")
    everything = key + b"".join(b"".join(pair) for pair in kept.hgetall(key).items())
    for secret in (SUB, CURRENT, "Ana", "192.0.2.7"):
        assert secret.encode() not in everything
    assert 0 < kept.ttl(key) <= 60


def test_without_redis_every_page_is_cognitos(start: Start) -> None:
    with running_redis() as redis:
        api = start(REDIS_URL=redis.url, DEVICE_CACHE_SECONDS="60")
        api.get("/devices")
        redis.kill()
    assert "Age" not in api.get("/devices").headers
    assert lists(api) == 2
