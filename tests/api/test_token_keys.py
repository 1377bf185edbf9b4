"""The keys that tokens are verified with: fetched, kept, rotated, flooded, out of reach."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.test import TestResponse

from tests.api.client import ApiClient, assert_problem
from tests.api.conftest import Start
from tests.api.fake_cognito import FakeCognito
from tests.api.jwks_server import JwksServer
from tests.api.tokens import SigningKey, access_claims, sign

Token = Callable[..., str]

INVALID_TOKEN = 'Bearer error="invalid_token"'
SOON = 5.0
"""Seconds within which what is waited for must have come."""


def unknown(key: SigningKey, kid: str) -> str:
    """A token under a made-up `kid`."""
    return sign(access_claims(), key, headers={"kid": kid})


def poll(call: Callable[[], TestResponse], status: int, seconds: float = SOON) -> TestResponse:
    """The first answer with `status`; calls until there is one."""
    deadline = time.monotonic() + seconds
    while (response := call()).status_code != status:
        assert time.monotonic() < deadline, response.text
        time.sleep(0.01)
    return response


# Rotation


def test_one_fetch_serves_every_call(start: Start, jwks: JwksServer, token: Token) -> None:
    api = start()
    for _ in range(3):
        assert api.with_token(token()).get("/devices").status_code == 200
    assert jwks.fetches == 1


def test_a_rotation_fails_no_request(
    start: Start, jwks: JwksServer, pool_key: SigningKey, next_pool_key: SigningKey
) -> None:
    api = start()
    before = sign(access_claims(), pool_key)
    jwks.keys = [next_pool_key, pool_key]
    after = sign(access_claims(), next_pool_key)
    assert api.with_token(after).get("/devices").status_code == 200
    assert api.with_token(before).get("/devices").status_code == 200
    assert jwks.fetches == 2


def test_a_rotation_under_load_fails_no_request_and_costs_one_fetch(
    start: Start, jwks: JwksServer, next_pool_key: SigningKey, pool_key: SigningKey
) -> None:
    api = start(THREADS="64")
    jwks.keys = [next_pool_key, pool_key]
    tokens = [sign(access_claims(), next_pool_key) for _ in range(12)]
    with ThreadPoolExecutor(12) as threads:
        statuses = list(
            threads.map(lambda one: api.with_token(one).get("/devices").status_code, tokens)
        )
    assert statuses == [200] * 12
    assert jwks.fetches == 2


def test_a_key_that_was_withdrawn_signs_no_new_tokens(
    start: Start, jwks: JwksServer, pool_key: SigningKey, next_pool_key: SigningKey
) -> None:
    api = start()
    jwks.keys = [next_pool_key]
    api.with_token(sign(access_claims(), next_pool_key)).get("/devices")
    response = api.with_token(sign(access_claims(), pool_key)).get("/devices")
    assert_problem(response, 401, "invalid-token", challenge=INVALID_TOKEN)


def test_old_keys_are_refreshed_behind_the_callers_back(
    start: Start, jwks: JwksServer, token: Token
) -> None:
    api = start(JWKS_MAX_AGE="0.001", JWKS_REFETCH_INTERVAL="0.001")
    time.sleep(0.01)
    jwks.delay = 30
    started = time.monotonic()
    assert api.with_token(token()).get("/devices").status_code == 200
    assert time.monotonic() - started < SOON
    jwks.await_fetches(2)


# Floods


def test_made_up_kids_cost_one_fetch_an_interval(
    start: Start, jwks: JwksServer, fake_cognito: FakeCognito, strangers_key: SigningKey
) -> None:
    api = start(JWKS_REFETCH_INTERVAL="600")
    for number in range(50):
        response = api.with_token(unknown(strangers_key, f"kid-{number}")).get("/devices")
        assert_problem(response, 401, "invalid-token", challenge=INVALID_TOKEN)
    assert jwks.fetches == 2  # at the start, and for the first of them
    assert fake_cognito.calls == []


def test_good_tokens_are_served_during_a_flood_and_after(
    start: Start, jwks: JwksServer, strangers_key: SigningKey, token: Token
) -> None:
    api = start(JWKS_REFETCH_INTERVAL="600")
    for number in range(5):
        api.with_token(unknown(strangers_key, f"kid-{number}")).get("/devices")
        assert api.with_token(token()).get("/devices").status_code == 200


def test_after_the_interval_a_new_key_is_looked_for_again(
    start: Start,
    jwks: JwksServer,
    pool_key: SigningKey,
    next_pool_key: SigningKey,
    strangers_key: SigningKey,
) -> None:
    """A flood may hide a rotation for an interval, and no longer."""
    api = start(JWKS_REFETCH_INTERVAL="0.2")
    api.with_token(unknown(strangers_key, "made-up")).get("/devices")
    jwks.keys = [next_pool_key, pool_key]
    after = api.with_token(sign(access_claims(), next_pool_key))
    assert poll(lambda: after.get("/devices"), 200)
    assert jwks.fetches == 3


def test_while_a_slow_fetch_is_awaited_the_others_are_answered_at_once(
    start: Start, jwks: JwksServer, strangers_key: SigningKey, token: Token
) -> None:
    """Two of sixteen threads may wait for it: the rest is for those whose keys are known."""
    api = start(THREADS="16", COGNITO_READ_TIMEOUT="8")
    jwks.delay = 30
    waiting: list[TestResponse] = []

    def ask(number: int) -> None:
        caller = api.with_token(unknown(strangers_key, f"kid-{number}"))
        waiting.append(caller.get("/devices"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + SOON
    while len(waiting) < 6:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert jwks.fetches == 2
    for response in waiting:
        assert_problem(response, 503, "upstream-unavailable", retry_after=True)

    assert api.with_token(token()).get("/devices").status_code == 200
    assert len(waiting) == 6, "the fetch is still under way"

    jwks.released.set()
    for thread in threads:
        thread.join(SOON)
    assert [response.status_code for response in waiting[6:]] == [401] * 2
    assert jwks.fetches == 2


# Out of reach


def test_it_starts_without_the_keys_and_serves_once_they_are_there(
    start: Start, jwks: JwksServer, fake_cognito: FakeCognito
) -> None:
    jwks.go_down()
    api = start(JWKS_REFETCH_INTERVAL="0.05")
    response = api.get("/devices")
    assert_problem(response, 503, "upstream-unavailable", retry_after=True)
    assert "WWW-Authenticate" not in response.headers
    assert fake_cognito.calls == []
    assert api.get("/healthz").status_code == 200
    assert api.get("/readyz").status_code == 503
    jwks.go_up()
    assert poll(lambda: api.get("/devices"), 200)
    assert poll(lambda: api.get("/readyz"), 200)


def test_readiness_alone_has_the_keys_fetched(start: Start, jwks: JwksServer) -> None:
    """Nobody sends traffic to what is not ready."""
    jwks.go_down()
    api = start(JWKS_REFETCH_INTERVAL="0.05")
    jwks.go_up()
    assert poll(lambda: api.get("/readyz"), 200)


def test_retry_after_is_the_time_until_the_next_fetch(start: Start, jwks: JwksServer) -> None:
    jwks.go_down()
    api = start(JWKS_REFETCH_INTERVAL="90")
    assert 80 <= int(api.get("/devices").headers["Retry-After"]) <= 90


def test_a_failed_fetch_is_not_repeated_before_its_time(
    start: Start, jwks: JwksServer, token: Token
) -> None:
    jwks.status = 500
    api = start(JWKS_REFETCH_INTERVAL="600")
    for _ in range(5):
        assert api.with_token(token()).get("/devices").status_code == 503
    assert jwks.fetches == 1


def test_known_keys_serve_on_while_the_key_set_is_down(
    start: Start, jwks: JwksServer, token: Token, strangers_key: SigningKey
) -> None:
    api = start(JWKS_MAX_AGE="0.001", JWKS_REFETCH_INTERVAL="0.001")
    jwks.go_down()
    time.sleep(0.01)
    for _ in range(10):
        assert api.with_token(token()).get("/devices").status_code == 200
    assert api.get("/readyz").status_code == 200


def test_a_kid_that_cannot_be_looked_up_is_told_from_one_that_is_wrong(
    start: Start, jwks: JwksServer, fake_cognito: FakeCognito, strangers_key: SigningKey
) -> None:
    """It may be a new key's: the caller is to try again, not to sign in again."""
    api = start()
    jwks.go_down()
    response = api.with_token(unknown(strangers_key, "new")).get("/devices")
    assert_problem(response, 503, "upstream-unavailable", retry_after=True)
    assert fake_cognito.calls == []


