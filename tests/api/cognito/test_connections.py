"""How Cognito is reached: connections that are kept, trusted, through proxies, and given up."""

import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.client import ApiClient
from tests.api.cognito.conftest import PATIENT, call, closing
from tests.api.conftest import Start
from tests.api.tokens import ISSUER
from tests.calls import assert_problem
from tests.polling import until
from tests.raw_server import RawServer, in_pieces, new_tls, raw_server, silent, tunnel_to

EMPTY = b'{"Devices":[]}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 14\r\nX-Amzn-RequestId: one\r\n\r\n" + EMPTY
ONCE = PATIENT | {"COGNITO_MAX_ATTEMPTS": "1"}


@pytest.fixture(autouse=True)
def no_route_of_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[RawServer]:
    with raw_server() as server:
        server.script = in_pieces(OK)
        yield server


@pytest.fixture
def direct(start: Start, server: RawServer) -> ApiClient:
    return start(COGNITO_ENDPOINT_URL=server.url, **ONCE)


def served(api: ApiClient, calls: int = 1) -> bool:
    return [api.get("/devices").status_code for _ in range(calls)] == [200] * calls


def test_a_connection_serves_one_request_after_another(
    server: RawServer, direct: ApiClient
) -> None:
    assert served(direct, calls=3)
    assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 14\r\n\r\n" + EMPTY,
        b"HTTP/1.0 200 OK\r\nContent-Length: 14\r\n\r\n" + EMPTY,
    ],
)
def test_a_server_that_says_it_closes_gets_a_new_connection(
    server: RawServer, direct: ApiClient, answer: bytes
) -> None:
    server.script = in_pieces(answer)
    assert served(direct, calls=2)
    assert server.connections == 2


