"""Whom a call counts against, and who is believed about where it comes from."""

import json

import pytest

from tests.api.client import assert_problem
from tests.api.conftest import CURRENT, OTHER, Start, Token
from tests.api.tokens import OTHER_CLIENT_ID

ONE_EACH = {"RATE_LIMIT_PER_ADDRESS": "1 per hour"}
PROXY = "10.0.0.1"


# Users


def test_a_users_calls_count_together_and_count_down(start: Start, token: Token) -> None:
    api = start(RATE_LIMIT_PER_USER="2 per hour", RATE_LIMIT_PER_ADDRESS="1 per hour")
    for remaining, path in (("1", "/devices"), ("0", "/sessions")):
        headers = api.get(path).headers
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("2", remaining)
        assert 1 <= int(headers["RateLimit-Reset"]) <= 3600
    refused = api.with_token(token(jti="another sign-in")).get("/devices")
    problem = assert_problem(refused, 429, "rate-limited", retry_after=True)
    assert "2 per 1 hour from this user" in problem["detail"]
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert len(api.cognito.calls) == 2
    assert api.with_token(token(sub="another")).get("/devices").status_code == 200


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"exp": 1}, 401, "invalid-token"),
        ({"client_id": OTHER_CLIENT_ID}, 401, "invalid-token"),
        ({"scope": "openid"}, 403, "insufficient-scope"),
    ],
    ids=["expired", "another client", "no scope"],
)
def test_a_token_whose_signature_verified_counts_against_its_own_user(
    start: Start, token: Token, changes: dict[str, object], status: int, code: str
) -> None:
    """Behind one address 401 must not become 429, or nobody learns to refresh."""
    api = start(RATE_LIMIT_PER_USER="1 per hour", **ONE_EACH)
    for sub in ("jane", "joe"):
        response = api.with_token(token(sub=sub, **changes)).get("/devices")
        assert (response.status_code, response.get_json()["code"]) == (status, code)
    again = api.with_token(token(sub="jane", **changes)).get("/devices")
    assert_problem(again, 429, "rate-limited", retry_after=True)


# Addresses


def test_forged_and_missing_tokens_count_against_the_address(start: Start) -> None:
    api = start(RATE_LIMIT_PER_ADDRESS="2 per hour")
    anonymous, forged = api.with_authorization(None), api.with_token("guess.guess.guess")
    assert anonymous.get("/devices").status_code == 401
    assert forged.get("/sessions").status_code == 401
    assert_problem(forged.get("/devices"), 429, "rate-limited", retry_after=True)
    assert api.get("/devices").status_code == 200, "a good token counts against its user"


def test_probes_preflights_and_other_addresses_are_not_limited(start: Start) -> None:
    api = start(RATE_LIMIT_PER_USER="1 per hour", **ONE_EACH)
    for _ in range(3):
        assert api.get("/healthz").status_code == 200
        assert api.options("/devices").status_code == 200
        assert api.get("/nowhere").status_code == 404


def test_different_addresses_count_apart_and_one_callers_together(start: Start) -> None:
    """A /64 of IPv6 is one site's, and an address may be written in several ways."""
    anonymous = start(**ONE_EACH).with_authorization(None)

    def statuses(*addresses: str) -> list[int]:
        sent = [{"REMOTE_ADDR": address} for address in addresses]
        return [anonymous.get("/devices", environ_base=one).status_code for one in sent]

    apart = ("192.0.2.1", "192.0.2.2", "2001:db8:0:1::1", "2001:db8:0:2::1", "unix:", "no address")
    assert statuses(*apart) == [401] * 6
    same = ("2001:db8:0:1:ffff:ffff:ffff:ffff", "2001:0db8:0000:0002::0001", "::ffff:192.0.2.1")
    assert statuses(*same) == [429] * 3


# Proxies


def xff(value: str, proto: str | None = None) -> dict[str, str]:
    return {"X-Forwarded-For": value} | ({"X-Forwarded-Proto": proto} if proto else {})


