"""HTTPS that gunicorn ends itself: TLS_CERT_FILE and TLS_KEY_FILE."""

import _ssl
import ctypes
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests
import trustme

from local_cognito.process import RunningCognito
from tests.safety.calls import call, connect, log_lines, receive, send, sign_in, until
from tests.safety.conftest import service_with
from tests.servers import ROOT, Service, free_port, settings_for

# Only the wait for the start does not check the chain.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")

HSTS = "max-age=31536000"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a certificate of it for 127.0.0.1."""

    ca_file: str
    cert_file: str
    key_file: str

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    found = Authority(*(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")))
    ca.cert_pem.write_to_path(found.ca_file)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(found.cert_file, append=True)
    certificate.private_key_pem.write_to_path(found.key_file)
    return found


@pytest.fixture(scope="module")
def secure(cognito_server: RunningCognito, authority: Authority) -> Iterator[Service]:
    """The service over HTTPS, with four threads, and metrics on a port of their own."""
    with service_with(
        cognito_server,
        TLS_CERT_FILE=authority.cert_file,
        TLS_KEY_FILE=authority.key_file,
        THREADS="4",
        METRICS_PORT=str(free_port()),
    ) as service:
        yield service


def test_a_client_that_checks_the_chain_is_served(
    secure: Service, authority: Authority, cognito: RunningCognito
) -> None:
    user = sign_in(cognito)
    answer = call(f"{secure.url}/devices", headers=user.bearer, verify=authority.ca_file)
    assert answer.status_code == 200
    assert answer.json()["items"][0]["id"] == user.device_key


def test_metrics_on_a_port_of_their_own_are_read_over_https_too(
    secure: Service, authority: Authority
) -> None:
    assert secure.metrics_url.startswith("https://")
    assert call(f"{secure.metrics_url}/metrics", verify=authority.ca_file).status_code == 200
    with pytest.raises(requests.ConnectionError):
        call(f"{secure.metrics_url.replace('https://', 'http://')}/metrics")


def test_a_client_that_does_not_know_the_authority_refuses(secure: Service) -> None:
    with pytest.raises(requests.exceptions.SSLError, match="CERTIFICATE_VERIFY_FAILED"):
        call(f"{secure.url}/healthz")


def test_hsts_is_sent(secure: Service, authority: Authority) -> None:
    for path in ("/healthz", "/devices", "/nowhere"):
        answer = call(secure.url + path, verify=authority.ca_file)
        assert answer.headers["Strict-Transport-Security"] == HSTS


def test_also_with_what_is_no_http(secure: Service, authority: Authority) -> None:
    with connect(secure.url, authority.trust) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        answer = receive(connection)
    assert answer.status == 400
    assert answer.headers["Strict-Transport-Security"] == HSTS


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(
    secure: Service, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.trust
    context.minimum_version = context.maximum_version = version
    with connect(secure.url, context) as connection:
        connection.sendall(REQUEST)
        assert receive(connection).status == 200
        assert connection.version() == version.name.replace("_", ".")  # type: ignore[attr-defined]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_ones_are_refused(
    secure: Service, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.trust
    context.set_ciphers("ALL:@SECLEVEL=0")  # or the client would refuse on its own
    context.minimum_version = context.maximum_version = version
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        connect(secure.url, context)


def test_requests_follow_each_other_on_one_connection(
    secure: Service, authority: Authority
) -> None:
    with connect(secure.url, authority.trust) as connection:
        for _ in range(3):
            connection.sendall(REQUEST[:20])
            connection.sendall(REQUEST[20:])
            assert receive(connection).status == 200


def test_a_large_answer_that_is_taken_slowly_is_whole(
    secure: Service, authority: Authority
) -> None:
    path = "/docs/swagger-ui-bundle.js"
    expected = call(secure.url + path, verify=authority.ca_file).content
    address = urlsplit(secure.url)
    with socket.socket() as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.connect((address.hostname, address.port))
        with authority.trust.wrap_socket(plain, server_hostname=address.hostname) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            time.sleep(0.5)
            received = b""
            while piece := connection.recv(65536):
                received += piece
    assert received.partition(b"\r\n\r\n")[2] == expected


@pytest.mark.parametrize("size", [20_000, 70_000, 150_000])
def test_a_body_that_is_too_large_is_answered_however_much_of_it_comes_at_once(
    secure: Service, authority: Authority, size: int
) -> None:
    for _ in range(5):
        answer = call(f"{secure.url}/devices", "POST", data=b"x" * size, verify=authority.ca_file)
        assert answer.status_code == 401  # before the body is looked at


def test_headers_of_64_kib_are_read_at_once(secure: Service, authority: Authority) -> None:
    headers = {f"X-{number}": "x" * 15_900 for number in range(4)}
    answer = call(f"{secure.url}/healthz", headers=headers, verify=authority.ca_file)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("request_", "status"),
    [(b"GET /healthz HTTP/1.0\r\n\r\n", 200), (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400)],
)
def test_the_end_of_a_connection_is_told(
    secure: Service, authority: Authority, request_: bytes, status: int
) -> None:
    """By close_notify, without which a caller must take it for cut (RFC 8446, section 6.1)."""
    address = urlsplit(secure.url)
    plain = socket.create_connection((address.hostname, address.port), timeout=5)
    with authority.trust.wrap_socket(
        plain, server_hostname=address.hostname, suppress_ragged_eofs=False
    ) as connection:
        connection.sendall(request_)
        assert receive(connection).status == status
        assert connection.recv(1) == b""


def test_an_end_that_comes_with_the_request_ends_the_connection_after_the_answer(
    secure: Service, authority: Authority
) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = authority.trust.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    with connect(secure.url.replace("https://", "http://")) as plain:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                plain.sendall(outgoing.read())
                incoming.write(plain.recv(65536))
        tls.write(REQUEST)
        with suppress(ssl.SSLWantReadError):
            tls.unwrap()
        plain.sendall(outgoing.read())
        plain.settimeout(3)
        for piece in iter(lambda: plain.recv(65536), b""):
            incoming.write(piece)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_ends_his_side_unannounced_after_the_request_is_answered(
    secure: Service, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.trust
    context.minimum_version = context.maximum_version = version
    with connect(secure.url, context) as connection:
        connection.sendall(REQUEST)
        socket.socket.shutdown(connection, socket.SHUT_WR)  # of TCP, not of TLS
        assert receive(connection).status == 200


def test_plain_http_gets_no_answer_and_harms_nobody(secure: Service, authority: Authority) -> None:
    plain = secure.url.replace("https://", "http://")
    for _ in range(5):
        with pytest.raises((AssertionError, ConnectionError)):
            send(plain, REQUEST)
    assert call(f"{secure.url}/healthz", verify=authority.ca_file).status_code == 200
    assert "Traceback" not in secure.logs()


def test_handshakes_that_do_not_end_take_no_thread(secure: Service, authority: Authority) -> None:
    plain = secure.url.replace("https://", "http://")
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    with ExitStack() as stack:
        slow: list[socket.socket] = [stack.enter_context(connect(plain)) for _ in range(20)]
        for connection in slow:
            connection.sendall(hello)
        for _ in range(3):
            answer = call(f"{secure.url}/healthz", verify=authority.ca_file)
            assert answer.elapsed.total_seconds() < 1


class LibSsl:
    """Python's own OpenSSL, for what its ssl module has no call for."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(_ssl.__file__)

    def __getattr__(self, name: str) -> Any:
        function = self._library[name]
        function.argtypes = [ctypes.c_void_p, ctypes.c_int] if name in TAKE_A_NUMBER else None
        function.restype = ctypes.c_void_p if name in GIVE_A_POINTER else ctypes.c_int
        return function


