"""Whom a call counts against, and who is believed about where it comes from."""

import json
import select
import socket
import sys

import pytest

from app.domain.errors import ErrorCode, ServiceError
from tests.api.client import ApiClient
from tests.api.conftest import CURRENT, OTHER, Start, Token
from tests.api.tokens import OTHER_CLIENT_ID, SUB
from tests.calls import assert_problem

ONE_EACH = {"RATE_LIMIT_PER_ADDRESS": "1 per hour"}
PROXY = "10.0.0.1"


# Sign-ins


def test_a_sign_ins_calls_count_together_and_count_down(start: Start, token: Token) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="2 per hour", RATE_LIMIT_PER_ADDRESS="1 per hour")
    api = api.with_token(token(origin_jti="a sign-in"))
    for remaining, path in (("1", "/devices"), ("0", "/sessions")):
        headers = api.get(path).headers
        assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("2", remaining)
        assert 1 <= int(headers["RateLimit-Reset"]) <= 3600
    refused = api.with_token(token(origin_jti="a sign-in", jti="refreshed")).get("/devices")
    problem = assert_problem(refused, 429, "rate-limited")
    assert "2 per 1 hour from this sign-in" in problem["detail"]
    assert refused.headers["Retry-After"] == refused.headers["RateLimit-Reset"]
    assert refused.headers["RateLimit-Remaining"] == "0"
    assert len(api.cognito.calls) == 2
    assert api.with_token(token(origin_jti="another")).get("/devices").status_code == 200


def test_retry_after_is_the_sign_ins_own_wait_where_that_is_longer(start: Start) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="2 per hour")
    for advised in (lambda headers: "7", lambda headers: headers["RateLimit-Reset"]):
        api.cognito.fail("list_devices", ServiceError(ErrorCode.QUOTA_EXCEEDED, retry_after=7))
        headers = api.get("/devices").headers
        assert headers["Retry-After"] == advised(headers)
    assert int(headers["Retry-After"]) > 3000


def test_signing_in_again_multiplies_reads_by_five_at_most_and_leaves_changes_open(
    start: Start, token: Token
) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="2 per hour")

    def of(number: int) -> ApiClient:
        return api.with_token(token(origin_jti=f"sign-in {number}"))

    reads = [of(number).get("/devices") for number in range(10)]
    assert [one.status_code for one in reads] == [200] * 10
    told = [int(one.headers["RateLimit-Remaining"]) for one in reads]
    assert told == [1] * 9 + [0], "of two windows, the one that refuses first"
    assert of(10).head("/devices").status_code == 429
    assert len(api.cognito.calls) == 10
    refused = of(10).get("/devices")
    assert "10 per 1 hour from this user" in assert_problem(refused, 429, "rate-limited")["detail"]
    assert of(11).delete("/devices?scope=all").status_code == 200
    assert api.with_token(token(sub="somebody else")).get("/devices").status_code == 200


def test_calls_that_one_sign_in_may_not_make_cost_its_user_nothing(
    start: Start, token: Token
) -> None:
    """A stolen token cannot use up its owner's calls from elsewhere."""
    api = start(RATE_LIMIT_PER_SIGN_IN="2 per hour")
    stolen = api.with_token(token(origin_jti="stolen"))
    assert [stolen.get("/devices").status_code for _ in range(20)] == [200] * 2 + [429] * 18
    assert api.with_token(token(origin_jti="the owner's")).get("/devices").status_code == 200


def test_the_emergency_exit_is_open_whatever_was_called_before(start: Start, token: Token) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="1 per hour")
    statuses = [api.get("/devices").status_code for _ in range(9)]
    assert statuses == [200] + [429] * 8
    exits = [api.post("/devices/sign-out").status_code for _ in range(11)]
    assert exits == [204] * 10 + [429]


REFUSED: dict[str, tuple[dict[str, object], int]] = {
    "expired": ({"exp": 1}, 401),
    "an ID token": ({"token_use": "id"}, 401),
    "another client's": ({"client_id": OTHER_CLIENT_ID}, 401),
    "without the scope": ({"scope": "openid"}, 403),
    "with odd claims": ({"device_key": "no device key"}, 401),
}