def test_a_slow_key_set_is_given_up_on(start: Start, jwks: JwksServer) -> None:
    jwks.delay = 30
    api = start(COGNITO_READ_TIMEOUT="0.1")
    started = time.monotonic()
    assert api.get("/devices").status_code == 503
    assert time.monotonic() - started < SOON


EC_KEY = {"kty": "EC", "crv": "P-256", "kid": "pool-key-1", "use": "sig", "x": "AA", "y": "AA"}
GARBAGE = {
    "nothing": b"",
    "HTML": b"<!doctype html><title>Sign in</title>",
    "half of it": b'{"keys": [{"kty": "RSA"',
    "not UTF-8": b"\xff\xfe",
    "null": b"null",
    "a list": b"[]",
    "no keys": b"{}",
    "keys empty": b'{"keys": []}',
    "keys no list": b'{"keys": 7}',
    "keys of strings": b'{"keys": ["pool-key-1"]}',
    "an elliptic curve's key": json.dumps({"keys": [EC_KEY]}).encode(),
    "a secret key": b'{"keys": [{"kty": "oct", "kid": "pool-key-1", "k": "AAAA"}]}',
    "a key without a modulus": b'{"keys": [{"kty": "RSA", "kid": "pool-key-1", "e": "AQAB"}]}',
    "a key with a modulus of one": (
        b'{"keys": [{"kty": "RSA", "kid": "pool-key-1", "n": "AQ", "e": "AQAB"}]}'
    ),
    "nested too deeply": b"[" * 100_000,
    "more than a key set ever takes": b'{"keys": [' + b" " * 300 * 1024 + b"]}",
}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_what_is_no_key_set_is_none(
    start: Start, jwks: JwksServer, fake_cognito: FakeCognito, body: bytes
) -> None:
    jwks.body = body
    response = start().get("/devices")
    assert_problem(response, 503, "upstream-unavailable", retry_after=True)
    assert fake_cognito.calls == []