TAKE_A_NUMBER = ("SSL_set_fd", "SSL_key_update")
GIVE_A_POINTER = ("TLS_client_method", "SSL_CTX_new", "SSL_new")
KEY_UPDATES = 20_000


def flood_with_key_updates(plain: socket.socket, data_after: int) -> int:
    """New keys, again and again (RFC 8446, section 4.6.3), and a byte now and then; how many there
    were."""
    lib = LibSsl()
    context = ctypes.c_void_p(lib.SSL_CTX_new(ctypes.c_void_p(lib.TLS_client_method())))
    tls = ctypes.c_void_p(lib.SSL_new(context))
    try:
        assert lib.SSL_set_fd(tls, plain.fileno()) == lib.SSL_connect(tls) == 1
        for sent in range(KEY_UPDATES):
            if lib.SSL_key_update(tls, 0) != 1 or lib.SSL_do_handshake(tls) != 1:
                return sent
            if sent % data_after == 0 and lib.SSL_write(tls, b"G", 1) != 1:
                return sent
        return KEY_UPDATES
    finally:
        lib.SSL_free(tls)
        lib.SSL_CTX_free(context)


@pytest.mark.parametrize("data_after", [KEY_UPDATES, 1000, 100])
def test_floods_of_new_keys_are_cut_off_and_take_no_thread(
    secure: Service, authority: Authority, data_after: int
) -> None:
    plain = secure.url.replace("https://", "http://")
    with ExitStack() as stack, ThreadPoolExecutor(8) as floods:
        connections = [stack.enter_context(connect(plain)) for _ in range(8)]
        for connection in connections:
            connection.settimeout(None)
        sent = floods.map(flood_with_key_updates, connections, repeat(data_after))
        for _ in range(10):
            answer = call(f"{secure.url}/healthz", verify=authority.ca_file)
            assert answer.elapsed.total_seconds() < 1
        assert max(sent) < KEY_UPDATES


