"""What is too much, or no HTTP, or no JSON: each has its problem, and none gets to Cognito."""

import json
import socket
import time
from collections.abc import Iterator

import pytest

from local_cognito.process import RunningCognito
from tests.safety.calls import (
    SECONDS,
    SignedIn,
    assert_problem,
    call,
    connect,
    log_lines,
    receive,
    send,
)
from tests.servers import Service

SECRET = "Zx9-never-to-be-repeated"
HOST = b"Host: localhost\r\n"


@pytest.fixture(autouse=True)
def nothing_reaches_cognito(cognito: RunningCognito, user: SignedIn) -> Iterator[None]:
    cognito.control("DELETE", "/_local/calls")
    yield
    calls = cognito.control("GET", "/_local/calls")
    assert set(calls) <= {"jwks"}


def headers(*lines: str) -> bytes:
    return HOST + "".join(f"{line}\r\n" for line in lines).encode()


NOT_HTTP = {
    "a header without a colon": b"GET /devices HTTP/1.1\r\n" + headers(f"Cookie {SECRET}"),
    "a header folded over lines": b"GET /devices HTTP/1.1\r\n" + headers("A: b", f" {SECRET}"),
    "a space before a header's colon": b"GET /devices HTTP/1.1\r\n" + headers(f"A : {SECRET}"),
    "a NUL in a header": b"GET /devices HTTP/1.1\r\n" + headers(f"A: {SECRET}\0"),
    "a NUL in the path": f"GET /devices/{SECRET}\0 HTTP/1.1\r\n".encode() + headers(),
    "a space in the path": f"GET /devices/ {SECRET} HTTP/1.1\r\n".encode() + headers(),
    "raw UTF-8 in the path": f"GET /devices/{SECRET}é HTTP/1.1\r\n".encode() + headers(),
    "bare line feeds": f"GET /devices HTTP/1.1\nA: {SECRET}\n\n".encode(),
    "no version": f"GET /devices?{SECRET}\r\n".encode() + headers(),
    "HTTP/9.9": f"GET /devices?{SECRET} HTTP/9.9\r\n".encode() + headers(),
    "a method of no word": f"{SECRET} /devices HTTP/1.1\r\n".encode() + headers(),
    "no Host": f"GET /devices HTTP/1.1\r\nA: {SECRET}\r\n".encode(),
    "two Hosts": b"GET /devices HTTP/1.1\r\n" + headers(f"Host: {SECRET}"),
    "a Host of no name": f"GET /devices HTTP/1.1\r\nHost: <{SECRET}>\r\n".encode(),
    "a Host of two words": f"GET /devices HTTP/1.1\r\nHost: a {SECRET}\r\n".encode(),
    "a Content-Length of no number": b"POST /devices HTTP/1.1\r\n"
    + headers(f"Content-Length: {SECRET}"),
    "a negative Content-Length": b"POST /devices HTTP/1.1\r\n" + headers("Content-Length: -1"),
    "two Content-Lengths": b"POST /devices HTTP/1.1\r\n"
    + headers("Content-Length: 1", "Content-Length: 2"),
    "Content-Length and Transfer-Encoding": b"POST /devices HTTP/1.1\r\n"
    + headers("Content-Length: 5", "Transfer-Encoding: chunked"),
    "a Transfer-Encoding of no kind": b"POST /devices HTTP/1.1\r\n"
    + headers(f"Transfer-Encoding: {SECRET}"),
    "chunked twice": b"POST /devices HTTP/1.1\r\n" + headers("Transfer-Encoding: chunked, chunked"),
    "chunked in HTTP/1.0": b"POST /devices HTTP/1.0\r\n" + headers("Transfer-Encoding: chunked"),
    "an expectation of no kind": b"GET /devices HTTP/1.1\r\n" + headers(f"Expect: {SECRET}"),
    "TLS where there is none": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + SECRET.encode(),
}


