"""When the key set is fetched, by a clock that the test moves."""

import base64
import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from jwt import PyJWK

from app.auth import jwks
from app.auth.keys import JwksCache, JwksUnavailable, Keys
from app.domain.errors import ServiceError, ErrorCode
from tests.api.jwks_server import JwksServer
from tests.api.tokens import SigningKey
from tests.raw_server import RawServer, Script, in_pieces, raw_server, without_end
from tests.resilience.polling import until

KEY = SigningKey("one")


class Source:
    """A key set in memory, and how often it was fetched. `keys` of None: out of reach."""

    def __init__(self, *kids: str) -> None:
        self.keys: tuple[str, ...] | None = kids
        self.fetches = 0
        self.outcomes: list[str] = []
        self.now = 1000.0
        self.begun, self.go = threading.Event(), threading.Event()
        self.go.set()

    def fetch(self) -> Keys:
        """Does not come back while `go` is clear."""
        self.begun.set()
        self.go.wait(5)
        self.fetches += 1
        if self.keys is None:
            raise JwksUnavailable("out of reach")
        return {kid: PyJWK(KEY.jwk(), algorithm="RS256") for kid in self.keys}

    def cache(self, max_waiting: int = 4) -> JwksCache:
        return JwksCache(
            self.fetch,
            max_age=3600,
            refetch_interval=10,
            max_waiting=max_waiting,
            clock=lambda: self.now,
            on_fetch=self.outcomes.append,
        )


def await_background() -> None:
    for thread in threading.enumerate():
        if thread.name == "jwks-refresh":
            thread.join(5)


def test_nothing_is_fetched_before_it_is_needed() -> None:
    source = Source("one")
    source.cache()
    assert source.fetches == 0


def test_the_first_key_that_is_needed_has_the_set_fetched() -> None:
    source = Source("one", "two")
    cache = source.cache()
    assert cache.key("one") is not None
    assert cache.key("two") is not None
    assert source.fetches == 1
    assert source.outcomes == ["fetched"]


def test_it_is_ready_once_a_key_is_at_hand() -> None:
    source = Source("one")
    source.go.clear()
    cache = source.cache()
    assert not cache.ready()
    source.go.set()
    await_background()
    assert cache.ready()
    assert source.fetches == 1


def test_readiness_tries_again_only_after_the_interval() -> None:
    source = Source()
    source.keys = None
    cache = source.cache()
    for now, fetches in ((1000.0, 1), (1009.9, 1), (1010.1, 2)):
        source.now = now
        assert not cache.ready()
        await_background()
        assert source.fetches == fetches
    assert source.outcomes == ["failed", "failed"]


def test_an_unknown_kid_is_looked_up_once_an_interval() -> None:
    source = Source("one")
    cache = source.cache()
    cache.key("one")
    for now, fetches in ((1000.0, 2), (1005.0, 2), (1009.9, 2), (1010.0, 3), (1011.0, 3)):
        source.now = now
        assert cache.key("made-up") is None
        assert source.fetches == fetches


def test_a_key_that_was_rotated_in_is_found() -> None:
    source = Source("one")
    cache = source.cache()
    cache.key("one")
    source.keys = ("two", "one")
    assert cache.key("two") is not None
    assert source.fetches == 2


def test_the_set_is_refreshed_after_its_age_while_the_old_one_serves() -> None:
    source = Source("one")
    cache = source.cache()
    cache.key("one")
    source.now += 3600
    cache.key("one")
    await_background()
    assert source.fetches == 1
    source.now += 1
    source.keys = ("one", "two")
    assert cache.key("one") is not None
    await_background()
    assert source.fetches == 2
    assert cache.key("two") is not None
    assert source.fetches == 2


def test_known_keys_serve_for_as_long_as_the_set_is_out_of_reach() -> None:
    source = Source("one")
    cache = source.cache()
    cache.key("one")
    source.keys = None
    for day in range(1, 4):
        source.now = 1000.0 + day * 86_400
        assert cache.key("one") is not None
        await_background()
    assert source.outcomes == ["fetched", "failed", "failed", "failed"]


def test_a_refresh_that_fails_is_not_repeated_with_every_call() -> None:
    source = Source("one")
    cache = source.cache()
    cache.key("one")
    source.keys = None
    source.now += 4000
    for _ in range(5):
        cache.key("one")
        await_background()
    assert source.fetches == 2


@pytest.mark.parametrize(("elapsed", "retry_after"), [(0.0, 10), (2.5, 8), (9.5, 1)])
def test_without_any_key_callers_are_told_when_to_come_back(
    elapsed: float, retry_after: int
) -> None:
    source = Source()
    source.keys = None
    cache = source.cache()
    for step in (0.0, elapsed):
        source.now += step
        with pytest.raises(ServiceError) as unavailable:
            cache.key("one")
    assert unavailable.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
    assert unavailable.value.retry_after == retry_after
    assert source.fetches == 1