def refused_start(cognito: RunningCognito, **variables: str) -> str:
    """What a start that fails says."""
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=settings_for(cognito) | {"PORT": "0"} | variables,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("missing", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
@pytest.mark.parametrize("path", ["nowhere.pem", ""], ids=["missing", "a folder"])
def test_a_file_that_cannot_be_read_stops_the_start(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path, missing: str, path: str
) -> None:
    files = {"TLS_CERT_FILE": authority.cert_file, "TLS_KEY_FILE": authority.key_file}
    said = refused_start(cognito_server, **files | {missing: str(tmp_path / path)})
    assert f"{missing}: Cannot be read" in said


def test_a_key_without_a_certificate_stops_the_start(
    cognito_server: RunningCognito, authority: Authority
) -> None:
    said = refused_start(cognito_server, TLS_KEY_FILE=authority.key_file)
    assert "TLS_CERT_FILE and TLS_KEY_FILE" in said


def test_a_key_that_is_not_the_certificates_stops_the_start(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    files = {"TLS_CERT_FILE": authority.cert_file, "TLS_KEY_FILE": str(other)}
    said = refused_start(cognito_server, **files)
    assert "TLS_CERT_FILE and TLS_KEY_FILE: Not a certificate" in said


@pytest.fixture
def renewing(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path
) -> Iterator[tuple[Service, Path]]:
    """The service over HTTPS, and its certificate's file, which is its own."""
    certificate = Path(shutil.copy(authority.cert_file, tmp_path))
    with service_with(
        cognito_server, TLS_CERT_FILE=str(certificate), TLS_KEY_FILE=authority.key_file
    ) as service:
        yield service, certificate


def test_a_reload_without_a_certificate_changes_nothing(
    renewing: tuple[Service, Path], authority: Authority
) -> None:
    service, certificate = renewing
    kept = certificate.read_bytes()
    certificate.unlink()
    service.process.send_signal(signal.SIGHUP)
    until(lambda: "Not reloaded: TLS_CERT_FILE: Cannot be read" in service.logs())
    certificate.write_bytes(kept)
    assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200
    assert service.logs().count("Booting worker") == 1
    service.process.send_signal(signal.SIGHUP)
    until(lambda: service.logs().count("Booting worker") == 2)
    assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200


def test_the_last_certificate_serves_while_it_is_renewed(
    renewing: tuple[Service, Path], authority: Authority
) -> None:
    service, certificate = renewing
    certificate.unlink()
    assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200
    assert len(log_lines(service.logs(), event="certificate_unusable")) == 1
    certificate.write_text("half of a")
    assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200


def test_a_worker_that_is_replaced_while_there_is_no_certificate_comes_up(
    renewing: tuple[Service, Path], authority: Authority
) -> None:
    service, certificate = renewing
    kept = certificate.read_bytes()
    certificate.unlink()
    (worker,) = psutil.Process(service.process.pid).children()
    worker.kill()
    until(lambda: service.logs().count("Booting worker") == 2)
    with pytest.raises(OSError, match=r"EOF|reset"):
        connect(service.url, authority.trust)  # it has not had any yet
    until(lambda: log_lines(service.logs(), event="certificate_unusable"))
    certificate.write_bytes(kept)
    until(lambda: call(f"{service.url}/readyz", verify=authority.ca_file).status_code == 200)
