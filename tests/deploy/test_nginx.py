"""deploy/nginx/nginx.conf, in a real nginx in front of a server that counts what reaches it."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from socket import SHUT_RDWR, inet_aton
from socketserver import BaseRequestHandler, ThreadingUDPServer
from threading import Thread

import pytest
import requests
import yaml

from app.domain.errors import ErrorCode
from tests.calls import RawResponse, assert_problem, connect, receive
from tests.deploy.programs import DEPLOY, PROBLEM, ROOT, program_path
from tests.polling import until
from tests.raw_server import RawServer, in_pieces, raw_server
from tests.servers import free_port, listens

TIMEOUT = 30
ORIGIN = "http://localhost:5173"
CONFIGURATION = (DEPLOY / "nginx" / "nginx.conf").read_text()


class NameServer(ThreadingUDPServer):
    """Answers every question with `addresses`: a DNS of the test's own, as Docker has one."""

    addresses: tuple[str, ...] = ("127.0.0.1",)

    class RequestHandlerClass(BaseRequestHandler):
        def handle(self) -> None:
            question, socket = self.request
            assert isinstance(self.server, NameServer)
            head = question[:2] + b"\x81\x80\0\1\0" + bytes([len(self.server.addresses)]) + bytes(4)
            record = b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4"
            records = (record + inet_aton(address) for address in self.server.addresses)
            socket.sendto(head + question[12:] + b"".join(records), self.client_address)

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), self.RequestHandlerClass)


@contextmanager
def nginx(folder: Path, upstream_port: int) -> Iterator[tuple[str, NameServer]]:
    """The address of nginx and the DNS that it asks, with its configuration as it is except for
    ports and folders. A caller may say where it calls from, in X-From."""
    port = free_port()
    with NameServer() as names:
        Thread(target=names.serve_forever, args=(0.01,), daemon=True).start()
        text = CONFIGURATION
        dns = f"127.0.0.1:{names.server_address[1]}"
        from_header = "set_real_ip_from 127.0.0.1; real_ip_header X-From"
        for old, new in (
            ("rate=50r/s", "rate=1r/m"),  # slower than any machine that runs the tests
            ("worker_processes auto", "worker_processes 1"),  # each asks the DNS for itself
            ("resolver 127.0.0.11 valid=5s", f"resolver {dns} valid=1s"),
            ("service:8000", f"service:{upstream_port}"),
            ("listen 8080", f"{from_header}; listen 127.0.0.1:{port}"),
            ("listen [::]:8080", f"listen [::1]:{port}"),
            (" /tmp/", f" {folder}/"),
        ):
            assert old in text
            text = text.replace(old, new)
        configuration = folder / "nginx.conf"
        configuration.write_text(f"daemon off;\n{text}")
        process = subprocess.Popen([program_path("nginx"), "-p", folder, "-c", configuration])
        try:
            url = f"http://127.0.0.1:{port}"
            until("nginx listens", lambda: listens(url))
            yield url, names
        finally:
            process.terminate()
            process.wait(TIMEOUT)
            names.shutdown()


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory, upstream: RawServer) -> Iterator[str]:
    """nginx in front of a server that keeps what arrives."""
    with nginx(tmp_path_factory.mktemp("nginx"), upstream.port) as (url, _):
        yield url


def check_problem(
    answer: requests.Response | RawResponse, code: ErrorCode, instance: str = "/devices"
) -> str:
    """That it is what the contract says of problems, and the service of `code`; its detail."""
    problem = assert_problem(answer, code.status, code)
    PROBLEM.validate(problem)
    assert problem["title"] == code.heading
    assert re.fullmatch(instance, problem["instance"])
    assert answer.headers["Cache-Control"] == "no-store"
    return str(problem["detail"])


def test_a_call_reaches_the_service_with_its_token_and_the_callers_address(
    proxy: str, upstream: RawServer
) -> None:
    sent = {"Authorization": f"Bearer {'t' * 15_000}", "X-Forwarded-For": "192.0.2.1"}
    for url in (proxy, proxy.replace("127.0.0.1", "[::1]")):
        answer = requests.post(f"{url}/devices", data="{}", headers=sent, timeout=TIMEOUT)
        assert answer.status_code == 204
        assert upstream.bodies[-1] == b"{}"
        arrived = upstream.heads[-1]
        assert arrived["Authorization"] == sent["Authorization"]
        assert arrived["X-Forwarded-For"] == ("::1" if "[" in url else "127.0.0.1")


