"""A token that verified is remembered: once checked, within a bound, until it expires."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt import PyJWK, PyJWS
from jwt.utils import base64url_encode

from app.auth.keys import JwksCache
from app.auth.verifier import TokenVerifier
from app.domain.access_token import AccessToken
from app.domain.errors import ServiceError, ErrorCode
from tests.api.tokens import CLIENT_ID, ISSUER, SUB, SigningKey, access_claims, sign

KEY = SigningKey("one")
DEVICE_KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"


class Verifying:
    """A verifier over one known key, and what it looked up and met before."""

    def __init__(self, *, cache_size: int = 100, leeway: float = 5) -> None:
        self.lookups: list[str] = []
        self.key_lookups = 0
        self.now = time.time()
        jwks = JwksCache(
            lambda: {"one": PyJWK(KEY.jwk(), algorithm="RS256")},
            max_age=3600,
            refetch_interval=10,
            max_waiting=4,
        )
        find = jwks.key

        def key(kid: str) -> PyJWK | None:
            self.key_lookups += 1
            return find(kid)

        jwks.key = key  # type: ignore[method-assign]
        self.verifier = TokenVerifier(
            jwks,
            issuer=ISSUER,
            client_ids=frozenset({CLIENT_ID, "another1client"}),
            leeway=leeway,
            cache_size=cache_size,
            clock=lambda: self.now,
            on_lookup=self.lookups.append,
        )

    def __call__(self, token: str) -> AccessToken:
        return self.verifier.verify(token)


def token(**changes: Any) -> str:
    return sign(access_claims(**changes), KEY)


def test_it_tells_whose_token_it_is() -> None:
    expires_at = int(time.time()) + 60
    value = token(device_key=DEVICE_KEY, exp=expires_at)
    found = Verifying()(value)
    assert found == AccessToken(
        sub=SUB,
        client_id=CLIENT_ID,
        device_key=DEVICE_KEY,
        expires_at=expires_at,
        value=value,
    )


def test_every_client_that_may_call_may() -> None:
    assert Verifying()(token(client_id="another1client")).client_id == "another1client"


def test_a_federated_sign_in_has_no_device() -> None:
    assert Verifying()(token()).device_key is None


def test_the_tokens_text_stays_out_of_its_repr() -> None:
    value = token()
    assert value not in repr(Verifying()(value))


def test_a_session_costs_one_signature_check() -> None:
    verify, value = Verifying(), token()
    assert verify(value) == verify(value) == verify(value)
    assert verify.lookups == ["miss", "hit", "hit"]
    assert verify.key_lookups == 1


def test_a_remembered_token_is_forgotten_when_it_expires() -> None:
    verify, value = Verifying(leeway=5), token(exp=int(time.time()) + 100)
    verify(value)
    verify.now += 100
    verify(value)
    verify.now += 6
    verify(value)  # by the wall clock it is good still, so it is checked anew
    assert verify.lookups == ["miss", "hit", "miss"]
    assert verify.key_lookups == 2


def test_the_oldest_is_forgotten_when_there_are_too_many() -> None:
    verify = Verifying(cache_size=2)
    first, *others = [token() for _ in range(3)]
    for value in (first, *others, others[1], first):
        verify(value)
    assert verify.lookups == ["miss", "miss", "miss", "hit", "miss"]


def test_a_token_that_was_refused_is_not_remembered() -> None:
    verify, value = Verifying(), token(token_use="id")
    for _ in range(2):
        with pytest.raises(ServiceError) as refused:
            verify(value)
        assert refused.value.code is ErrorCode.INVALID_TOKEN
    assert verify.lookups == ["miss", "miss"]


def test_what_is_kept_of_a_token_is_not_its_text() -> None:
    verify, value = Verifying(), token()
    verify(value)
    assert value not in repr(vars(verify.verifier))
    kept = dict(verify.verifier._verified)
    assert [found.value for found in kept.values()] == [""]


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = sorted({*access_claims(), "device_key", "nbf", "aud", "cnf"})
HEADERS = ["alg", "kid", "typ", "cty", "crit", "b64", "jku", "jwk", "x5c", "zip"]


def judged(verify: Verifying, value: str) -> AccessToken | ServiceError:
    """Whose token it is, or the refusal; any other exception is a failure of its own."""
    try:
        return verify(value)
    except ServiceError as error:
        return error


@settings(deadline=None, max_examples=200)
@given(claim=st.sampled_from(CLAIMS), value=ANY_JSON)
def test_any_value_of_any_claim_is_judged(claim: str, value: object) -> None:
    payload = json.dumps(access_claims(**{claim: value})).encode()
    found = judged(
        Verifying(), PyJWS().encode(payload, KEY.private, "RS256", headers={"kid": "one"})
    )
    if isinstance(found, AccessToken):
        assert (found.sub, found.client_id) == (
            (value, CLIENT_ID) if claim == "sub" else (SUB, CLIENT_ID)
        )
    else:
        assert found.code in (ErrorCode.INVALID_TOKEN, ErrorCode.INSUFFICIENT_SCOPE)


@settings(deadline=None)
@given(name=st.sampled_from(HEADERS), value=ANY_JSON)
def test_any_value_of_any_header_field_is_judged(name: str, value: object) -> None:
    good = sign(access_claims(), KEY)
    header = json.dumps({"alg": "RS256", "kid": "one", "typ": "JWT"} | {name: value}).encode()
    forged = f"{base64url_encode(header).decode()}.{good.partition('.')[2]}"
    found = judged(Verifying(), forged)
    assert isinstance(found, ServiceError)
    assert found.code is ErrorCode.INVALID_TOKEN


@given(
    st.text(st.characters(codec="ascii")) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True)
)
def test_any_text_is_judged(value: str) -> None:
    found = judged(Verifying(), value)
    assert isinstance(found, ServiceError)
    assert found.code is ErrorCode.INVALID_TOKEN