@pytest.mark.parametrize(
    "surplus",
    [b"50 stray bytes that belong to nobody at all.......", b"HTTP/1.1 200 OK\r\n", OK],
    ids=["stray bytes", "half an answer", "a second answer"],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one piece", "later"])
def test_nobody_is_given_what_comes_after_anothers_answer(
    server: RawServer, direct: ApiClient, surplus: bytes, together: bool
) -> None:
    mine = OK.replace(EMPTY, b'{"Devices":[ ]}').replace(b"14", b"15")
    arrived = threading.Event()

    def play(connection: socket.socket) -> None:
        in_pieces(*([mine + surplus] if together else [mine, surplus]))(connection)
        arrived.set()

    server.script = play
    for _ in range(2):
        assert served(direct)
        assert arrived.wait(30)
        arrived.clear()
    assert server.connections == 2


def test_a_connection_that_was_closed_meanwhile_is_not_used(
    server: RawServer, direct: ApiClient
) -> None:
    server.script = closing(in_pieces(OK))
    for _ in range(3):
        assert served(direct)
        until("it is closed", lambda: server.open == 0)
    assert server.connections == 3


def test_an_answer_may_end_with_its_connection(server: RawServer, direct: ApiClient) -> None:
    server.script = closing(in_pieces(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n", EMPTY))
    assert served(direct)


def test_an_interim_answer_is_passed_over_with_its_headers(
    server: RawServer, direct: ApiClient, capsys: pytest.CaptureFixture[str]
) -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nContent-Type: x\r\nX-Amzn-RequestId: of-none\r\n\r\n"
    server.script = in_pieces(early, OK.replace(b"X-Amzn-RequestId: one\r\n", b""))
    assert served(direct)
    assert "of-none" not in capsys.readouterr().out


@pytest.mark.parametrize("length", [len(OK) - 1, OK.index(b"X-Amzn") + 4, OK.index(b"Content")])
def test_an_answer_that_is_cut_off_is_lost(
    server: RawServer, direct: ApiClient, length: int
) -> None:
    server.script = closing(in_pieces(OK[:length]))
    assert_problem(direct.get("/devices"), 502, "upstream-error")
    assert "may have been forgotten already" in call(direct, "ForgetDevice").text


def test_what_is_no_http_is_no_answer(server: RawServer, direct: ApiClient) -> None:
    server.script = in_pieces(b"SSH-2.0-OpenSSH_9.2\r\n")
    assert_problem(direct.get("/devices"), 502, "upstream-error")


def test_a_handshake_that_does_not_end_is_a_time_out_and_nothing_was_sent(
    start: Start, server: RawServer
) -> None:
    server.script = silent
    url = server.url.replace("http:", "https:")
    api = start(COGNITO_ENDPOINT_URL=url, **ONCE | {"COGNITO_CONNECT_TIMEOUT": "0.1"})
    problem = assert_problem(call(api, "ForgetDevice"), 504, "upstream-timeout")
    assert "may have been forgotten" not in problem["detail"]


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
@pytest.mark.parametrize("kind", ["a file", "a folder by hashes"])
def test_certificates_are_verified_by_the_bundle_that_is_set(
    start: Start, tmp_path: Path, variable: str, kind: str
) -> None:
    tls, folder = new_tls(tmp_path), tmp_path / "folder"
    bundle = tls.trust["AWS_CA_BUNDLE"]
    if kind != "a file":
        folder.mkdir()
        shutil.copy(bundle, folder / "ours.pem")
        subprocess.run(["openssl", "rehash", str(folder)], check=True)
        bundle = str(folder)
    with raw_server(tls.server) as server:
        server.script = in_pieces(OK)
        assert served(start(COGNITO_ENDPOINT_URL=server.url, **ONCE, **{variable: bundle}))
        strict = start(COGNITO_ENDPOINT_URL=server.url, **ONCE)
        assert_problem(strict.get("/devices"), 502, "upstream-error")


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({}, "cognito-idp.eu-west-1.amazonaws.com:443"),
        (
            {"COGNITO_USER_POOL_ID": "cn-north-1_AbC"},
            "cognito-idp.cn-north-1.amazonaws.com.cn:443",
        ),
        (
            {"COGNITO_USER_POOL_ID": "us-east-1_AbC", "AWS_USE_FIPS_ENDPOINT": "true"},
            "cognito-idp-fips.us-east-1.amazonaws.com:443",
        ),
        (
            {"COGNITO_USER_POOL_ID": "eu-west-3_AbC", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
            "cognito-idp.eu-west-3.amazonaws.com:443",
        ),
        ({"COGNITO_ENDPOINT_URL": "https://cognito.example:8443"}, "cognito.example:8443"),
    ],
)
def test_the_address_is_the_regions_or_as_set_and_reached_through_the_proxy(
    start: Start, variables: dict[str, str], address: str
) -> None:
    """A proxy that refuses leaves nothing in doubt."""
    with raw_server() as proxy:
        proxy.script = in_pieces(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
        given = {"COGNITO_ENDPOINT_URL": "", "COGNITO_ISSUER": ISSUER, "HTTPS_PROXY": proxy.url}
        api = start(**given | ONCE | variables)
        refused = call(api, "GlobalSignOut")
    assert [line.split()[:2] for line in proxy.lines] == [["CONNECT", address]]
    problem = assert_problem(refused, 502, "upstream-error")
    assert problem["detail"] == "Amazon Cognito could not be reached."


def test_https_goes_through_the_proxys_tunnel_and_its_credentials_no_further(
    start: Start, tmp_path: Path
) -> None:
    tls = new_tls(tmp_path)
    with raw_server(tls.server) as server, raw_server() as proxy:
        server.script, proxy.script = in_pieces(OK), tunnel_to(server.port)
        way = f"http://user:secret@127.0.0.1:{proxy.port}"
        api = start(COGNITO_ENDPOINT_URL=server.url, HTTPS_PROXY=way, **ONCE, **tls.trust)
        assert served(api)
        assert proxy.heads[0]["Proxy-Authorization"] == "Basic dXNlcjpzZWNyZXQ="
        assert server.heads[0]["Proxy-Authorization"] is None


def test_http_and_what_no_proxy_names_is_reached_directly(
    start: Start, server: RawServer, tmp_path: Path
) -> None:
    tls = new_tls(tmp_path)
    with raw_server(tls.server) as over_tls, raw_server() as proxy:
        over_tls.script = in_pieces(OK)
        way = {"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
        assert served(start(COGNITO_ENDPOINT_URL=f"{server.url}/a?b=c", **way, **ONCE))
        direct = way | tls.trust | {"NO_PROXY": "127.0.0.1"}
        assert served(start(COGNITO_ENDPOINT_URL=f"{over_tls.url}/a?b=c", **direct, **ONCE))
        assert [line.split()[1] for line in server.lines + over_tls.lines] == ["/a?b=c"] * 2
        assert server.heads[0]["Host"] == f"127.0.0.1:{server.port}"
        assert proxy.connections == 0


def test_nothing_of_awss_own_settings_is_needed_or_sent(
    start: Start, server: RawServer, tmp_path: Path
) -> None:
    """Neither credentials, nor a profile, nor files, which may be wrong."""
    (tmp_path / "broken").write_text("[[no end\n= =\n")
    api = start(
        COGNITO_ENDPOINT_URL=server.url,
        AWS_CONFIG_FILE=str(tmp_path / "broken"),
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "broken"),
        AWS_PROFILE="not-there",
        AWS_DEFAULT_REGION="mars-north-1",
        AWS_MAX_ATTEMPTS="9",
        AWS_ACCESS_KEY_ID="AKIAEXAMPLE",
        AWS_SECRET_ACCESS_KEY="secret",
        AWS_DEFAULTS_MODE="auto",  # would ask EC2 where this machine is
        AWS_EC2_METADATA_SERVICE_ENDPOINT=server.url,
    )
    assert served(api)
    (head,) = server.heads
    assert "Authorization" not in head
    assert "AKIAEXAMPLE" not in str(head)