@pytest.mark.parametrize(("changes", "status"), REFUSED.values(), ids=REFUSED)
def test_a_worthless_token_does_not_lock_its_owner_out(
    start: Start, token: Token, changes: dict[str, object], status: int
) -> None:
    """From the owner's very address, and of the owner's very sign-in."""
    api = start(RATE_LIMIT_PER_SIGN_IN="20 per hour", **ONE_EACH)
    worthless = api.with_token(token(origin_jti="a sign-in", **changes))
    statuses = [worthless.get("/devices").status_code for _ in range(30)]
    assert statuses == [status] * 20 + [429] * 10
    owner = api.with_token(token(origin_jti="a sign-in"))
    api.cognito.add(OTHER)
    assert [
        owner.get("/sessions").status_code,
        owner.patch(f"/devices/{OTHER}", json={"status": "not_remembered"}).status_code,
        owner.delete(f"/devices/{OTHER}").status_code,
        owner.delete("/devices?scope=others").status_code,
        owner.post("/devices/sign-out").status_code,
    ] == [200, 200, 204, 200, 204]


def test_one_persons_401_does_not_become_the_429_of_others_at_the_address(
    start: Start, token: Token
) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="1 per hour", **ONE_EACH)
    for name in ("jane", "joe"):
        expired = api.with_token(token(origin_jti=name, exp=1)).get("/devices")
        assert_problem(expired, 401, "invalid-token")


# Addresses


def test_forged_and_missing_tokens_count_against_the_address(start: Start) -> None:
    api = start(RATE_LIMIT_PER_ADDRESS="2 per hour")
    anonymous, forged = api.with_authorization(None), api.with_token("guess.guess.guess")
    assert anonymous.get("/devices").status_code == 401
    assert forged.get("/sessions").status_code == 401
    assert_problem(forged.get("/devices"), 429, "rate-limited")
    assert api.get("/devices").status_code == 200, "a good token counts against its sign-in"


def test_probes_preflights_and_other_addresses_are_not_limited(start: Start) -> None:
    api = start(RATE_LIMIT_PER_SIGN_IN="1 per hour", **ONE_EACH)
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

    apart = ("192.0.2.1", "192.0.2.2", "2001:db8:0:2::1", "2001:db8:0:3::1", "unix:", "no address")
    assert statuses(*apart) == [401] * 6
    same = ("2001:db8:0:2:ffff:ffff:ffff:ffff", "2001:0db8:0000:0003::0001", "::ffff:192.0.2.1")
    assert statuses(*same) == [429] * 3


# Proxies


def xff(value: str, proto: str | None = None) -> dict[str, str]:
    return {"X-Forwarded-For": value} | ({"X-Forwarded-Proto": proto} if proto else {})


def rfc7239(value: str) -> dict[str, str]:
    return {"Forwarded": value}


BY_X, BY_RFC = "x-forwarded-for", "forwarded"
FORWARDED: dict[tuple[str, str], list[tuple[dict[str, str], str, bool]]] = {
    (BY_X, "0"): [
        (xff("192.0.2.1", "https"), PROXY, False),
        (rfc7239("for=192.0.2.1;proto=https"), PROXY, False),
    ],
    (BY_X, "1"): [
        (xff("192.0.2.1", "https"), "192.0.2.1", True),
        (xff("192.0.2.1", "https, http"), "192.0.2.1", False),
        (xff("192.0.2.1, 203.0.113.9"), "203.0.113.9", False),
        (xff('"x, 203.0.113.9'), "203.0.113.9", False),
        (xff("203.0.113.9:50001"), "203.0.113.9", False),
        (xff("[2001:db8::9]:50001"), "2001:db8::9", False),
        (rfc7239("for=1.1.1.1;proto=https") | xff("192.0.2.9"), "192.0.2.9", False),
        (rfc7239("for=1.1.1.1;proto=https"), PROXY, False),
    ],
    (BY_X, "2"): [(xff("6.6.6.6, 192.0.2.1, 10.0.0.9", "https"), "192.0.2.1", True)],
    (BY_RFC, "1"): [
        (rfc7239("for=192.0.2.1;proto=https"), "192.0.2.1", True),
        (rfc7239("for=6.6.6.6;proto=https, For=192.0.2.1;proto=http"), "192.0.2.1", False),
        (rfc7239('for="[2001:db8::9]:4711"'), "2001:db8::9", False),
        (rfc7239('for=192.0.2.1;by="x;for=6.6.6.6, for=7.7.7.7"'), "192.0.2.1", False),
        (rfc7239("for=192.0.2.1") | xff("6.6.6.6", "https"), "192.0.2.1", False),
        (rfc7239('host="a, for=192.0.2.1'), PROXY, False),
        (rfc7239('for=5.5.5.5;a=\\"b, for=192.0.2.1'), PROXY, False),
        (rfc7239('for=5.5.5.5;a="\\", for=192.0.2.1'), PROXY, False),
        (rfc7239('a="\\"";for=5.5.5.5,, For="192.0.2.1:80" ; proto=https'), "192.0.2.1", True),
        (rfc7239("for=unknown"), "unknown", False),
    ],
    (BY_RFC, "2"): [(rfc7239("for=192.0.2.1, for=10.0.0.9"), "192.0.2.1", False)],
}
"""What the proxy writes, trusted hops → what came, whose address it is (as the audit trail has it),
and if by HTTPS."""


