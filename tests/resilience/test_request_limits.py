"""What is too much, or no HTTP: each has its problem, and none gets to Cognito."""

import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local_cognito.process import RunningCognito
from tests.calls import (
    SignedIn,
    assert_problem,
    call,
    connect,
    log_lines,
    receive,
    send,
)
from tests.polling import until
from tests.servers import Service

APP = "https://app.example.com"
SECRET = "Zx9-never-to-be-repeated"
HOST = b"Host: localhost\r\n"
GET = b"GET /devices HTTP/1.1\r\n"
POST = b"POST /devices HTTP/1.1\r\n"
BODY_MAX_BYTES = 16 * 1024


@pytest.fixture(autouse=True)
def nothing_reaches_cognito(cognito: RunningCognito, user: SignedIn) -> Iterator[None]:
    cognito.control("DELETE", "/_local/calls")
    yield
    assert set(cognito.control("GET", "/_local/calls")) <= {"jwks"}


def headers(*lines: str) -> bytes:
    return HOST + "".join(f"{line}\r\n" for line in lines).encode()


NOT_HTTP = {
    "a header without a colon": GET + headers(f"Cookie {SECRET}"),
    "raw UTF-8 in the path": f"GET /devices/{SECRET}é HTTP/1.1\r\n".encode() + headers(),
    "no Host": f"GET /devices HTTP/1.1\r\nA: {SECRET}\r\n".encode(),
    "a Host that is none": f"GET /devices HTTP/1.1\r\nHost: a b/<{SECRET}>\r\n".encode(),
    "two Hosts": GET + headers("Host: other"),
    "two Content-Lengths": POST + headers("Content-Length: 1", "Content-Length: 2"),
    "Content-Length and chunked": POST + headers("Content-Length: 5", "Transfer-Encoding: chunked"),
    "an unknown Transfer-Encoding": POST + headers(f"Transfer-Encoding: {SECRET}"),
    "TLS where there is none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET.encode(),
}


@pytest.mark.parametrize("request_", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_answered_with_a_problem_and_logged_like_a_request(
    service: Service, request_: bytes
) -> None:
    answer = send(service.url, request_ + b"\r\n0\r\n\r\n")
    request_id = assert_problem(answer, 400, "malformed-request")["requestId"]
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.body.decode() + str(answer.headers) + service.logs()
    assert SECRET not in said
    assert "Traceback" not in said
    (line,) = log_lines(service.logs(), event="request", request_id=request_id)
    assert (line["route"], line["status"], line["code"]) == ("unparsed", 400, "malformed-request")
    assert line["address"] == "127.0.0.1"


@pytest.mark.parametrize(
    ("request_", "status", "code"),
    [
        (GET + headers(*[f"X: {SECRET}"] * 101), 431, "headers-too-large"),
        (GET + headers(f"X: {SECRET}{'x' * 17_000}"), 431, "headers-too-large"),
        (f"GET /?{SECRET}{'x' * 8200} HTTP/1.1\r\n".encode(), 414, "uri-too-long"),
        (f"GET /?{SECRET}{'x' * 80_000}".encode(), 414, "uri-too-long"),
    ],
    ids=["many headers", "a large header", "a long address", "an address without an end"],
)
def test_what_is_too_large_to_be_read(
    service: Service, request_: bytes, status: int, code: str
) -> None:
    answer = send(service.url, request_ + b"\r\n")
    assert_problem(answer, status, code)
    assert SECRET not in answer.body.decode() + service.logs()


@pytest.mark.parametrize(("origin", "may_read"), [(APP, APP), ("https://evil.example", None)])
def test_a_page_of_an_allowed_origin_can_read_it(
    service: Service, origin: str, may_read: str | None
) -> None:
    answer = send(service.url, GET + headers("a b: c", f"Origin: {origin}") + b"\r\n")
    assert answer.status == 400
    assert answer.headers["Access-Control-Allow-Origin"] == may_read


def test_a_token_of_15_kb_is_read(service: Service) -> None:
    answer = call(f"{service.url}/devices", headers={"Authorization": f"Bearer {'x' * 15_000}"})
    assert_problem(answer, 401, "invalid-token")


def post(service: Service, user: SignedIn, body: bytes, **more: str) -> requests.Response:
    sent = user.bearer | {"Content-Type": "application/json"} | more
    return call(f"{service.url}/devices", "POST", data=body, headers=sent)


def body_of(size: int) -> bytes:
    return b'{"deviceKey": "%s"}' % (b"x" * (size - 17))


def test_a_body_of_16_kib_is_read_and_one_of_more_is_not(service: Service, user: SignedIn) -> None:
    assert_problem(post(service, user, body_of(BODY_MAX_BYTES)), 422, "validation-failed")
    assert_problem(post(service, user, body_of(BODY_MAX_BYTES + 1)), 413, "body-too-large")


def opened(user: SignedIn, *lines: str) -> bytes:
    token = f"Authorization: Bearer {user.token}"
    return POST + headers(token, "Content-Type: application/json", *lines) + b"\r\n"


CHUNKED = "Transfer-Encoding: chunked"
CHUNKS = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(17))


