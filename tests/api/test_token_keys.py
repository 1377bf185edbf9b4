"""The keys that tokens are verified with, over HTTP: rotated, out of reach, of two issuers.

When they are fetched, and which are taken: tests/unit/auth/test_keys.py.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from prometheus_client import REGISTRY

from tests.api.client import ApiClient
from tests.api.conftest import Start, Token
from tests.api.jwks_server import JwksServer, await_jwks_fetches
from tests.api.tokens import ISSUER, SigningKey, access_claims, sign
from tests.calls import assert_problem
from tests.polling import until

SECONDS_COUNT = "device_bff_http_request_duration_seconds_count"
FETCHES = "device_bff_jwks_fetches_total"
UNKNOWN_KEY = {"method": "GET", "route": "unknown-key", "status": "503"}
SWITCHED_ISSUER = ISSUER.replace("cognito-idp", "issuer-cognito-idp")


def test_a_rotation_under_load_fails_no_request_and_costs_one_fetch(
    start: Start, jwks: JwksServer, pool_key: SigningKey, next_pool_key: SigningKey
) -> None:
    api = start()
    before = sign(access_claims(), pool_key)
    jwks.keys = [next_pool_key, pool_key]
    tokens = [before, *(sign(access_claims(), next_pool_key) for _ in range(11))]
    with ThreadPoolExecutor(12) as threads:
        answers = threads.map(lambda one: api.with_token(one).get("/devices").status_code, tokens)
    assert list(answers) == [200] * 12
    assert jwks.fetches == 2


def test_a_key_that_was_withdrawn_signs_no_new_tokens(
    start: Start, jwks: JwksServer, pool_key: SigningKey, next_pool_key: SigningKey
) -> None:
    api = start()
    jwks.keys = [next_pool_key]
    api.with_token(sign(access_claims(), next_pool_key)).get("/devices")
    response = api.with_token(sign(access_claims(), pool_key)).get("/devices")
    assert_problem(response, 401, "invalid-token")


def test_a_key_that_is_rotated_in_after_a_made_up_one_is_waited_for(
    start: Start, jwks: JwksServer, strangers_key: SigningKey, next_pool_key: SigningKey
) -> None:
    """A 401 would sign the user out. Made-up keys concern no route's alerts."""
    api = start(JWKS_REFETCH_INTERVAL="60", RATE_LIMIT_PER_ADDRESS="3 per hour")
    made_up = api.with_token(sign(access_claims(), strangers_key, headers={"kid": "made-up"}))
    assert_problem(made_up.get("/devices"), 401, "invalid-token")
    jwks.keys = [next_pool_key]
    before = REGISTRY.get_sample_value(SECONDS_COUNT, UNKNOWN_KEY) or 0.0
    rotated_in = api.with_token(sign(access_claims(), next_pool_key))
    waits = rotated_in.get("/devices")
    assert_problem(waits, 503, "upstream-unavailable")
    assert 1 <= int(waits.headers["Retry-After"]) <= 60
    assert REGISTRY.get_sample_value(SECONDS_COUNT, UNKNOWN_KEY) == before + 1
    assert [rotated_in.get("/devices").status_code for _ in range(2)] == [503, 429]


def test_it_starts_without_the_keys_and_serves_once_they_are_there(
    start: Start, jwks: JwksServer
) -> None:
    jwks.status = 500
    api = start(JWKS_REFETCH_INTERVAL="0.05")
    of_the_route = UNKNOWN_KEY | {"route": "/devices"}
    before = REGISTRY.get_sample_value(SECONDS_COUNT, of_the_route) or 0.0
    response = api.get("/devices")
    assert_problem(response, 503, "upstream-unavailable")
    assert REGISTRY.get_sample_value(SECONDS_COUNT, of_the_route) == before + 1, "alerts see it"
    assert api.cognito.calls == []
    assert api.get("/healthz").status_code == 200
    readiness = api.get("/readyz")
    assert readiness.status_code == 503
    assert readiness.get_json()["checks"] == {"accepting": True, "keys": False, "cognito": True}
    jwks.status = 200
    # Nobody sends calls to what is not ready.
    until("it is ready", lambda: api.get("/readyz").status_code == 200)
    assert api.get("/devices").status_code == 200