@pytest.mark.parametrize("request_", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_is_not_http_is_answered_with_a_problem(service: Service, request_: bytes) -> None:
    answer = send(service.url, request_ + b"\r\n0\r\n\r\n")
    assert_problem(answer, 400, "malformed-request")
    assert answer.headers["Connection"] == "close"
    assert answer.headers["Date"].endswith(" GMT")
    said = answer.body.decode() + str(answer.headers) + service.logs()
    assert SECRET not in said
    assert "Traceback" not in said


def test_too_many_headers(service: Service) -> None:
    many = headers(*(f"X-{number}: {SECRET}" for number in range(100)))
    answer = send(service.url, b"GET /devices HTTP/1.1\r\n" + many + b"\r\n")
    assert_problem(answer, 431, "headers-too-large")
    assert SECRET not in answer.body.decode() + service.logs()


def test_too_many_headers_are_refused_before_the_body_comes(
    service: Service, user: SignedIn
) -> None:
    many = headers(*["a:"] * 16_000, "Content-Length: 5")
    answer = send(service.url, b"POST /devices HTTP/1.1\r\n" + many + b"\r\n")
    assert_problem(answer, 431, "headers-too-large")
    assert answer.seconds < 2


@pytest.mark.parametrize("coding", ["identity", "gzip", "chunked"])
@pytest.mark.parametrize("pause", [0.0, 0.2], ids=["in one go", "body later"])
def test_no_coding_may_come_with_chunked(
    service: Service, user: SignedIn, coding: str, pause: float
) -> None:
    begun, _, body = chunked(user, b"2\r\n{}\r\n0\r\n\r\n").partition(b"chunked\r\n\r\n")
    begun += f"{coding}, chunked\r\n\r\n".encode()
    with connect(service.url) as connection:
        if pause:
            connection.sendall(begun)
            time.sleep(pause)
            connection.sendall(body)
        else:
            connection.sendall(begun + body)
        assert_problem(receive(connection), 400, "malformed-request")


@pytest.mark.parametrize("size", [17_000, 1_000_000])
def test_a_header_that_is_too_large(service: Service, size: int) -> None:
    large = headers(f"X-Large: {SECRET}{'x' * size}")
    answer = send(service.url, b"GET /devices HTTP/1.1\r\n" + large + b"\r\n")
    assert_problem(answer, 431, "headers-too-large")


def test_headers_that_never_end_are_not_waited_for(service: Service) -> None:
    answer = send(service.url, b"GET /devices HTTP/1.1\r\nX: " + b"x" * 70_000)
    assert_problem(answer, 431, "headers-too-large")
    assert answer.seconds < 2


@pytest.mark.parametrize("end", ["", " HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_a_request_line_that_is_too_long(service: Service, end: str) -> None:
    answer = send(service.url, f"GET /devices?cursor={SECRET}{'x' * 8200}{end}".encode())
    assert_problem(answer, 414, "uri-too-long")
    assert answer.seconds < 2
    assert SECRET not in answer.body.decode() + service.logs()


def refuse(service: Service, user: SignedIn, body: bytes, **how: str) -> object:
    sent = user.bearer | {"Content-Type": how.get("content_type", "application/json")}
    return call(f"{service.url}/devices", "POST", data=body, headers=sent)


FITS = b'{"deviceKey": "%s"}'


def body_of(size: int) -> bytes:
    return FITS % (b"x" * (size - len(FITS) + 2))


def test_a_body_of_16_kib_is_read(service: Service, user: SignedIn) -> None:
    assert_problem(refuse(service, user, body_of(16 * 1024)), 422, "validation-failed")


def test_a_body_of_more_is_not(service: Service, user: SignedIn) -> None:
    assert_problem(refuse(service, user, body_of(16 * 1024 + 1)), 413, "body-too-large")


@pytest.mark.parametrize("length", [16 * 1024 + 1, 10**9, 10**15])
def test_a_body_that_says_it_is_larger_is_not_waited_for(
    service: Service, user: SignedIn, length: int
) -> None:
    head = headers(
        f"Authorization: Bearer {user.token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    )
    answer = send(service.url, b"POST /devices HTTP/1.1\r\n" + head + b"\r\n{")
    assert_problem(answer, 413, "body-too-large")
    assert answer.seconds < 2


def chunked(user: SignedIn, body: bytes) -> bytes:
    head = headers(
        f"Authorization: Bearer {user.token}",
        "Content-Type: application/json",
        "Transfer-Encoding: chunked",
    )
    return b"POST /devices HTTP/1.1\r\n" + head + b"\r\n" + body


@pytest.mark.parametrize("size", [17 * 1024, 40 * 1024])
def test_neither_is_a_larger_one_in_chunks(service: Service, user: SignedIn, size: int) -> None:
    body = b"".join(b"400\r\n" + b"x" * 1024 + b"\r\n" for _ in range(size // 1024))
    answer = send(service.url, chunked(user, body + b"0\r\n\r\n"))
    assert_problem(answer, 413, "body-too-large")


def test_chunks_that_never_end_are_not_read_for_ever(service: Service, user: SignedIn) -> None:
    padded = b"1;padding=" + b"x" * 4000 + b"\r\n \r\n"
    answer = send(service.url, chunked(user, padded * 20))
    assert_problem(answer, 413, "body-too-large")
    assert answer.seconds < 2


def test_a_small_body_in_chunks_is_read(service: Service, user: SignedIn) -> None:
    answer = send(service.url, chunked(user, b"1;a=b\r\n{\r\n1\r\n}\r\n0\r\nX-Trailer: y\r\n\r\n"))
    assert_problem(answer, 422, "validation-failed")


@pytest.mark.parametrize(
    "chunks", [b"zz\r\n{}\r\n0\r\n\r\n", b"2\r\n{}xx0\r\n\r\n", b"-2\r\n{}\r\n"]
)
def test_chunks_that_are_none(service: Service, user: SignedIn, chunks: bytes) -> None:
    assert_problem(send(service.url, chunked(user, chunks)), 400, "malformed-request")


def test_a_refused_call_with_broken_chunks_gets_one_answer(service: Service) -> None:
    request = b"POST /devices HTTP/1.1\r\n" + headers("Transfer-Encoding: chunked")
    with connect(service.url) as connection:
        connection.sendall(request + b"\r\nzz\r\n")
        assert_problem(receive(connection), 401, "missing-token")
        assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "rest",
    [
        "Content-Length: 100000\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        "Transfer-Encoding: chunked\r\n\r\n1\r\nxyz0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
    ],
)
def test_an_answer_after_which_the_connection_ends_says_so(service: Service, rest: str) -> None:
    with connect(service.url) as connection:
        connection.sendall(b"POST /devices HTTP/1.1\r\n" + HOST + rest.encode())
        answer = receive(connection)
        assert answer.headers["Connection"] == "close"
        assert connection.recv(1) == b""


def test_a_body_that_nobody_reads_ends_no_connection(service: Service) -> None:
    with connect(service.url) as connection:
        for _ in range(2):
            connection.sendall(
                b"POST /devices HTTP/1.1\r\n" + headers("Content-Length: 5") + b"\r\nhello"
            )
            answer = receive(connection)
            assert_problem(answer, 401, "missing-token")
            assert answer.headers["Connection"] == "keep-alive"


def test_a_caller_who_has_said_that_no_more_comes_is_answered_and_closed(service: Service) -> None:
    request = b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n"
    with connect(service.url) as connection:
        # Requests and end go out in one packet: neither is there without the other.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        connection.sendall(request + request)
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 2
    assert received.count(b"Connection: close") == 1


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def expecting(
    service: Service, user: SignedIn, length: int, version: str = "1.1", body: bytes = b""
) -> socket.socket:
    """A connection whose caller would rather wait before it sends the body, or the rest of it."""
    connection = connect(service.url)
    head = headers(
        f"Authorization: Bearer {user.token}",
        "Content-Type: application/json",
        f"Content-Length: {length}",
        "Expect: 100-continue",
    )
    connection.sendall(f"POST /devices HTTP/{version}\r\n".encode() + head + b"\r\n" + body)
    return connection


def test_a_body_whose_sender_waits_is_asked_for_once(service: Service, user: SignedIn) -> None:
    with expecting(service, user, 2) as connection:
        assert connection.recv(1000) == CONTINUE
        connection.sendall(b"{}")
        assert_problem(receive(connection), 422, "validation-failed")


def test_a_body_that_is_there_already_is_not_asked_for(service: Service, user: SignedIn) -> None:
    with expecting(service, user, 2, body=b"{}") as connection:
        assert_problem(receive(connection), 422, "validation-failed")


def test_a_body_that_is_too_large_is_not_asked_for(service: Service, user: SignedIn) -> None:
    with expecting(service, user, 1_000_000) as connection:
        assert_problem(receive(connection), 413, "body-too-large")


def test_nothing_is_asked_of_http_1_0(service: Service, user: SignedIn) -> None:
    """It knows no interim answers: RFC 9110, section 15.2."""
    with expecting(service, user, 2, "1.0") as connection:
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(SECONDS)
        connection.sendall(b"{}")
        assert_problem(receive(connection), 422, "validation-failed")


def test_a_request_that_was_none_is_logged_like_any_other(service: Service, user: SignedIn) -> None:
    assert_problem(refuse(service, user, b"{}"), 422, "validation-failed")
    answer = send(service.url, b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
    request_id = assert_problem(answer, 400, "malformed-request")["requestId"]
    (line,) = log_lines(service.logs(), event="request", request_id=request_id)
    (other, *_) = log_lines(service.logs(), event="request", status=422)
    assert line.keys() == other.keys()
    assert (line["route"], line["status"], line["cognito_attempts"]) == ("unparsed", 400, 0)
    assert 0 <= line["duration_ms"] < 1000


NOT_JSON = {
    "nothing like it": b"deviceKey=x",
    "an end that is missing": b'{"deviceKey": "x"',
    "something after the end": b'{"deviceKey": "x"} x',
    "no UTF-8": b'{"deviceKey": "\xff\xfe"}',
    "UTF-16": '{"deviceKey": "x"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"deviceKey": "x"}',
    "NaN": b'{"deviceKey": NaN}',
    "Infinity": b'{"deviceKey": -Infinity}',
    "one member twice": b'{"deviceKey": "x", "deviceKey": "y"}',
    "one inner member twice": b'{"deviceKey": "x", "secretVerifier": {"salt": "x", "salt": "y"}}',
    "arrays 8000 deep": b"[" * 8000 + b"]" * 8000,
    "objects 3000 deep": b'{"a":' * 2600 + b"1" + b"}" * 2600,
    "a number of 5000 digits": b'{"deviceKey": ' + b"9" * 5000 + b"}",
    "a raw control character": b'{"deviceKey": "\x00"}',
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_what_is_not_json(service: Service, user: SignedIn, body: bytes) -> None:
    assert_problem(refuse(service, user, body), 400, "malformed-body")


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"1", b"{}", b""])
def test_json_that_is_no_device(service: Service, user: SignedIn, body: bytes) -> None:
    assert_problem(refuse(service, user, body), 422, "validation-failed")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "text/json",
        "",
        "/",
    ],
)
def test_json_that_is_not_called_so(service: Service, user: SignedIn, content_type: str) -> None:
    body = json.dumps({"deviceKey": "x"}).encode()
    assert_problem(refuse(service, user, body, content_type=content_type), 400, "malformed-body")


@pytest.mark.parametrize(
    "segment", ["%00", "a%00b", "%ff", "%2e%2e", "..", "%0d%0aX:y", "x" * 4000]
)
def test_paths_of_no_device(service: Service, user: SignedIn, segment: str) -> None:
    request = f"GET /devices/{segment} HTTP/1.1\r\n".encode()
    answer = send(service.url, request + headers(f"Authorization: Bearer {user.token}") + b"\r\n")
    assert_problem(answer, 404, "device-not-found")


def test_an_absolute_address_is_served_by_its_path(service: Service) -> None:
    answer = send(service.url, b"GET http://evil.example/devices HTTP/1.1\r\n" + HOST + b"\r\n")
    assert assert_problem(answer, 401, "missing-token")["instance"] == "/devices"


def test_an_absolute_address_without_a_path_leads_to_no_host_but_ours(service: Service) -> None:
    answer = send(service.url, b"GET http://evil.example HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert (answer.status, answer.headers["Location"]) == (302, "/docs")


def test_http_1_0_without_a_host_is_served(service: Service) -> None:
    answer = send(service.url, b"GET /devices HTTP/1.0\r\n\r\n")
    assert_problem(answer, 401, "missing-token")


def test_a_method_that_nobody_knows_is_refused_and_counted_as_other(service: Service) -> None:
    answer = call(f"{service.url}/devices", "INVENTED")
    assert_problem(answer, 405, "method-not-allowed")
    metrics = call(f"{service.url}/metrics").text
    assert 'method="other"' in metrics
    assert "INVENTED" not in metrics