def test_one_fetch_answers_all_who_wait_for_it() -> None:
    source = Source("one")
    source.go.clear()
    cache = source.cache()
    found: list[PyJWK | None] = []
    threads = [threading.Thread(target=lambda: found.append(cache.key("one"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    source.go.set()
    for thread in threads:
        thread.join(5)
    assert [key is not None for key in found] == [True] * 4
    assert source.fetches == 1


@contextmanager
def awaited_fetch(source: Source) -> Iterator[JwksCache]:
    """A cache with a fetch under way, for which as many wait as may: one."""
    source.go.clear()
    cache = source.cache(max_waiting=1)
    waiter = threading.Thread(target=cache.key, args=("one",))
    waiter.start()
    source.begun.wait(5)
    yield cache
    source.go.set()
    waiter.join(5)


def test_no_more_than_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before any fetch has failed there is no time to name: the least is a second."""
    monkeypatch.setattr(jwks, "PATIENCE", 0.01)
    with awaited_fetch(Source("one")) as cache:
        with pytest.raises(ServiceError) as unavailable:
            cache.key("one")
        assert unavailable.value.code is ErrorCode.UPSTREAM_UNAVAILABLE
        assert unavailable.value.retry_after == 1
    assert cache.key("one") is not None


def test_who_comes_late_in_a_slow_fetch_does_not_wait_for_it() -> None:
    source = Source("one")
    with awaited_fetch(source) as cache:
        source.now += jwks.PATIENCE
        started = time.monotonic()
        with pytest.raises(ServiceError):
            cache.key("one")
        assert time.monotonic() - started < jwks.PATIENCE / 2


# Fetching, over HTTP


@pytest.fixture
def server() -> Iterator[JwksServer]:
    server = JwksServer(KEY)
    yield server
    server.close()


def fetch(server: JwksServer, read_timeout: float = 5) -> Keys:
    return jwks.parse_jwks(jwks.fetch_jwks(server.url, 5, read_timeout))


def test_keys_come_by_their_kid(server: JwksServer) -> None:
    server.keys = [KEY, SigningKey("two", KEY.private)]
    assert set(fetch(server)) == {"one", "two"}


def test_a_key_is_for_rs256_whatever_its_alg_says(server: JwksServer) -> None:
    server.body = server.document().replace(b"RS256", b"RS512")
    assert fetch(server)["one"].algorithm_name == "RS256"


FAR_AWAY = "http://cognito.invalid/jwks.json"


@contextmanager
def proxy_to(server: JwksServer) -> Iterator[RawServer]:
    """A proxy that answers with the server's document, wherever it is asked to go."""
    with raw_server() as proxy:
        document = server.document()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(document)}\r\n\r\n"
        proxy.script = in_pieces(head.encode(), document)
        yield proxy


def test_they_come_through_the_proxy_that_the_environment_names(
    server: JwksServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy_to(server) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert jwks.fetch_jwks(FAR_AWAY, 5, 5) == server.document()
        monkeypatch.setenv("no_proxy", "cognito.invalid")
        with pytest.raises(JwksUnavailable):
            jwks.fetch_jwks(FAR_AWAY, 5, 5)


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_proxy_is_told_the_name_and_password_of_its_address(
    server: JwksServer, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """As botocore tells it."""
    with proxy_to(server) as proxy:
        monkeypatch.setenv("http_proxy", f"{scheme}us%40er:p%3Aw@127.0.0.1:{proxy.port}")
        assert jwks.fetch_jwks(FAR_AWAY, 5, 5) == server.document()
    credentials = base64.b64encode(b"us@er:p:w").decode()
    assert proxy.heads[0]["Proxy-Authorization"] == f"Basic {credentials}"


@pytest.mark.parametrize(
    ("status", "reason"), [(404, "HTTP 404"), (302, "HTTP 302"), (500, "HTTP 500")]
)
def test_why_it_failed_is_told(server: JwksServer, status: int, reason: str) -> None:
    server.status = status
    with pytest.raises(JwksUnavailable, match=reason):
        fetch(server)


def test_a_redirection_is_not_followed(server: JwksServer) -> None:
    elsewhere = JwksServer(KEY)
    server.status, server.location = 302, elsewhere.url
    with pytest.raises(JwksUnavailable, match="HTTP 302"):
        fetch(server)
    elsewhere.close()
    assert (server.fetches, elsewhere.fetches) == (1, 0)


def test_an_answer_that_does_not_come_is_given_up_on(server: JwksServer) -> None:
    server.delay = 30
    started = time.monotonic()
    with pytest.raises(JwksUnavailable, match="ReadTimeoutError"):
        fetch(server, read_timeout=0.05)
    assert time.monotonic() - started < 5


def test_nobody_there_is_told(server: JwksServer) -> None:
    server.go_down()
    with pytest.raises(JwksUnavailable, match="NewConnectionError"):
        fetch(server)


def test_an_answer_that_is_too_large_is_cut_off(server: JwksServer) -> None:
    server.body = server.document() + b" " * 2**20
    with pytest.raises(JwksUnavailable, match="too large"):
        fetch(server)


OK = b"HTTP/1.1 200 OK\r\n"
A_LOT = b" " * 65536


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (without_end(OK + b"X-Padding: ", b"x", pause=0.02), "ReadTimeoutError"),
        (without_end(OK + b"\r\n", b" ", pause=0.02), "ReadTimeoutError"),
        (without_end(OK + b"Content-Length: 999999999999\r\n\r\n", A_LOT), "too large"),
        (without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000), "too large"),
    ],
    ids=["header byte by byte", "body byte by byte", "endless body", "endless interim answers"],
)
def test_an_answer_without_an_end_is_let_go_of(script: Script, reason: str) -> None:
    with raw_server() as server:
        server.script = script
        started = time.monotonic()
        with pytest.raises(JwksUnavailable, match=reason):
            jwks.fetch_jwks(server.url, 5, 0.2)
        assert time.monotonic() - started < 2
        until("the connection is closed", lambda: server.open == 0, within=2)


def test_an_encoding_that_was_not_asked_for_is_not_undone() -> None:
    """What is small on the way may be as large as it likes here."""
    body = gzip.compress(b" " * 2**24)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    with raw_server() as server:
        server.script = in_pieces(head.encode() + body)
        with pytest.raises(JwksUnavailable, match="not a JSON Web Key Set"):
            jwks.parse_jwks(jwks.fetch_jwks(server.url, 5, 5))