@pytest.mark.parametrize("status", [204, 302, 403, 404, 500, 503])
def test_an_answer_other_than_200_is_none(start: Start, jwks: JwksServer, status: int) -> None:
    jwks.status = status
    response = start().get("/devices")
    assert_problem(response, 503, "upstream-unavailable", retry_after=True)


def test_garbage_does_not_replace_keys_that_are_known(
    start: Start, jwks: JwksServer, token: Token
) -> None:
    api = start(JWKS_MAX_AGE="0.001", JWKS_REFETCH_INTERVAL="0.001")
    jwks.body = b'{"keys": []}'
    time.sleep(0.01)
    api.with_token(token()).get("/devices")
    jwks.await_fetches(2)
    for _ in range(3):
        assert api.with_token(token()).get("/devices").status_code == 200


def test_keys_for_other_purposes_are_left_aside(
    start: Start, jwks: JwksServer, pool_key: SigningKey, strangers_key: SigningKey
) -> None:
    encryption_key = SigningKey("for-encryption", strangers_key.private)
    keys = [EC_KEY | {"kid": "curve"}, encryption_key.jwk() | {"use": "enc"}, pool_key.jwk()]
    jwks.body = json.dumps({"keys": keys}).encode()
    api = start()
    assert api.get("/devices").status_code == 200
    response = api.with_token(sign(access_claims(), encryption_key)).get("/devices")
    assert_problem(response, 401, "invalid-token", challenge=INVALID_TOKEN)


# Remembered tokens


def test_a_token_that_verified_is_refused_once_it_expires(start: Start, token: Token) -> None:
    api = start(TOKEN_LEEWAY="0")
    short = api.with_token(token(exp=int(time.time()) + 2))
    assert short.get("/devices").status_code == 200
    expired = poll(lambda: short.get("/devices"), 401)
    assert_problem(expired, 401, "invalid-token", challenge=INVALID_TOKEN)


def test_a_remembered_token_is_still_told_from_another(
    api: ApiClient, pool_key: SigningKey, strangers_key: SigningKey, token: Token
) -> None:
    good = token()
    assert api.with_token(good).get("/devices").status_code == 200
    head, _, signature = good.rpartition(".")
    forged = f"{head}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}"
    assert api.with_token(forged).get("/devices").status_code == 401
    assert api.with_token(good + "A").get("/devices").status_code == 401
    assert api.with_token(good).get("/devices").status_code == 200


def test_each_caller_is_served_as_themselves_though_tokens_are_remembered(
    api: ApiClient, fake_cognito: FakeCognito, token: Token
) -> None:
    fake_cognito.add("jane", "eu-west-1_aaaa")
    fake_cognito.add("joe", "eu-west-1_bbbb")
    tokens = {"eu-west-1_aaaa": token(sub="jane"), "eu-west-1_bbbb": token(sub="joe")}
    for _ in range(2):
        for device_key, value in tokens.items():
            (device,) = api.with_token(value).get("/devices").get_json()["items"]
            assert device["id"] == device_key
