"""HTTPS that gunicorn ends itself: TLS_CERT_FILE and TLS_KEY_FILE."""

import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from http.client import HTTPException
from pathlib import Path

import pytest
import requests
import trustme

from local_cognito.process import RunningCognito
from tests.calls import SignedIn, call, connect, receive, send
from tests.polling import until
from tests.resilience.hasty_worker import HASTY
from tests.servers import Service, free_port, serving, settings_for

# Only the wait for the start does not check the chain.
pytestmark = pytest.mark.filterwarnings("ignore:Unverified HTTPS request")

HSTS = "max-age=31536000"
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HALF_A_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"


@dataclass(frozen=True)
class Authority:
    """A certificate authority, and the files of a certificate of it for 127.0.0.1. `trusted`: whom
    the service trusts; a copy of `ca`."""

    ca: Path
    trusted: Path
    cert: Path
    key: Path

    @property
    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder = tmp_path_factory.mktemp("tls")
    names = ("ca.pem", "trusted.pem", "cert.pem", "key.pem")
    made = Authority(*(folder / name for name in names))
    ca = trustme.CA()
    ca.cert_pem.write_to_path(made.ca)
    ca.cert_pem.write_to_path(made.trusted)
    certificate = ca.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(made.cert)
    certificate.private_key_pem.write_to_path(made.key)
    return made


@pytest.fixture(scope="module")
def secure(cognito_server: RunningCognito, authority: Authority) -> Iterator[Service]:
    """One worker, with metrics on a port of their own."""
    files = {"TLS_CERT_FILE": str(authority.cert), "TLS_KEY_FILE": str(authority.key)}
    files["AWS_CA_BUNDLE"] = str(authority.trusted)
    settings = settings_for(cognito_server) | HASTY | files
    with serving(settings | {"WORKERS": "1", "METRICS_PORT": str(free_port())}) as service:
        yield service


def plain(url: str) -> str:
    return url.replace("https://", "http://")


def test_callers_that_check_the_chain_are_served_and_scrapes_are_too(
    secure: Service, authority: Authority, user: SignedIn
) -> None:
    answer = call(f"{secure.url}/devices", headers=user.bearer, verify=str(authority.ca))
    assert answer.json()["items"][0]["id"] == user.device_key
    assert answer.headers["Strict-Transport-Security"] == HSTS
    assert call(f"{secure.metrics_url}/metrics", verify=str(authority.ca)).status_code == 200
    with pytest.raises(requests.ConnectionError):
        call(f"{plain(secure.metrics_url)}/metrics")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(
    secure: Service, authority: Authority, version: ssl.TLSVersion
) -> None:
    context = authority.trust
    context.minimum_version = context.maximum_version = version
    with connect(secure.url, context) as connection:
        connection.sendall(REQUEST)
        assert receive(connection).status == 200


def test_an_answer_is_sent_at_once_head_and_body(secure: Service, authority: Authority) -> None:
    """In one record, which is what one `recv` gives."""
    with connect(secure.url, authority.trust) as connection:
        connection.sendall(REQUEST)
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert answer.endswith(b'{"status":"ok"}')


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_ones_are_refused(secure: Service, authority: Authority) -> None:
    context = authority.trust
    context.set_ciphers("ALL:@SECLEVEL=0")  # or the client would refuse on its own
    context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        connect(secure.url, context)


def test_what_is_not_http_is_answered_and_the_end_of_the_connection_is_told(
    secure: Service, authority: Authority
) -> None:
    """By close_notify, without which a caller must take it for cut (RFC 8446, section 6.1)."""
    with (
        connect(plain(secure.url)) as below,
        authority.trust.wrap_socket(
            below, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        ) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nno colon\r\n\r\n")
        answer = receive(connection)
        assert answer.status == 400
        assert answer.headers["Strict-Transport-Security"] == HSTS
        assert connection.recv(1) == b""


def test_a_caller_who_has_ended_its_side_of_tcp_is_answered(
    secure: Service, authority: Authority
) -> None:
    with connect(secure.url, authority.trust) as connection:
        connection.sendall(REQUEST)
        socket.socket.shutdown(connection, socket.SHUT_WR)  # of TCP, not of TLS
        assert receive(connection).status == 200


def test_plain_http_gets_no_answer_and_harms_nobody(secure: Service, authority: Authority) -> None:
    with pytest.raises((HTTPException, ConnectionError)):
        send(plain(secure.url), REQUEST)
    assert call(f"{secure.url}/healthz", verify=str(authority.ca)).status_code == 200
    assert "Traceback" not in secure.logs()


def test_silent_handshakes_do_not_stop_others_and_end(
    secure: Service, authority: Authority
) -> None:
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(plain(secure.url))) for _ in range(100)]
        for number, connection in enumerate(slow):
            connection.sendall(HALF_A_HELLO[: number % 2 * 100])
        assert call(f"{secure.url}/healthz", verify=str(authority.ca)).status_code == 200
        for connection in slow:
            while connection.recv(100):  # an alert, perhaps
                pass


def test_a_reload_without_a_certificate_changes_nothing_and_one_with_it_goes_through(
    secure: Service, authority: Authority
) -> None:
    def refused(name: str) -> bool:
        return f"Not reloaded: {name}" in secure.logs()

    for name, file in (("AWS_CA_BUNDLE", authority.trusted), ("TLS_CERT_FILE", authority.cert)):
        kept = shutil.move(file, file.with_suffix(".kept"))
        secure.process.send_signal(signal.SIGHUP)
        until("refused", partial(refused, name))
        assert call(f"{secure.url}/healthz", verify=str(authority.ca)).status_code == 200
        shutil.move(kept, file)
    secure.process.send_signal(signal.SIGHUP)
    until("a new worker", lambda: secure.logs().count("Booting worker") == 2)
    assert call(f"{secure.url}/healthz", verify=str(authority.ca)).status_code == 200
