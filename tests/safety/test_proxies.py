"""Whom the service believes about where a call comes from: TRUSTED_PROXY_HOPS, and nobody else.

The audit line's address, the Link and Location headers and HSTS show what it believes.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from local_cognito.process import RunningCognito
from tests.safety.calls import SignedIn, call, log_lines, sign_in, sign_in_untracked, until
from tests.safety.conftest import service_with
from tests.servers import Service

FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Protocol": "ssl",
    "X-Forwarded-Ssl": "on",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Real-IP": "6.6.6.6",
    "Forwarded": "for=6.6.6.6;host=evil.example;proto=https",
    "True-Client-IP": "6.6.6.6",
    "Script-Name": "/evil",
    "SCRIPT_NAME": "/evil",
    "REMOTE_ADDR": "6.6.6.6",
}


@pytest.fixture(scope="module")
def behind_one(cognito_server: RunningCognito) -> Iterator[Service]:
    with service_with(
        cognito_server, TRUSTED_PROXY_HOPS="1", RATE_LIMIT_PER_ADDRESS="3 per minute"
    ) as service:
        yield service


def audited(service: Service, user: SignedIn, **headers: str) -> dict[str, Any]:
    """The audit line's data of one call."""
    answer = call(
        f"{service.url}/devices/current",
        "PATCH",
        json={"status": "remembered"},
        headers=user.bearer | headers,
    )
    assert answer.status_code == 200
    written = until(
        lambda: [
            line
            for line in log_lines(service.logs(), specversion="1.0")
            if line["data"]["requestId"] == answer.headers["X-Request-ID"]
        ]
    )
    data: dict[str, Any] = written[0]["data"]
    return data


def test_with_no_proxy_forged_headers_change_no_address(service: Service, user: SignedIn) -> None:
    assert audited(service, user, **FORGED)["address"] == "127.0.0.1"


def test_with_no_proxy_forged_headers_make_no_https(service: Service, user: SignedIn) -> None:
    answer = call(f"{service.url}/devices", headers=user.bearer | FORGED)
    assert answer.status_code == 200
    assert "Strict-Transport-Security" not in answer.headers


def test_links_and_locations_are_paths_of_this_service_whatever_is_forged(
    service: Service, behind_one: Service, cognito: RunningCognito
) -> None:
    for one in (service, behind_one):
        sign_in(cognito)
        user = sign_in(cognito)
        forged = user.bearer | FORGED | {"Host": "evil.example"}
        page = call(f"{one.url}/devices?limit=1", headers=forged)
        assert page.headers["Link"].startswith("</devices?")
        new = sign_in_untracked(cognito)
        tracked = call(
            f"{one.url}/devices",
            "POST",
            json={"deviceKey": new.device_key, "deviceGroupKey": new.device_group_key},
            headers=forged | new.bearer,
        )
        assert tracked.headers["Location"] == f"/devices/{new.device_key}"
        assert "evil" not in str(tracked.headers) + tracked.text + page.text


def test_with_one_proxy_its_word_about_the_address_counts(
    behind_one: Service, user: SignedIn
) -> None:
    assert audited(behind_one, user, **{"X-Forwarded-For": "203.0.113.9"})["address"] == (
        "203.0.113.9"
    )


def test_with_one_proxy_only_the_last_address_counts(behind_one: Service, user: SignedIn) -> None:
    forwarded = {"X-Forwarded-For": "6.6.6.6, 7.7.7.7, 203.0.113.9"}
    assert audited(behind_one, user, **forwarded)["address"] == "203.0.113.9"


@pytest.mark.parametrize("forged", ['"', 'x"y', '"6.6.6.6', '"\\'])
def test_a_quote_hides_no_address_that_the_proxy_appends(
    behind_one: Service, user: SignedIn, forged: str
) -> None:
    forwarded = {"X-Forwarded-For": f"{forged}, 203.0.113.9"}
    assert audited(behind_one, user, **forwarded)["address"] == "203.0.113.9"


def test_behind_two_proxies_the_nearer_ones_word_about_https_counts(
    cognito: RunningCognito, user: SignedIn
) -> None:
    """Each overwrites the other's."""
    forwarded = {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.1", "X-Forwarded-Proto": "https"}
    with service_with(cognito, TRUSTED_PROXY_HOPS="2") as service:
        assert audited(service, user, **forwarded)["address"] == "203.0.113.9"
        answer = call(f"{service.url}/healthz", headers=forwarded)
    assert "Strict-Transport-Security" in answer.headers


def test_https_ended_by_the_trusted_proxy_has_hsts(behind_one: Service, user: SignedIn) -> None:
    sent = user.bearer | {"X-Forwarded-Proto": "https"}
    hsts = call(f"{behind_one.url}/devices", headers=sent).headers["Strict-Transport-Security"]
    assert hsts == "max-age=31536000"


def test_only_the_last_proxys_word_about_https_counts(behind_one: Service) -> None:
    answer = call(f"{behind_one.url}/healthz", headers={"X-Forwarded-Proto": "https, http"})
    assert "Strict-Transport-Security" not in answer.headers


def test_forged_addresses_beyond_the_proxy_buy_no_more_guesses(behind_one: Service) -> None:
    statuses = [
        call(
            f"{behind_one.url}/devices",
            headers={"X-Forwarded-For": f"6.6.6.{guess}, 203.0.113.77"},
        ).status_code
        for guess in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]


def test_neighbours_in_one_ipv6_site_count_as_one(behind_one: Service) -> None:
    statuses = [
        call(
            f"{behind_one.url}/devices",
            headers={"X-Forwarded-For": f"2001:db8:1:2:{guess:x}::{guess:x}"},
        ).status_code
        for guess in range(1, 6)
    ]
    assert statuses == [401, 401, 401, 429, 429]
    another = {"X-Forwarded-For": "2001:db8:1:3::1"}
    assert call(f"{behind_one.url}/devices", headers=another).status_code == 401


@pytest.mark.parametrize("address", ["203.0.113.78", "[2001:db8:1:4::1]"])
def test_another_port_buys_no_more_guesses(behind_one: Service, address: str) -> None:
    statuses = [
        call(
            f"{behind_one.url}/devices", headers={"X-Forwarded-For": f"{address}:{port}"}
        ).status_code
        for port in range(50001, 50006)
    ]
    assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9:50001", "203.0.113.9"),
        ("[2001:db8::9]:50001", "2001:db8::9"),
        ("[2001:db8::9]", "2001:db8::9"),
        ("2001:db8::9", "2001:db8::9"),
    ],
)
def test_the_audit_log_has_the_address_without_its_port(
    behind_one: Service, user: SignedIn, forwarded: str, address: str
) -> None:
    assert audited(behind_one, user, **{"X-Forwarded-For": forwarded})["address"] == address