def test_known_keys_serve_on_while_the_address_is_down(
    start: Start,
    jwks: JwksServer,
    token: Token,
    strangers_key: SigningKey,
    capsys: pytest.CaptureFixture[str],
) -> None:
    api = start(JWKS_MAX_AGE="0.001", JWKS_REFETCH_INTERVAL="0.001")
    jwks.status = 500
    before = REGISTRY.get_sample_value(FETCHES, {"outcome": "failed"}) or 0.0
    for _ in range(5):
        assert api.with_token(token()).get("/devices").status_code == 200
        await_jwks_fetches()
    assert api.get("/readyz").status_code == 200
    failed = {"outcome": "failed"}
    until(
        "each is counted",
        lambda: REGISTRY.get_sample_value(FETCHES, failed) == before + jwks.fetches - 1,
    )
    assert jwks.url in capsys.readouterr().out.partition("jwks_fetch_failed")[2]
    unknown = sign(access_claims(), strangers_key, headers={"kid": "new"})
    response = api.with_token(unknown).get("/devices")  # it may be a new key's
    assert_problem(response, 503, "upstream-unavailable")


def test_one_of_two_key_addresses_is_enough_to_be_ready_and_to_serve(
    start: Start, jwks: JwksServer, token: Token
) -> None:
    """A pool that issues the first form only has 403 at the address of the second. Probes do not
    ask there again and again, and a token that anybody can make up concerns no route's alerts."""
    with closing(JwksServer()) as not_switched:
        not_switched.status = 403
        api = start(COGNITO_JWKS_URL=f"{jwks.url}, {not_switched.url}")
        for _ in range(3):
            assert api.get("/readyz").status_code == 200
            await_jwks_fetches()
        assert api.get("/devices").status_code == 200
        assert not_switched.fetches == 1
        before = REGISTRY.get_sample_value(SECONDS_COUNT, UNKNOWN_KEY) or 0.0
        switched = api.with_token(token(iss=SWITCHED_ISSUER)).get("/devices")
        assert_problem(switched, 503, "upstream-unavailable")
        assert REGISTRY.get_sample_value(SECONDS_COUNT, UNKNOWN_KEY) == before + 1


def test_an_issuers_keys_are_its_own(
    start: Start, jwks: JwksServer, next_pool_key: SigningKey
) -> None:
    with closing(JwksServer(next_pool_key)) as elsewhere:
        api = start(COGNITO_JWKS_URL=f"{jwks.url},{elsewhere.url}")
        crossed = sign(access_claims(iss=ISSUER), next_pool_key)
        response = api.with_token(crossed).get("/devices")
        assert_problem(response, 401, "invalid-token")
        good = sign(access_claims(iss=SWITCHED_ISSUER), next_pool_key)
        assert api.with_token(good).get("/devices").status_code == 200


def test_a_remembered_token_is_still_told_from_another(api: ApiClient, token: Token) -> None:
    good = token()
    assert api.with_token(good).get("/devices").status_code == 200
    head, _, signature = good.rpartition(".")
    forged = f"{head}.{('B' if signature[0] == 'A' else 'A') + signature[1:]}"
    for other in (forged, good + "A"):
        assert api.with_token(other).get("/devices").status_code == 401
    assert api.with_token(good).get("/devices").status_code == 200


def test_each_caller_is_served_as_themselves_though_tokens_are_remembered(
    api: ApiClient, token: Token
) -> None:
    tokens = {"eu-west-1_aaaa": token(sub="jane"), "eu-west-1_bbbb": token(sub="joe")}
    api.cognito.add("eu-west-1_aaaa", sub="jane")
    api.cognito.add("eu-west-1_bbbb", sub="joe")
    for _ in range(2):
        for device_key, value in tokens.items():
            (device,) = api.with_token(value).get("/devices").get_json()["items"]
            assert device["id"] == device_key
