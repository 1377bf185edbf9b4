"""HTTPS that gunicorn ends itself: TLS_CERT_FILE and TLS_KEY_FILE."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
import trustme

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, call, connect, receive, send
from tests.resilience.polling import until
from tests.resilience.test_slow_callers import HASTY
from tests.servers import ROOT, Service, free_port, serving, settings_for

# Only the wait for the start does not check the chain.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")

HSTS = "max-age=31536000"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and a certificate of it for 127.0.0.1."""

    ca_file: str
    cert_file: str
    key_file: str

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file)

    @property
    def settings(self) -> dict[str, str]:
        return {"TLS_CERT_FILE": self.cert_file, "TLS_KEY_FILE": self.key_file}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    ca = trustme.CA()
    certificate = ca.issue_cert("127.0.0.1")
    made = Authority(*(str(folder / name) for name in ("ca.pem", "cert.pem", "key.pem")))
    ca.cert_pem.write_to_path(made.ca_file)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(made.cert_file, append=True)
    certificate.private_key_pem.write_to_path(made.key_file)
    return made


@pytest.fixture(scope="module")
def secure(cognito_server: RunningCognito, authority: Authority) -> Iterator[Service]:
    """With metrics on a port of their own."""
    settings = settings_for(cognito_server) | authority.settings
    with serving(settings | {"METRICS_PORT": str(free_port())}) as service:
        yield service


def plain(url: str) -> str:
    return url.replace("https://", "http://")


def test_a_client_that_checks_the_chain_is_served(
    secure: Service, authority: Authority, user: SignedIn
) -> None:
    answer = call(f"{secure.url}/devices", headers=user.bearer, verify=authority.ca_file)
    assert answer.json()["items"][0]["id"] == user.device_key
    assert answer.headers["Strict-Transport-Security"] == HSTS


def test_metrics_on_a_port_of_their_own_are_read_over_https_too(
    secure: Service, authority: Authority
) -> None:
    assert call(f"{secure.metrics_url}/metrics", verify=authority.ca_file).status_code == 200
    with pytest.raises(requests.ConnectionError):
        call(f"{plain(secure.metrics_url)}/metrics")


def test_what_is_not_http_is_answered_over_https_too(secure: Service, authority: Authority) -> None:
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
        for _ in range(2):
            connection.sendall(REQUEST)
            assert receive(connection).status == 200


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_ones_are_refused(secure: Service, authority: Authority) -> None:
    context = authority.trust
    context.set_ciphers("ALL:@SECLEVEL=0")  # or the client would refuse on its own
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        connect(secure.url, context)


@pytest.mark.parametrize(
    ("request_", "status"),
    [(b"GET /healthz HTTP/1.0\r\n\r\n", 200), (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400)],
)
def test_the_end_of_a_connection_is_told(
    secure: Service, authority: Authority, request_: bytes, status: int
) -> None:
    """By close_notify, without which a caller must take it for cut (RFC 8446, section 6.1)."""
    with (
        connect(plain(secure.url)) as below,
        authority.trust.wrap_socket(
            below, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(request_)
        assert receive(connection).status == status
        assert connection.recv(1) == b""


def test_a_caller_who_has_ended_its_side_of_tcp_is_answered(
    secure: Service, authority: Authority
) -> None:
    with connect(secure.url, authority.trust) as connection:
        connection.sendall(REQUEST)
        socket.socket.shutdown(connection, socket.SHUT_WR)  # of TCP, not of TLS
        assert receive(connection).status == 200


def test_plain_http_gets_no_answer_and_harms_nobody(secure: Service, authority: Authority) -> None:
    with pytest.raises((AssertionError, ConnectionError)):
        send(plain(secure.url), REQUEST)
    assert call(f"{secure.url}/healthz", verify=authority.ca_file).status_code == 200
    assert "Traceback" not in secure.logs()


def test_silent_handshakes_do_not_stop_others_and_end(
    cognito_server: RunningCognito, authority: Authority
) -> None:
    settings = settings_for(cognito_server) | authority.settings | HASTY | {"WORKERS": "1"}
    with serving(settings) as service, ExitStack() as stack:
        slow = [stack.enter_context(connect(plain(service.url))) for _ in range(100)]
        for number, connection in enumerate(slow):
            connection.sendall(HALF_A_HELLO[: number % 2 * 100])
        assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200
        for connection in slow:
            while connection.recv(100):  # an alert, perhaps
                pass


def refused_start(cognito: RunningCognito, **variables: str) -> str:
    """What a start that fails says."""
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn"],
        cwd=ROOT,
        env=settings_for(cognito) | {"PORT": "0"} | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("missing", ["TLS_CERT_FILE", "TLS_KEY_FILE"])
def test_a_file_that_cannot_be_read_stops_the_start(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path, missing: str
) -> None:
    files = authority.settings | {missing: str(tmp_path / "nowhere.pem")}
    assert f"{missing}: Cannot be read" in refused_start(cognito_server, **files)


def test_a_key_that_is_not_the_certificates_stops_the_start(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path
) -> None:
    other = tmp_path / "other.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(other)
    said = refused_start(cognito_server, **authority.settings | {"TLS_KEY_FILE": str(other)})
    assert "TLS_CERT_FILE and TLS_KEY_FILE: Not a certificate" in said


def test_a_reload_without_a_certificate_changes_nothing_and_one_with_a_new_one_serves_it(
    cognito_server: RunningCognito, authority: Authority, tmp_path: Path
) -> None:
    certificate = Path(shutil.copy(authority.cert_file, tmp_path))
    files = authority.settings | {"TLS_CERT_FILE": str(certificate)}
    with serving(settings_for(cognito_server) | files | {"WORKERS": "1"}) as service:
        certificate.unlink()
        service.process.send_signal(signal.SIGHUP)
        until("refused", lambda: "Not reloaded: TLS_CERT_FILE" in service.logs())
        assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200
        shutil.copy(authority.cert_file, certificate)
        service.process.send_signal(signal.SIGHUP)
        until("a new worker", lambda: service.logs().count("Booting worker") == 2)
        assert call(f"{service.url}/healthz", verify=authority.ca_file).status_code == 200