@pytest.mark.parametrize(("header", "hops"), FORWARDED)
def test_the_last_hops_of_a_trusted_proxy_are_believed_and_nothing_else(
    start: Start, trail: list[str], header: str, hops: str
) -> None:
    api = start(TRUSTED_PROXY_HOPS=hops, PROXY_HEADER=header)
    for headers, address, https in FORWARDED[header, hops]:
        trail.clear()
        response = api.delete(
            f"/devices/{OTHER}",
            headers=headers | {"Host": "api.example.com"},
            environ_base={"REMOTE_ADDR": PROXY},
        )
        (line,) = trail
        assert json.loads(line)["data"]["address"] == address, headers
        assert ("Strict-Transport-Security" in response.headers) is https, headers


def test_no_host_that_a_header_names_gets_into_links(start: Start) -> None:
    api = start(TRUSTED_PROXY_HOPS="1")
    api.cognito.add(CURRENT)
    api.cognito.add(OTHER)
    evil = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    evil |= {"X-Forwarded-Prefix": "/evil", "Forwarded": "for=192.0.2.1;host=evil.example"}
    page = api.get("/devices?limit=1", headers=evil)
    assert page.headers["Link"].startswith("</devices?")
    assert "evil" not in page.text + str(page.headers)


# Callers who have hung up


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells")
@pytest.mark.parametrize("sent", [b"", b"GET /devices HTTP/1.1\r\n"])
@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("GET /devices", 499),
        ("HEAD /sessions", 499),
        ("DELETE /devices?scope=all", 503),
        ("DELETE /sessions?scope=others", 503),
        (f"DELETE /devices/{OTHER}", 204),
    ],
)
def test_no_read_or_run_begins_for_a_caller_who_has_left_and_a_write_is_done(
    api: ApiClient, three_devices: list[str], call: str, status: int, sent: bytes
) -> None:
    """Whatever they had sent after it; one who waits is served."""
    method, address = call.split()
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    with ours, theirs:
        theirs.sendall(sent)
        environ = {"gunicorn.socket": ours}
        assert api.get("/sessions", environ_overrides=environ).status_code == 200
        api.cognito.calls.clear()
        theirs.close()
        poll = select.poll()
        poll.register(ours, select.POLLRDHUP)
        assert poll.poll(60_000)
        response = api.open(address, method=method, environ_overrides=environ)
        assert ours.recv(100) == sent
    assert response.status_code == status
    assert api.cognito.operations() == (["forget_device"] if status == 204 else [])


# The log


CODES = (None, "missing-token", "rate-limited")


@pytest.mark.parametrize(
    ("addresses", "shown"),
    [("refused", [False, True, True]), ("all", [True] * 3), ("none", [False] * 3)],
)
def test_the_log_has_the_addresses_of_refused_callers(
    start: Start, capsys: pytest.CaptureFixture[str], addresses: str, shown: list[bool]
) -> None:
    """So that a flood can be traced. Users are told apart, and not named."""
    api = start(LOG_ADDRESSES=addresses, **ONE_EACH)
    anonymous = api.with_authorization(None)
    capsys.readouterr()
    environ = {"REMOTE_ADDR": "192.0.2.77"}
    statuses = [
        caller.get("/devices", environ_base=environ).status_code
        for caller in (api, anonymous, anonymous)
    ]
    lines = [it for it in capsys.readouterr().out.splitlines() if "route=/devices" in it]
    assert (statuses, ["192.0.2.77" in line for line in lines]) == ([200, 401, 429], shown)
    assert [f"code={code}" in line for code, line in zip(CODES, lines, strict=True)] == [True] * 3
    assert "user=" in lines[0]
    assert SUB not in str(lines)
