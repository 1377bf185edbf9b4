"""CORS: which web origins may read answers. Fetch standard, "CORS protocol"."""

from collections.abc import Iterator
from itertools import product

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.api.client import ApiClient
from tests.api.conftest import Token, application, client_of
from tests.api.tokens import SigningKey
from tests.calls import assert_problem

APP = "https://app.example.com"
ORIGINS = (APP, "http://[::1]:3000", "capacitor://localhost")
STRANGERS = [
    *("null", "*", "", "https://evil.example", "http://app.example.com"),
    *("https://app.example.com.evil.example", "https://app.example.com:444"),
    "https://sub.app.example.com",
]
MONITORS = ["baggage", "sentry-trace", "traceparent", "tracestate", "x-datadog-trace-id"]


@pytest.fixture(scope="module")
def cors_application(pool_key: SigningKey) -> Iterator[Flask]:
    variables = {"CORS_ORIGINS": ", ".join(ORIGINS), "CORS_HEADERS": "x-ours"}
    limit = {"RATE_LIMIT_PER_ADDRESS": "1 per hour"}
    with application(pool_key, **variables, **limit) as app:
        yield app


@pytest.fixture
def shared(cors_application: Flask, token: Token) -> ApiClient:
    return client_of(cors_application, token())


def preflight(api: ApiClient, origin: str, headers: str, path: str = "/devices") -> TestResponse:
    asked = {"Access-Control-Request-Method": "DELETE", "Access-Control-Request-Headers": headers}
    response = api.with_authorization(None).options(path, headers={"Origin": origin} | asked)
    assert response.status_code == 200
    return response


def cors_headers(response: TestResponse) -> set[str]:
    return {name for name, _ in response.headers if name.lower().startswith("access-control-")}


def test_an_allowed_origin_may_read_and_the_headers_of_the_contract_too(
    shared: ApiClient,
) -> None:
    paths = ("/devices", "/sessions", "/openapi.json", "/openapi-3.0.json")
    for origin, path in product(ORIGINS, paths):
        headers = shared.get(path, headers={"Origin": origin}).headers
        assert headers["Access-Control-Allow-Origin"] == origin
        assert set(headers["Access-Control-Expose-Headers"].split(", ")) >= {
            *("Link", "Location", "Retry-After", "X-Request-ID", "WWW-Authenticate"),
            *("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
        }
        assert "Origin" in headers["Vary"]


def test_no_other_origin_may(shared: ApiClient) -> None:
    for origin in STRANGERS:
        answer = shared.get("/devices", headers={"Origin": origin})
        assert cors_headers(answer) == set(), origin
        assert "Origin" in answer.headers["Vary"]
        assert cors_headers(preflight(shared, origin, "authorization")) == set(), origin


@pytest.mark.parametrize("path", ["/device", "/devices/a/b/c", "/nowhere"])
def test_a_page_can_read_that_nothing_is_at_an_address(shared: ApiClient, path: str) -> None:
    """A preflight that is not answered as one is told as a failure of CORS."""
    allowed = preflight(shared, APP, "authorization", path).headers
    assert allowed["Access-Control-Allow-Origin"] == APP
    assert "DELETE" in allowed["Access-Control-Allow-Methods"]
    answer = shared.get(path, headers={"Origin": APP})
    assert_problem(answer, 404, "not-found")
    assert answer.headers["Access-Control-Allow-Origin"] == APP


def test_a_preflight_is_answered_without_a_token_never_limited_and_by_its_headers(
    shared: ApiClient,
) -> None:
    headers = preflight(shared, APP, "authorization", "/sessions").headers
    assert headers["Access-Control-Allow-Origin"] == APP
    assert headers["Access-Control-Max-Age"] == "7200"
    methods = set(headers["Access-Control-Allow-Methods"].split(", "))
    assert methods == {"GET", "POST", "PATCH", "DELETE"}
    assert "Access-Control-Allow-Credentials" not in headers
    ours = ("authorization", "content-type", "x-request-id", "x-ours")
    for header in (*ours, *MONITORS, "x-unheard-of"):
        allowed = preflight(shared, APP, header).headers.get("Access-Control-Allow-Headers", "")
        passes = header in allowed.lower().split(", ")
        assert passes is (header != "x-unheard-of"), header


def test_problems_can_be_read_too(shared: ApiClient) -> None:
    origin, anonymous = {"Origin": APP}, shared.with_authorization(None)
    answers = {
        401: anonymous.get("/devices", headers=origin),
        429: anonymous.get("/devices", headers=origin),
        404: anonymous.get("/device", headers=origin),
        405: shared.put("/devices", headers=origin),
        413: shared.post("/devices", json={"name": "x" * 20_000}, headers=origin),
        422: shared.get("/devices?limit=0", headers=origin),
    }
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, APP)
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_what_is_no_business_of_web_pages_is_not_shared(shared: ApiClient) -> None:
    for path in ("/healthz", "/readyz", "/docs"):
        assert cors_headers(shared.get(path, headers={"Origin": APP})) == set(), path
    assert cors_headers(shared.get("/devices")) == set(), "without an origin"


def test_without_origins_there_is_no_cors_at_all(api: ApiClient) -> None:
    assert cors_headers(api.get("/devices", headers={"Origin": APP})) == set()
    assert cors_headers(preflight(api, APP, "authorization")) == set()
