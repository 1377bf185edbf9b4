"""Which address a call without a good token counts against, and who is believed about it."""

from collections.abc import Iterable

import pytest

from tests.api.client import ApiClient
from tests.api.conftest import Start

ONE_EACH = {"RATE_LIMIT_PER_ADDRESS": "1 per minute"}


def statuses(
    api: ApiClient, addresses: Iterable[str], forwarded_for: Iterable[str | None] | None = None
) -> list[int]:
    """What calls without a token from each of `addresses` are answered."""
    anonymous = api.with_authorization(None)
    addresses = list(addresses)
    return [
        anonymous.get(
            "/devices",
            environ_base={"REMOTE_ADDR": address},
            headers={"X-Forwarded-For": forwarded} if forwarded else {},
        ).status_code
        for address, forwarded in zip(
            addresses, forwarded_for or [None] * len(addresses), strict=True
        )
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("192.0.2.1", "192.0.2.2"),
        ("2001:db8:0:1::1", "2001:db8:0:2::1"),
        ("unix:", "192.0.2.1"),
        ("a-proxys-own-idea", "another"),
    ],
)
def test_different_addresses_count_apart(start: Start, one: str, other: str) -> None:
    assert statuses(start(**ONE_EACH), [one, other, one]) == [401, 401, 429]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff"),
        ("2001:db8::1", "2001:0db8:0000:0000::0001"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
    ids=["a /64 of IPv6 is one site's", "written otherwise", "IPv4 in IPv6"],
)
def test_one_callers_addresses_count_together(start: Start, one: str, other: str) -> None:
    assert statuses(start(**ONE_EACH), [one, other]) == [401, 429]


PROXY = "10.0.0.1"


def test_without_a_proxy_nobody_is_believed_about_an_address(start: Start) -> None:
    assert statuses(start(**ONE_EACH), [PROXY] * 2, ["192.0.2.1", "192.0.2.2"]) == [401, 429]


def test_a_trusted_proxy_is(start: Start) -> None:
    api = start(TRUSTED_PROXY_HOPS="1", **ONE_EACH)
    assert statuses(api, [PROXY] * 2, ["192.0.2.1", "192.0.2.2"]) == [401, 401]


def test_of_what_was_forged_before_the_proxy_nothing_counts(start: Start) -> None:
    api = start(TRUSTED_PROXY_HOPS="1", **ONE_EACH)
    forged = ["192.0.2.1, 203.0.113.9", "192.0.2.2, 203.0.113.9"]
    assert statuses(api, [PROXY] * 2, forged) == [401, 429]
