"""Key sets: when they are fetched, by a clock that the test moves; and which keys are taken."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from app.auth.keys import Keys, KeySet, KeysUnavailable, fetch_keys
from app.domain.errors import ServiceError
from app.settings import Settings
from tests.api.jwks_server import JwksServer, await_jwks_fetches
from tests.api.tokens import SigningKey, settings_of
from tests.raw_server import Script, in_pieces, new_tls, raw_server

KEY = SigningKey("one")
URL = "https://keys.example/jwks.json"


class Source:
    """A key set in memory, and what came of each fetch. `kids` of None: out of reach."""

    def __init__(self, *kids: str) -> None:
        self.kids: tuple[str, ...] | None = kids
        self.outcomes: list[str] = []
        self.now = 1000.0
        self.key_set = KeySet(settings_of(), URL, self.fetch, clock=lambda: self.now)

    def fetch(self, settings: Settings, url: str) -> Keys:
        assert url == URL
        self.outcomes.append("fetched" if self.kids is not None else "failed")
        if self.kids is None:
            raise KeysUnavailable("out of reach")
        return dict.fromkeys(self.kids, KEY.private.public_key())

    def knows(self, kid: str) -> bool:
        found = self.key_set.key(kid) is not None
        await_jwks_fetches()
        return found


def test_made_up_kids_cost_one_fetch_an_interval_and_keep_no_good_token_out() -> None:
    source = Source("one")
    source.knows("one")
    for now, fetches, retry_after in ((1000.0, 2, 0), (1003.5, 2, 7), (1010.0, 3, 0)):
        source.now = now
        if retry_after:  # it may be one that has just been rotated in
            with pytest.raises(ServiceError) as unknown:
                source.knows("made-up")
            assert unknown.value.retry_after == retry_after
        else:
            assert not source.knows("made-up")
        assert source.knows("one")
        assert len(source.outcomes) == fetches


def test_old_keys_are_refreshed_while_they_serve() -> None:
    source = Source("one")
    source.knows("one")
    source.now += 3601
    source.kids = ("one", "two")
    assert source.knows("one")
    assert source.outcomes == ["fetched", "fetched"]
    assert source.knows("two")


def test_without_any_key_callers_are_told_when_the_next_fetch_may_be() -> None:
    source = Source()
    source.kids = None
    for now, retry_after in ((1000.0, 10), (1002.5, 8), (1009.5, 1)):
        source.now = now
        with pytest.raises(ServiceError) as refused:
            source.key_set.key("one")
        assert refused.value.retry_after == retry_after
        assert not source.key_set.ready()
        await_jwks_fetches()
    assert source.outcomes == ["failed"]
    source.now = 1010.1
    source.key_set.ready()
    await_jwks_fetches()
    assert source.outcomes == ["failed", "failed"]


# Fetching, over HTTP


@pytest.fixture(scope="module")
def shared_server() -> Iterator[JwksServer]:
    server = JwksServer(KEY)
    yield server
    server.close()


@pytest.fixture
def server(shared_server: JwksServer) -> JwksServer:
    """Publishes KEY until it is told otherwise."""
    shared_server.status, shared_server.body, shared_server.delay = 200, None, 0.0
    return shared_server


def fetch(url: str, **variables: str) -> Keys:
    return fetch_keys(settings_of(**variables), url)


def jwk(a_kid: str, /, **members: Any) -> dict[str, Any]:
    """A good key; a member that is changed to `...` is left out."""
    changed = KEY.jwk() | {"kid": a_kid} | members
    return {name: value for name, value in changed.items() if value is not ...}


NOT_OURS: dict[str, Any] = {
    "an elliptic curve's": {"kty": "EC", "crv": "P-256", "kid": "x", "x": "AA", "y": "AA"},
    "no kid": jwk("x", kid=...),
    "no modulus": jwk("x", n=...),
    "1,024 bits": SigningKey("x", rsa.generate_private_key(65537, 1024)).jwk(),  # noqa: S505
    "another algorithm": jwk("x", alg="RS512"),
    "for encryption": jwk("x", use="enc"),
    "null": None,
}


@pytest.mark.parametrize("member", NOT_OURS.values(), ids=NOT_OURS)
def test_a_key_that_is_not_understood_is_passed_over_and_the_rest_is_used(
    server: JwksServer, member: object
) -> None:
    bare, extended = jwk("two", alg=..., use=...), jwk("three", key_ops=["sign", "verify"], new=1)
    server.body = json.dumps({"keys": [member, jwk("one"), bare, extended]}).encode()
    assert set(fetch(server.url)) == {"one", "two", "three"}


@pytest.mark.parametrize(
    "body",
    [b"", b'{"keys": [{"kty"', b"\xff\xfe", b"null", b'{"keys": 7}', b"[" * 100_000],
    ids=lambda body: repr(body[:24]),
)
def test_what_is_no_key_set_is_none(server: JwksServer, body: bytes) -> None:
    server.body = body
    with pytest.raises(KeysUnavailable):
        fetch(server.url)


def test_an_error_is_none_and_the_reason_is_told(server: JwksServer) -> None:
    server.status = 403
    with pytest.raises(KeysUnavailable, match="403"):
        fetch(server.url)
    with pytest.raises(KeysUnavailable, match="refused"):
        fetch("http://127.0.0.1:1")


def test_an_answer_that_does_not_come_is_given_up_on(server: JwksServer) -> None:
    server.delay = 30
    with pytest.raises(KeysUnavailable):
        fetch(server.url, COGNITO_CONNECT_TIMEOUT="0.02", COGNITO_READ_TIMEOUT="0.03")


def the_key_set() -> Script:
    """An answer with KEY."""
    document = json.dumps({"keys": [KEY.jwk()]}).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(document)}\r\nConnection: close\r\n\r\n"
    return in_pieces(head.encode(), document)


def test_keys_come_through_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with raw_server() as proxy:
        proxy.script = the_key_set()
        monkeypatch.setenv("http_proxy", proxy.url)
        assert set(fetch("http://cognito.invalid/jwks.json")) == {"one"}


def test_the_address_must_be_one_that_is_trusted(tmp_path: Path) -> None:
    tls = new_tls(tmp_path)
    with raw_server(tls.server) as server:
        server.script = the_key_set()
        assert set(fetch(server.url, **tls.trust)) == {"one"}
        with pytest.raises(KeysUnavailable):
            fetch(server.url)
