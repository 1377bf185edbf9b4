"""Access tokens: once checked, remembered; what the log tells. Attacks: tests/api."""

import time
from typing import Any

import pytest
import structlog
from prometheus_client import REGISTRY
from structlog.typing import EventDict

from app.auth.keys import KeySet
from app.auth.verifier import TokenVerifier
from app.domain.access_token import AccessToken
from app.domain.errors import ErrorCode, ServiceError
from tests.api.jwks_server import await_jwks_fetches
from tests.api.tokens import CLIENT_ID, ISSUER, SUB, SigningKey, access_claims, settings_of, sign

KEY = SigningKey("one")
PUBLIC_KEYS = {"one": KEY.private.public_key()}
EXPECTED_CLIENTS = f"['{CLIENT_ID}', 'another1client']"
DEVICE_KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"


def hits() -> float:
    """As the metric counts them."""
    labels = {"outcome": "hit"}
    return REGISTRY.get_sample_value("device_bff_token_cache_lookups_total", labels) or 0.0


class Verifying:
    """A verifier over one known key, by a clock of its own, and what it met before."""

    def __init__(self, *, cache_size: int = 100) -> None:
        self.lookups: list[str] = []
        self.now = time.time()
        self.published, self.keys_now = PUBLIC_KEYS, 1000.0
        settings = settings_of(TOKEN_CACHE_SIZE=str(cache_size))
        keys = KeySet(
            settings, "https://keys.example", lambda *_: self.published, lambda: self.keys_now
        )
        self.verifier = TokenVerifier(settings, {ISSUER: keys}, lambda: self.now)

    def __call__(self, token: str) -> AccessToken:
        before = hits()
        try:
            return self.verifier.verify(token)
        finally:
            self.lookups.append("hit" if hits() > before else "miss")

    def judged(self, token: str) -> AccessToken | ServiceError:
        """Whose token it is, or the refusal; any other exception is a failure of its own."""
        try:
            return self(token)
        except ServiceError as error:
            return error


def token(**changes: Any) -> str:
    return sign(access_claims(**changes), KEY)


def test_a_token_is_checked_once() -> None:
    verify, value = Verifying(), token()
    assert verify(value) == verify(value) == verify(value)
    assert verify.lookups == ["miss", "hit", "hit"]


def test_a_remembered_token_is_refused_once_it_expires() -> None:
    verify, value = Verifying(), token(exp=int(time.time()) + 100)
    verify(value)
    verify.now += 100
    verify(value)
    verify.now += 6
    refused = verify.judged(value)
    assert isinstance(refused, ServiceError)
    assert refused.detail == "The access token has expired. Refresh it."
    assert verify.lookups == ["miss", "hit", "miss"]


@pytest.mark.parametrize(
    ("changes", "sign_in"),
    [({}, "o"), ({"origin_jti": ...}, "j"), ({"origin_jti": ..., "jti": ...}, SUB)],
)
def test_a_sign_in_is_known_by_the_first_of_its_claims(
    changes: dict[str, Any], sign_in: str
) -> None:
    value = token(**{"origin_jti": "o", "jti": "j"} | changes)
    assert Verifying()(value).sign_in == sign_in


def test_a_token_whose_key_has_left_the_set_is_forgotten() -> None:
    verify, value = Verifying(), token()
    verify(value)
    verify.published = {"two": KEY.private.public_key()}
    verify.keys_now += 3601
    verify.judged(value)  # has the old keys refreshed in the background
    await_jwks_fetches()
    refused = verify.judged(value)
    assert isinstance(refused, ServiceError)
    assert refused.code is ErrorCode.INVALID_TOKEN


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    verify = Verifying(cache_size=2)
    first, *others = [token() for _ in range(3)]
    for value in (first, *others, others[1], first):
        verify(value)
    assert verify.lookups == ["miss", "miss", "miss", "hit", "miss"]


def refusals(logged: list[EventDict]) -> list[EventDict]:
    return [dict(line) for line in logged if line["event"] == "token_refused"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"iss": "else"}, {"check": "issuer", "found": "else", "expected": f"['{ISSUER}']"}),
        (
            {"client_id": "stranger"},
            {"check": "client_id", "found": "stranger", "expected": EXPECTED_CLIENTS},
        ),
        ({"token_use": "id"}, {"check": "token_use"}),
        ({"exp": 1}, {"check": "expired"}),
        (
            {"iss": "x" * 5000},
            {"check": "issuer", "found": "x" * 200, "expected": f"['{ISSUER}']"},
        ),
    ],
    ids=["issuer", "client", "use", "expiry", "long issuer"],
)
def test_the_log_names_the_failed_check_with_what_was_expected_and_never_the_token(
    changes: dict[str, Any], told: dict[str, str]
) -> None:
    value = token(**changes)
    with structlog.testing.capture_logs() as logged:
        assert isinstance(Verifying().judged(value), ServiceError)
    (line,) = refusals(logged)
    assert line == {"event": "token_refused", "log_level": "info"} | told
    assert value not in str(logged)


def test_a_token_from_the_future_names_the_clock() -> None:
    ahead = int(time.time()) + 600
    with structlog.testing.capture_logs() as logged:
        refused = Verifying().judged(token(iat=ahead, exp=ahead + 3600))
    assert isinstance(refused, ServiceError)
    assert "the clock of this service is behind" in refused.detail
    assert 590 <= int(refusals(logged)[0]["seconds_ahead"]) <= 600