def test_a_request_reaches_the_service_once_it_is_complete(proxy: str, upstream: RawServer) -> None:
    before = len(upstream.heads)
    with connect(proxy) as slow:
        slow.sendall(b"POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        requests.get(f"{proxy}/meanwhile", timeout=TIMEOUT).raise_for_status()
        assert len(upstream.heads) == before + 1
        slow.sendall(b"}")
        assert receive(slow).status == 204
    assert upstream.bodies[before:] == [b"", b"{}"]


@pytest.mark.parametrize(
    ("request_line", "headers", "code", "instance"),
    [
        ("GET //metrics", "", ErrorCode.NOT_FOUND, "//metrics"),
        ("GET /metrics?a=b", "", ErrorCode.NOT_FOUND, "/metrics"),
        ("POST /devices", "Content-Length: 20000", ErrorCode.BODY_TOO_LARGE, "/devices"),
        ('POST /a"b\\', "Content-Length: 20000", ErrorCode.BODY_TOO_LARGE, "urn:.+"),
        ("GET /devices", f"X-Long: {'x' * 40_000}", ErrorCode.HEADERS_TOO_LARGE, "/devices"),
        (f"GET /?cursor={'x' * 40_000}", "", ErrorCode.URI_TOO_LONG, "urn:.+"),
        ("GET /devices", "Host: y", ErrorCode.MALFORMED_REQUEST, "/devices"),
        ("TRACE /devices", "", ErrorCode.METHOD_NOT_ALLOWED, "/devices"),
        ("POST /devices", "Transfer-Encoding: gzip", ErrorCode.MALFORMED_REQUEST, "/devices"),
    ],
)
def test_what_nginx_refuses_is_a_problem_by_the_contract_that_a_page_can_read(
    proxy: str, request_line: str, headers: str, code: ErrorCode, instance: str
) -> None:
    with connect(proxy) as connection:
        lines = (f"{request_line} HTTP/1.1", "Host: x", f"Origin: {ORIGIN}", headers, "", "")
        connection.sendall("\r\n".join(filter(None, lines)).encode() + b"\r\n\r\n")
        answer = receive(connection)
    assert check_problem(answer, code, instance) == code.detail
    # Before the headers were read, nginx does not know the origin.
    if code is not ErrorCode.URI_TOO_LONG:
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert ("Allow" in answer.headers) is (code is ErrorCode.METHOD_NOT_ALLOWED)


def test_only_the_services_origins_may_read_problems(proxy: str) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    allowed = compose["services"]["service"]["environment"]["CORS_ORIGINS"].split(",")
    assert re.findall(r"(http://localhost\S+) +\$http_origin;", CONFIGURATION) == allowed
    headers = {"Origin": "https://example.com"}
    answer = requests.get(f"{proxy}/metrics", headers=headers, timeout=TIMEOUT)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Origin"


def test_a_flood_is_limited_by_address_or_ipv6_network_and_preflights_are_not_counted_with_it(
    proxy: str,
) -> None:
    def statuses(method: str, address: str, calls: int) -> set[int]:
        with requests.Session() as session:
            headers = {"X-From": address, "Origin": ORIGIN}
            answers = [
                session.request(method, f"{proxy}/devices", headers=headers, timeout=TIMEOUT)
                for _ in range(calls)
            ]
        for answer in answers:
            if answer.status_code == 429:
                check_problem(answer, ErrorCode.RATE_LIMITED)
                assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        return {answer.status_code for answer in answers}

    assert statuses("GET", "2001:db8:0:1::1", 110) == {204, 429}
    assert 429 in statuses("GET", "2001:db8:0:1:ffff::a:2", 3)  # the same /64
    assert statuses("OPTIONS", "2001:db8:0:1::1", 3) == {204}
    assert statuses("GET", "2001:db8:0:2::1", 3) == {204}
    assert statuses("GET", "192.0.2.1", 3) == {204}


def test_a_copy_that_goes_away_is_replaced_by_where_its_name_leads_now(tmp_path: Path) -> None:
    def answer() -> requests.Response:
        headers = {"X-From": f"192.0.2.{next(callers) % 256}"}  # or they would be limited
        return requests.get(f"{url}/devices", headers=headers, timeout=TIMEOUT)

    callers = count()
    with raw_server() as service, nginx(tmp_path, service.port) as (url, names):
        assert answer().status_code == 204
        names.addresses = ("127.0.0.2",)  # nobody listens there
        until("nginx has asked again", lambda: answer().status_code == 503)
        assert "Nothing was changed" in check_problem(answer(), ErrorCode.UPSTREAM_UNAVAILABLE)
        names.addresses = ("127.0.0.2", "127.0.0.1")  # one of two copies was stopped
        until("nginx has asked again", lambda: answer().status_code == 204)
        assert {answer().status_code for _ in range(10)} == {204}


def test_an_answer_may_have_a_cursor_of_12_kb_and_a_lost_one_is_not_told_as_nothing_done(
    tmp_path: Path,
) -> None:
    link = f'</devices?cursor={"c" * 12_000}>; rel="next"'
    with raw_server() as service, nginx(tmp_path, service.port) as (url, _):
        service.script = in_pieces(f"HTTP/1.1 204 No Content\r\nLink: {link}\r\n\r\n".encode())
        assert requests.get(f"{url}/devices", timeout=TIMEOUT).headers["Link"] == link
        service.script = lambda connection: connection.shutdown(SHUT_RDWR)
        lost = requests.post(f"{url}/devices", data="{}", timeout=TIMEOUT)
    assert "may have been made" in check_problem(lost, ErrorCode.UPSTREAM_ERROR)
    assert len(service.heads) == 2  # it was not sent again
