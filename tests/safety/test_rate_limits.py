"""How often one may call: each user, and each address whose calls come without a good token."""

import itertools
import time
from collections.abc import Callable, Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.safety.calls import (
    FORGED_TOKEN,
    SignedIn,
    assert_problem,
    call,
    log_lines,
    metric,
    sign_in,
)
from tests.safety.conftest import service_with
from tests.servers import Service

USER_LIMIT = 8
ADDRESS_LIMIT = 5
WINDOW = 3
FORGED = {"Authorization": f"Bearer {FORGED_TOKEN}"}

Headers = dict[str, str]
NewUser = Callable[[], SignedIn]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def limited(cognito_server: RunningCognito) -> Iterator[Service]:
    """A service with low limits, behind a proxy: each test comes from an address of its own."""
    with service_with(
        cognito_server,
        RATE_LIMIT_PER_USER=f"{USER_LIMIT} per {WINDOW} seconds",
        RATE_LIMIT_PER_ADDRESS=f"{ADDRESS_LIMIT} per {WINDOW} seconds",
        TRUSTED_PROXY_HOPS="1",
    ) as service:
        yield service


@pytest.fixture
def new_user(cognito: RunningCognito) -> NewUser:
    """Somebody nobody has counted yet, signed in."""

    def sign_up_and_in() -> SignedIn:
        name = f"user{next(_numbers)}"
        cognito.control("POST", "/_local/users", username=name, password="Passw0rd!x")
        return sign_in(cognito, name)

    return sign_up_and_in


@pytest.fixture
def here() -> Headers:
    """An address that nobody has counted yet."""
    return {"X-Forwarded-For": f"203.0.113.{next(_numbers)}"}


def statuses(service: Service, times: int, headers: Headers) -> list[int]:
    return [call(f"{service.url}/devices", headers=headers).status_code for _ in range(times)]


def test_a_user_over_the_limit_is_told_to_wait(limited: Service, new_user: NewUser) -> None:
    user = new_user()
    assert statuses(limited, USER_LIMIT, user.bearer) == [200] * USER_LIMIT
    answer = call(f"{limited.url}/devices", headers=user.bearer)
    problem = assert_problem(answer, 429, "rate-limited")
    assert 1 <= int(answer.headers["Retry-After"]) <= WINDOW
    assert f"{USER_LIMIT} per {WINDOW} second" in problem["detail"]


def test_who_waits_as_long_as_told_is_served(limited: Service, new_user: NewUser) -> None:
    user = new_user()
    statuses(limited, USER_LIMIT, user.bearer)
    refused = call(f"{limited.url}/devices", headers=user.bearer)
    time.sleep(float(refused.headers["Retry-After"]))
    assert call(f"{limited.url}/devices", headers=user.bearer).status_code == 200


def test_the_headers_count_down(limited: Service, new_user: NewUser) -> None:
    user = new_user()
    left = []
    for _ in range(USER_LIMIT + 1):
        headers = call(f"{limited.url}/devices", headers=user.bearer).headers
        assert headers["RateLimit-Limit"] == str(USER_LIMIT)
        assert 1 <= int(headers["RateLimit-Reset"]) <= WINDOW
        left.append(int(headers["RateLimit-Remaining"]))
    assert left == [*range(USER_LIMIT - 1, -1, -1), 0]


def test_all_sign_ins_of_a_user_count_together_and_users_apart(
    limited: Service, cognito: RunningCognito, new_user: NewUser
) -> None:
    cognito.control("POST", "/_local/users", username="ada", password="Passw0rd!x")
    phone, laptop = sign_in(cognito, "ada"), sign_in(cognito, "ada")
    statuses(limited, USER_LIMIT // 2, phone.bearer)
    statuses(limited, USER_LIMIT // 2, laptop.bearer)
    assert statuses(limited, 1, phone.bearer) == statuses(limited, 1, laptop.bearer) == [429]
    assert statuses(limited, 1, new_user().bearer) == [200]


def test_refused_calls_do_not_reach_cognito(
    limited: Service, cognito: RunningCognito, new_user: NewUser
) -> None:
    user = new_user()
    cognito.control("DELETE", "/_local/calls")
    statuses(limited, USER_LIMIT + 5, user.bearer)
    assert cognito.control("GET", "/_local/calls")["ListDevices"] == USER_LIMIT


def test_guessing_tokens_is_limited_by_address(limited: Service, here: Headers) -> None:
    guesses = [
        call(
            f"{limited.url}/devices",
            headers=here | {"Authorization": f"Bearer {FORGED_TOKEN}{guess}"},
        ).status_code
        for guess in range(ADDRESS_LIMIT + 2)
    ]
    assert guesses == [401] * ADDRESS_LIMIT + [429] * 2


def test_calls_without_a_token_and_with_a_bad_one_count_together(
    limited: Service, here: Headers
) -> None:
    answers = statuses(limited, 2, here) + statuses(limited, ADDRESS_LIMIT, here | FORGED)
    assert answers == [401] * ADDRESS_LIMIT + [429] * 2


def test_a_good_token_from_that_address_is_served(
    limited: Service, new_user: NewUser, here: Headers
) -> None:
    assert statuses(limited, ADDRESS_LIMIT + 1, here | FORGED)[-1] == 429
    assert statuses(limited, 1, here | new_user().bearer) == [200]


def test_probes_and_preflights_are_not_limited(limited: Service, here: Headers) -> None:
    for _ in range(ADDRESS_LIMIT + 2):
        assert call(f"{limited.url}/healthz", headers=here).status_code == 200
        assert call(f"{limited.url}/devices", "OPTIONS", headers=here).status_code == 200


def test_refusals_are_counted(limited: Service, here: Headers) -> None:
    before = metric(limited.url, 'device_bff_rate_limited_total{by="address"}')
    statuses(limited, ADDRESS_LIMIT + 3, here)
    assert metric(limited.url, 'device_bff_rate_limited_total{by="address"}') == before + 3


def test_without_redis_the_start_says_that_limits_are_per_process(limited: Service) -> None:
    (line,) = log_lines(limited.logs(), event="limits_are_per_process")
    assert line["level"] == "warning"
    assert "REDIS_URL" in line["because"]