def rfc7239(value: str) -> dict[str, str]:
    return {"Forwarded": value}


FORWARDED: dict[str, list[tuple[dict[str, str], str, bool]]] = {
    "0": [
        (xff("192.0.2.1", "https"), PROXY, False),
        (rfc7239("for=192.0.2.1;proto=https"), PROXY, False),
    ],
    "1": [
        (xff("192.0.2.1", "https"), "192.0.2.1", True),
        (xff("192.0.2.1", "https, http"), "192.0.2.1", False),
        (xff("192.0.2.1, 203.0.113.9"), "203.0.113.9", False),
        (xff('"x, 203.0.113.9'), "203.0.113.9", False),
        (xff("203.0.113.9:50001"), "203.0.113.9", False),
        (xff("[2001:db8::9]:50001"), "2001:db8::9", False),
        (xff("192.0.2.1") | rfc7239("for=1.1.1.1;proto=https"), "192.0.2.1", False),
        (rfc7239("for=1.1.1.1"), PROXY, False),
    ],
    "2": [
        (xff("6.6.6.6, 192.0.2.1, 10.0.0.9", "https"), "192.0.2.1", True),
    ],
}
"""Trusted hops → what came, whose address it is (as the audit trail has it), and if by HTTPS."""


@pytest.mark.parametrize("hops", FORWARDED)
def test_the_last_hops_of_a_trusted_proxy_are_believed_and_nothing_before(
    start: Start, trail: list[str], hops: str
) -> None:
    api = start(TRUSTED_PROXY_HOPS=hops)
    for headers, address, https in FORWARDED[hops]:
        trail.clear()
        response = api.post(
            "/devices/sign-out",
            headers=headers | {"Host": "api.example.com"},
            environ_base={"REMOTE_ADDR": PROXY},
        )
        (line,) = trail
        assert json.loads(line)["data"]["address"] == address, headers
        assert ("Strict-Transport-Security" in response.headers) is https, headers


@pytest.mark.parametrize(
    ("headers", "address", "https"),
    [
        (rfc7239("for=192.0.2.1;proto=https"), "192.0.2.1", True),
        (rfc7239("for=6.6.6.6;proto=https, For=192.0.2.1;proto=http"), "192.0.2.1", False),
        (rfc7239('for="[2001:db8::9]:4711"'), "2001:db8::9", False),
        (rfc7239('for=192.0.2.1;host="a, for=6.6.6.6"'), "192.0.2.1", False),
        (rfc7239(r'for=192.0.2.1;host="a\", for=6.6.6.6"'), "192.0.2.1", False),
        (rfc7239('host="a, for=192.0.2.1'), PROXY, False),
        (rfc7239("for=192.0.2.1") | xff("6.6.6.6", "https"), "192.0.2.1", False),
        (xff("6.6.6.6", "https"), PROXY, False),
    ],
)
def test_forwarded_alone_is_believed_where_the_proxy_writes_it(
    start: Start, trail: list[str], headers: dict[str, str], address: str, https: bool
) -> None:
    api = start(TRUSTED_PROXY_HOPS="1", PROXY_HEADER="forwarded")
    response = api.post(
        "/devices/sign-out",
        headers=headers | {"Host": "api.example.com"},
        environ_base={"REMOTE_ADDR": PROXY},
    )
    assert json.loads(trail[-1])["data"]["address"] == address
    assert ("Strict-Transport-Security" in response.headers) is https


def test_no_host_that_a_header_names_gets_into_links(start: Start) -> None:
    api = start(TRUSTED_PROXY_HOPS="1")
    api.cognito.add(CURRENT)
    api.cognito.add(OTHER)
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    evil |= {"X-Forwarded-Prefix": "/evil", "Forwarded": "for=192.0.2.1;host=evil.example"}
    page = api.get("/devices?limit=1", headers=evil)
    assert page.headers["Link"].startswith("</devices?")
    assert "evil" not in page.text + str(page.headers)