@pytest.mark.parametrize(
    ("line", "sent"),
    [
        (f"Content-Length: {BODY_MAX_BYTES + 1}", b"{"),
        (f"Content-Length: {10**15}", b"{"),
        (CHUNKED, CHUNKS),
    ],
    ids=["a little", "a lot", "in chunks"],
)
def test_the_end_of_a_body_that_is_larger_is_not_waited_for(
    service: Service, user: SignedIn, line: str, sent: bytes
) -> None:
    assert_problem(send(service.url, opened(user, line) + sent), 413, "body-too-large")


def test_requests_after_one_in_chunks_are_answered(service: Service, user: SignedIn) -> None:
    first = opened(user, CHUNKED) + b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: y\r\n\r\n"
    with connect(service.url) as connection:
        connection.sendall(first + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b"HTTP/1.1 422 " in received
    assert b"HTTP/1.1 200 OK" in received


def test_chunks_that_are_none_end_the_connection(service: Service, user: SignedIn) -> None:
    with connect(service.url) as connection:
        connection.sendall(opened(user, CHUNKED) + b"zz\r\n{}\r\n0\r\n\r\n")
        assert_problem(receive(connection), 400, "malformed-request")
        assert connection.recv(1) == b""


@pytest.mark.parametrize("how", ["ended", "reset"])
def test_a_body_that_breaks_off_is_refused(service: Service, user: SignedIn, how: str) -> None:
    """Even if what came of it is whole JSON; and it is the caller's fault, not ours."""
    with connect(service.url) as connection:
        lines = f"X-Request-ID: broken-off-{how}", "Content-Length: 99"
        connection.sendall(opened(user, *lines) + b'{"deviceKey": "x"}')
        if how == "reset":
            time.sleep(0.2)  # so that the service has begun to read
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            connection.shutdown(socket.SHUT_WR)
            assert_problem(receive(connection), 400, "malformed-request")

    def said() -> list[dict[str, Any]]:
        return log_lines(service.logs(), request_id=f"broken-off-{how}")

    until("it is logged", said)
    assert [(line["event"], line["status"]) for line in said()] == [("request", 400)]


def test_a_body_that_nobody_reads_ends_no_connection_unless_it_is_large(service: Service) -> None:
    with connect(service.url) as connection:
        for _ in range(2):
            connection.sendall(POST + headers("Content-Length: 5") + b"\r\n")
            assert_problem(receive(connection), 401, "missing-token")
            connection.sendall(b"hello")
    for _ in range(10):  # and costs no caller the answer
        answer = call(f"{service.url}/devices", "POST", data=b"x" * 150_000)
        assert_problem(answer, 401, "missing-token")


@pytest.mark.parametrize(
    "lines", [("Connection: keep-alive", "Connection: close"), ("Connection: TE, Close",)]
)
def test_a_connection_that_is_to_close_does(service: Service, lines: tuple[str, ...]) -> None:
    with connect(service.url) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + headers(*lines) + b"\r\n")
        assert receive(connection).headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_an_absolute_address_leads_to_no_host_but_ours(service: Service) -> None:
    answer = send(service.url, b"GET http://evil.example HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert (answer.status, answer.headers["Location"]) == (302, "/docs")


@pytest.mark.parametrize(
    ("line", "status", "code"),
    [
        pytest.param(b"Authorization: \xff\xfe %b", 401, "missing-token", id="not UTF-8"),
        pytest.param(b"Authorization: Bearer %b\0", 400, "malformed-request", id="NUL"),
        pytest.param(b"Authorization:  bearer %b \t", 404, "device-not-found", id="blanks"),
    ],
)
def test_an_authorization_header_is_read_as_it_was_sent(
    service: Service, user: SignedIn, line: bytes, status: int, code: str
) -> None:
    head = b"GET /devices/none HTTP/1.1\r\nHost: x\r\n" + line % user.token.encode()
    assert_problem(send(service.url, head + b"\r\n\r\n"), status, code)
