"""When a request is whole enough to be given to a thread: `app.http.framing.is_whole`."""

import pytest
from gunicorn.http.errors import LimitRequestHeaders, ParseException
from hypothesis import given
from hypothesis import strategies as st

from app.http.body import BODY_MAX_BYTES
from app.http.framing import Progress, is_whole

HEAD = b"POST /devices HTTP/1.1\r\nHost: a\r\n"


def with_length(length: bytes, body: bytes) -> bytes:
    return HEAD + b"Content-Length: " + length + b"\r\n\r\n" + body


def chunked(body: bytes) -> bytes:
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + body


@given(body=st.binary(max_size=300), sent=st.integers(0, 300), zeros=st.integers(0, 30))
def test_a_body_is_waited_for_to_its_length_however_it_is_written(
    body: bytes, sent: int, zeros: int
) -> None:
    length = b"0" * zeros + str(len(body)).encode()
    assert is_whole(with_length(length, body[:sent])) == (sent >= len(body))


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8), cut=st.integers(0, 400))
def test_a_chunked_body_is_waited_for_to_its_last_chunk(chunks: list[bytes], cut: int) -> None:
    body = b"".join(b"0%x;x=y\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    whole = body + b"0\r\n\r\n"
    assert is_whole(chunked(whole[:cut])) == (cut >= len(whole))


@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=8))
def test_what_was_read_of_a_chunked_body_is_not_read_again(chunks: list[bytes]) -> None:
    whole = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    progress = Progress()
    found = [is_whole(chunked(whole[:end]), progress) for end in range(len(whole) + 1)]
    assert found == [False] * len(whole) + [True]
    assert progress.chunks_at == len(chunked(whole)) - len(b"0\r\n\r\n")


@pytest.mark.parametrize("blank_lines", [2, 3, 50_000])
def test_blank_lines_before_a_request_are_not_waited_through(blank_lines: int) -> None:
    assert is_whole(b"\r\n" * blank_lines)


def test_one_blank_line_may_stray_in_before_a_request() -> None:
    assert not is_whole(b"\r\n" + HEAD)
    assert is_whole(b"\r\n" + HEAD + b"\r\n")


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        HEAD.replace(b"1.1", b"1.0") + b"Transfer-Encoding: chunked\r\n\r\n",
        with_length(str(BODY_MAX_BYTES + 1).encode(), b""),
        with_length(b"9" * 5000, b""),
        with_length(b"-1", b""),
        chunked(b"zz\r\n"),
        chunked(b"fffffffff\r\n"),
    ],
)
def test_what_is_refused_as_it_stands_is_not_waited_for(request_: bytes) -> None:
    assert is_whole(request_)


def test_a_head_that_never_ends_is_too_large() -> None:
    with pytest.raises(ParseException):
        is_whole(HEAD + b"X: " + b"a" * 70_000)


@pytest.mark.parametrize(
    "codings",
    [
        b"gzip",
        b"gzip, chunked",
        b"identity, chunked",
        b"chunked, chunked",
        b"chunked\r\nTransfer-Encoding: chunked",
    ],
)
def test_no_other_coding_than_chunked_is_known(codings: bytes) -> None:
    with pytest.raises(ParseException):
        is_whole(HEAD + b"Transfer-Encoding: " + codings + b"\r\n\r\n")


def test_too_many_headers_are_not_read() -> None:
    with pytest.raises(LimitRequestHeaders):
        is_whole(HEAD + b"a:\r\n" * 64 + b"\r\n")
