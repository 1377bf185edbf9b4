"""An answer has its read time-out for all of it, and a size."""

import time
from collections.abc import Iterator

import pytest
from urllib3 import PoolManager, Timeout
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ReadTimeoutError
from urllib3.poolmanager import pool_classes_by_scheme

from app.transport import AnswerTooLarge, bounded
from tests.raw_server import RawServer, in_pieces, raw_server, without_end

READ_TIMEOUT = 0.5
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall of it"
PIECES = [ANSWER[at : at + 8] for at in range(0, len(ANSWER), 8)]


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        yield server


def pool_of(server: RawServer, max_bytes: int = 1024) -> HTTPConnectionPool:
    http = PoolManager(timeout=Timeout(connect=5, read=READ_TIMEOUT), retries=False)
    http.pool_classes_by_scheme = bounded(pool_classes_by_scheme, max_bytes)
    return http.connection_from_url(server.url)


def test_a_slow_answer_that_ends_in_time_is_read(server: RawServer) -> None:
    server.script = in_pieces(*PIECES, pause=0.05)
    with pool_of(server) as pool:
        assert pool.request("GET", "/").data == b"all of it"


def test_an_answer_that_does_not_is_given_up_however_steadily_it_comes(server: RawServer) -> None:
    server.script = in_pieces(*PIECES, pause=0.15)
    started = time.monotonic()
    with pool_of(server) as pool, pytest.raises(ReadTimeoutError):
        pool.request("GET", "/")
    assert READ_TIMEOUT <= time.monotonic() - started < READ_TIMEOUT + 0.3


def test_on_a_kept_connection_every_answer_has_the_whole_time(server: RawServer) -> None:
    server.script = in_pieces(*PIECES, pause=0.05)
    with pool_of(server) as pool:
        for _ in range(3):
            assert pool.request("GET", "/").status == 200
    assert server.connections == 1


def test_between_two_answers_a_kept_connection_has_its_time_out_back(server: RawServer) -> None:
    """The next request is sent with it."""
    server.script = in_pieces(*PIECES, pause=0.05)
    with pool_of(server) as pool:
        pool.request("GET", "/")
        kept = pool._get_conn()
        assert kept.sock.gettimeout() == READ_TIMEOUT
        kept.close()


def test_an_answer_may_be_as_large_as_that_and_no_larger(server: RawServer) -> None:
    server.script = in_pieces(ANSWER)
    with pool_of(server, max_bytes=len(ANSWER)) as pool:
        assert pool.request("GET", "/").status == 200
    with pool_of(server, max_bytes=len(ANSWER) - 1) as pool, pytest.raises(AnswerTooLarge):
        pool.request("GET", "/")


def test_a_head_without_an_end_is_too_large(server: RawServer) -> None:
    server.script = without_end(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    with pool_of(server) as pool, pytest.raises(AnswerTooLarge):
        pool.request("GET", "/")
