"""CORS: which web origins may read answers. Fetch standard, "CORS protocol"."""

from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.calls import FORGED_TOKEN, SignedIn, call
from tests.safety.conftest import service_with
from tests.servers import Service

APP = "https://app.example.com"
IPV6_APP = "http://[::1]:3000"
STRANGERS = [
    "null",
    "https://evil.example",
    "https://app.example.com.evil.example",
    "https://app.example.com:444",
    "http://app.example.com",
    "https://sub.app.example.com",
    "https://app-example.com",
    "http://:3000",
    "*",
    "",
]
EXPOSED = {
    "Link",
    "Location",
    "Retry-After",
    "X-Request-ID",
    "WWW-Authenticate",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
}


@pytest.fixture(scope="module")
def shared(cognito_server: RunningCognito) -> Iterator[Service]:
    with service_with(
        cognito_server, CORS_ORIGINS=f"{APP}, {IPV6_APP}", RATE_LIMIT_PER_ADDRESS="30 per second"
    ) as service:
        yield service


def preflight(url: str, origin: str, method: str = "DELETE") -> dict[str, str]:
    answer = call(
        url,
        "OPTIONS",
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization, content-type, x-unheard-of",
        },
    )
    assert answer.status_code in (200, 204)
    return dict(answer.headers)


def cors_headers(headers: dict[str, str]) -> set[str]:
    return {name for name in headers if name.lower().startswith("access-control-")}


@pytest.mark.parametrize("origin", [APP, IPV6_APP])
def test_an_allowed_origin_may_read(shared: Service, user: SignedIn, origin: str) -> None:
    answer = call(f"{shared.url}/devices", headers=user.bearer | {"Origin": origin})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == origin


def test_it_may_read_the_headers_that_the_contract_speaks_of(
    shared: Service, user: SignedIn
) -> None:
    answer = call(f"{shared.url}/devices", headers=user.bearer | {"Origin": APP})
    assert set(answer.headers["Access-Control-Expose-Headers"].split(", ")) == EXPOSED


@pytest.mark.parametrize("origin", STRANGERS)
def test_no_other_origin_may(shared: Service, user: SignedIn, origin: str) -> None:
    answer = call(f"{shared.url}/devices", headers=user.bearer | {"Origin": origin})
    assert cors_headers(dict(answer.headers)) == set()
    assert cors_headers(preflight(f"{shared.url}/devices", origin)) == set()


def test_cookies_are_never_allowed(shared: Service) -> None:
    assert "Access-Control-Allow-Credentials" not in preflight(f"{shared.url}/devices", APP)


def test_a_preflight_is_answered_without_a_token_and_may_be_kept(shared: Service) -> None:
    headers = preflight(f"{shared.url}/devices/current", APP)
    assert headers["Access-Control-Allow-Origin"] == APP
    assert int(headers["Access-Control-Max-Age"]) == 7200
    methods = set(headers["Access-Control-Allow-Methods"].split(", "))
    assert methods == {"GET", "POST", "PATCH", "DELETE"}


def test_only_headers_of_the_contract_may_be_sent(shared: Service) -> None:
    headers = preflight(f"{shared.url}/devices", APP)
    assert headers["Access-Control-Allow-Headers"] == "authorization, content-type"


def test_preflights_do_not_count_against_the_address(shared: Service) -> None:
    for _ in range(40):
        preflight(f"{shared.url}/devices", APP)


@pytest.mark.parametrize("origin", [APP, "https://evil.example", None])
def test_caches_are_told_that_answers_vary(
    shared: Service, user: SignedIn, origin: str | None
) -> None:
    sent = user.bearer | ({"Origin": origin} if origin else {})
    for path in ("/devices", "/devices/current", "/openapi.json"):
        assert "Origin" in call(f"{shared.url}{path}", headers=sent).headers["Vary"]


def test_one_who_sends_no_origin_is_not_told_the_list(shared: Service, user: SignedIn) -> None:
    answer = call(f"{shared.url}/devices", headers=user.bearer)
    assert cors_headers(dict(answer.headers)) == set()


@pytest.mark.parametrize("path", ["/healthz", "/metrics", "/readyz", "/devicesque"])
def test_what_is_no_business_of_web_pages_is_not_shared(shared: Service, path: str) -> None:
    answer = call(f"{shared.url}{path}", headers={"Origin": APP})
    assert cors_headers(dict(answer.headers)) == set()


def test_problems_can_be_read_too(shared: Service, user: SignedIn) -> None:
    origin = {"Origin": APP}
    forged = origin | {"Authorization": f"Bearer {FORGED_TOKEN}"}
    answers = {
        401: call(f"{shared.url}/devices", headers=origin),
        404: call(f"{shared.url}/devices/nonsense", headers=origin | user.bearer),
        405: call(f"{shared.url}/devices", "PUT", headers=origin | user.bearer),
        422: call(f"{shared.url}/devices?limit=0", headers=origin | user.bearer),
    }
    for _ in range(40):
        answers[429] = call(f"{shared.url}/devices", headers=forged)
        if answers[429].status_code == 429:
            break
    for status, answer in answers.items():
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, APP)
        assert "Retry-After" in answer.headers["Access-Control-Expose-Headers"]


def test_without_origins_there_is_no_cors_at_all(service: Service, user: SignedIn) -> None:
    answer = call(f"{service.url}/devices", headers=user.bearer | {"Origin": APP})
    assert cors_headers(dict(answer.headers)) == set()
    assert cors_headers(preflight(f"{service.url}/devices", APP)) == set()
