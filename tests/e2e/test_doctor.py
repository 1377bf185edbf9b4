"""`python -m app.doctor`: a line for each thing that is well, wrong, or to be looked at."""

import json
import os
import re
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from local_cognito import seed
from local_cognito.process import RunningCognito
from tests.calls import SignedIn, sign_in
from tests.raw_server import in_pieces, raw_server, without_end
from tests.redis_server import running_cluster, running_redis
from tests.servers import ROOT, settings_for

TIMEOUT = 60
KEPT = ("PATH", "HOME", "LANG")


def json_answer(status: str, members: dict[str, Any]) -> bytes:
    body = json.dumps(members)
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


REFUSAL = json_answer(
    "400 Bad Request", {"__type": "NotAuthorizedException", "message": "Invalid Access Token"}
)
"""Cognito's, of a token that is none."""
EMPTY = [json_answer("200 OK", {"Devices": []}), json_answer("200 OK", {"Sessions": []})]


@dataclass(frozen=True)
class Told:
    """What it printed, by check: the mark, and the text after it."""

    lines: dict[str, tuple[str, str]]
    printed: str
    code: int

    def state(self, check: str) -> str:
        return self.lines[check][0]

    def text(self, check: str) -> str:
        return self.lines[check][1]


def doctor(settings: dict[str, str], *arguments: str, stdin: str = "") -> Told:
    """Run it; an empty setting is as good as none."""
    done = subprocess.run(
        [sys.executable, "-m", "app.doctor", *arguments],
        cwd=ROOT,
        env={name: os.environ[name] for name in KEPT if name in os.environ} | settings,
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        errors="surrogateescape",
        timeout=TIMEOUT,
        check=False,
    )
    assert done.stderr == ""
    lines = {}
    for line in done.stdout.splitlines() if "--json" not in arguments else ():
        mark, check, text = line.split(" ", 2)
        lines[check.rstrip(":")] = (mark, text)
    return Told(lines, done.stdout, done.returncode)


@pytest.fixture
def settings(cognito: RunningCognito) -> dict[str, str]:
    """Those that nothing is to be said against."""
    return settings_for(cognito) | {
        "CORS_ORIGINS": "https://app.example.com",
        "COGNITO_CLIENT_NAMES": f"{seed.CLIENT_ID}=Shop",
    }


@pytest.fixture
def user(cognito: RunningCognito) -> SignedIn:
    return sign_in(cognito)


def test_all_is_well(settings: dict[str, str], user: SignedIn) -> None:
    with running_redis() as redis:
        told = doctor(settings | {"REDIS_URL": redis.url, "TOKEN": user.token})
    assert told.code == 0
    assert {mark for mark, _ in told.lines.values()} == {"✓"}
    assert {"Cognito", "clock", "keys", "Redis", "devices", "sessions"} <= told.lines.keys()
    assert f"of the client {seed.CLIENT_ID} (Shop)" in told.text("token")
    assert told.text("acr") == "urn:cognito:loa:4."
    assert user.token not in told.printed


def test_findings_in_json_are_the_same(settings: dict[str, str]) -> None:
    told = doctor(settings, "--json")
    findings = json.loads(told.printed)
    assert [it["check"] for it in findings] == [*doctor(settings).lines]
    assert {it["state"] for it in findings} == {"ok", "look"}
    assert told.code == 0


def test_the_token_may_come_on_standard_input(settings: dict[str, str], user: SignedIn) -> None:
    told = doctor(settings, "--token-stdin", stdin=f"{user.token}\n")
    assert told.state("token") == "✓"


def test_settings_that_stop_the_service_are_named() -> None:
    told = doctor({"COGNITO_USER_POOL_ID": "pool"})
    assert (told.code, [*told.lines]) == (1, ["settings"])
    assert "COGNITO_CLIENT_IDS" in told.text("settings")


def test_settings_that_look_wrong_are_doubted(settings: dict[str, str]) -> None:
    open_to_all = {"HOST": "::", "CORS_ORIGINS": "http://app.example.com"}
    told = doctor(settings | open_to_all | {"COGNITO_READ_QUOTE": "1"})
    doubted = {check for check, (mark, _) in told.lines.items() if mark == "!"}
    assert doubted == {
        *("CORS_ORIGINS", "TRUSTED_PROXY_HOPS", "TLS_CERT_FILE", "REDIS_URL"),
        "COGNITO_READ_QUOTE",
    }
    assert told.code == 0


def test_a_wrong_pool_has_no_keys(cognito: RunningCognito, settings: dict[str, str]) -> None:
    told = doctor(settings | settings_for(cognito, pool_id="us-east-1_Other0001"))
    assert (told.code, told.state("keys")) == (1, "✗")
    assert "Is COGNITO_USER_POOL_ID right" in told.text("keys")


def test_a_wrong_region_has_another_issuer(settings: dict[str, str], user: SignedIn) -> None:
    elsewhere = seed.POOL_ID.replace(seed.REGION, "eu-west-1")
    told = doctor(settings | {"COGNITO_USER_POOL_ID": elsewhere, "TOKEN": user.token})
    assert (told.code, told.state("token")) == (1, "✗")
    assert "check issuer, expected" in told.text("token")
    assert f"found https://cognito-idp.{seed.REGION}.amazonaws.com/" in told.text("token")


def test_a_cognito_that_is_none(settings: dict[str, str]) -> None:
    with raw_server() as server:
        server.script = in_pieces(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
        told = doctor(settings | {"COGNITO_ENDPOINT_URL": server.url})
    away = doctor(settings | {"COGNITO_ENDPOINT_URL": server.url})
    assert [it.state("Cognito") for it in (told, away)] == ["✗", "✗"]
    assert "does not answer as Cognito (Connection refused)" in away.text("Cognito")


@pytest.mark.parametrize("address", ["COGNITO_ENDPOINT_URL", "COGNITO_JWKS_URL"])
def test_an_answer_without_end_is_given_up(settings: dict[str, str], address: str) -> None:
    quick = {"COGNITO_CONNECT_TIMEOUT": "1", "COGNITO_READ_TIMEOUT": "1"}
    with raw_server() as server:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        server.script = without_end(head, b" ", pause=0.1)
        told = doctor(settings | quick | {address: server.url})
    state = told.state({"COGNITO_ENDPOINT_URL": "Cognito", "COGNITO_JWKS_URL": "keys"}[address])
    assert (told.code, state) == (1, "✗")


def test_a_redirect_is_no_answer_of_cognito(settings: dict[str, str]) -> None:
    """As a captive portal or a wrong proxy has it."""
    with raw_server() as server:
        server.script = in_pieces(
            b"HTTP/1.1 302 Found\r\nLocation: https://login.example\r\nContent-Length: 0\r\n\r\n"
        )
        told = doctor(settings | {"COGNITO_ENDPOINT_URL": server.url})
    assert (told.code, told.state("Cognito")) == (1, "✗")


def test_the_query_of_an_address_is_not_shown(settings: dict[str, str]) -> None:
    keys = settings["COGNITO_JWKS_URL"] + "?code=of-the-gateway"
    told = doctor(settings | {"COGNITO_JWKS_URL": keys})
    assert told.state("keys") == "✓"
    assert "of-the-gateway" not in told.printed


def test_nothing_is_left_in_the_folder_of_the_services_metrics(
    settings: dict[str, str], tmp_path: Path
) -> None:
    doctor(settings | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_of_another_encoding_is_written_to(settings: dict[str, str]) -> None:
    assert doctor(settings | {"PYTHONIOENCODING": "ascii"}).state("settings") == "✓"


@pytest.mark.parametrize(("seconds", "way"), [(120, "behind"), (-120, "ahead of")])
def test_a_clock_that_is_two_minutes_off(settings: dict[str, str], seconds: int, way: str) -> None:
    date = f"Date: {formatdate(time.time() + seconds, usegmt=True)}\r\n\r\n"
    with raw_server() as server:
        server.script = in_pieces(REFUSAL.replace(b"\r\n\r\n", b"\r\n" + date.encode()))
        told = doctor(settings | {"COGNITO_ENDPOINT_URL": server.url})
    assert (told.code, told.state("clock")) == (1, "✗")
    assert f" s {way} Cognito's" in told.text("clock")


def test_redis_that_is_away_is_named_without_its_password(settings: dict[str, str]) -> None:
    told = doctor(settings | {"REDIS_URL": "redis://user:of-redis@127.0.0.1:1/0"})
    assert (told.code, told.state("Redis")) == (1, "✗")
    assert "of-redis" not in told.printed


def test_a_cluster_is_told_from_a_node_of_one(settings: dict[str, str]) -> None:
    with running_cluster() as nodes:
        addresses = ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        told = doctor(settings | {"REDIS_URL": f"redis+cluster://{addresses}"})
        seen = [doctor(settings | {"REDIS_URL": node.url}) for node in nodes]
    assert "(RedisCluster)" in told.text("Redis")
    assert all("write redis+cluster://" in it.text("Redis") for it in seen)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"token_use": "id"}, "Send the access token, not the ID token. (check token_use)"),
        ({"exp": 1_700_000_000, "iat": 1_699_999_000}, "has expired. Refresh it. (check expired)"),
        ({"client_id": "of-another-app"}, "check client_id, expected"),
        ({"scope": "openid"}, "it lacks the scope aws.cognito.signin.user.admin."),
    ],
    ids=["ID token", "expired", "another app", "managed login without the scope"],
)
def test_a_token_that_is_refused_says_why_and_is_not_sent(
    cognito: RunningCognito, settings: dict[str, str], changes: dict[str, object], why: str
) -> None:
    token = cognito.control("POST", "/_local/tokens", claims=changes)["token"]
    cognito.control("DELETE", "/_local/calls")
    told = doctor(settings | {"TOKEN": token})
    assert (told.code, told.state("token")) == (1, "✗")
    assert why in told.text("token")
    assert token not in told.printed
    asked = cognito.control("GET", "/_local/calls")
    assert (asked["ListDevices"], asked.get("ListUserSessions", 0)) == (2, 0)  # without a token


def test_a_token_of_managed_login_has_no_device(
    cognito: RunningCognito, settings: dict[str, str]
) -> None:
    (signed_in,) = cognito.control("POST", "/_local/managed-login", count=1)["sign_ins"]
    told = doctor(settings | {"TOKEN": signed_in["access_token"]})
    assert (told.code, told.state("device_key")) == (0, "!")


def test_a_claim_that_step_up_asks_for_must_be_there(
    cognito: RunningCognito, settings: dict[str, str]
) -> None:
    token = cognito.control("POST", "/_local/tokens", claims={"acr": None})["token"]
    told = doctor(settings | {"TOKEN": token, "STEP_UP_MAX_AGE": "300"})
    assert (told.code, told.state("auth_time"), told.state("acr")) == (0, "✓", "!")
    told = doctor(settings | {"TOKEN": token, "STEP_UP_ACR": "urn:cognito:loa:4"})
    assert (told.code, told.state("acr")) == (1, "✗")


def test_what_the_pool_does_not_track_is_told(
    cognito: RunningCognito, settings: dict[str, str], user: SignedIn
) -> None:
    error = {"fault": "error", "type": "OperationNotEnabledException"}
    cognito.control("POST", "/_local/faults", operation="ListUserSessions", **error)
    told = doctor(settings | {"TOKEN": user.token})
    assert (told.state("devices"), told.state("sessions")) == ("✓", "!")
    assert "SetUserPoolSessionConfiguration" in told.text("sessions")


def test_empty_lists_are_not_taken_for_tracking(
    cognito: RunningCognito, settings: dict[str, str]
) -> None:
    """AWS does not say what it answers while tracking is off."""
    token = cognito.control("POST", "/_local/tokens", claims={"device_key": None})["token"]
    answers = iter([REFUSAL, REFUSAL, *EMPTY])
    with raw_server() as server:
        server.script = lambda connection: connection.sendall(next(answers))
        told = doctor(settings | {"COGNITO_ENDPOINT_URL": server.url, "TOKEN": token})
    assert (told.code, told.state("devices"), told.state("sessions")) == (0, "!", "!")


@pytest.mark.parametrize("given", ["{}", "--token {}", "--token-stdin={}"])
def test_a_token_on_the_command_line_is_refused_and_not_repeated(given: str) -> None:
    arguments = given.format("eyJ.of.somebody").split()
    done = subprocess.run(
        [sys.executable, "-m", "app.doctor", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 2
    assert "a token comes in the variable TOKEN" in done.stderr
    assert "of.somebody" not in done.stdout + done.stderr


def test_make_takes_no_token_on_its_command_line() -> None:
    make = ["make", "--dry-run", "doctor"]
    done = subprocess.run(
        [*make, "TOKEN=eyJ.of.somebody"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "export TOKEN instead" in done.stderr
    exported = os.environ | {"TOKEN": "eyJ.of.somebody"}
    subprocess.run(make, cwd=ROOT, env=exported, capture_output=True, check=True)


@pytest.mark.parametrize("token", ["", "\udcff\udcfe"], ids=["empty", "no text"])
def test_what_is_no_token_is_refused(settings: dict[str, str], token: str) -> None:
    told = doctor(settings, "--token-stdin", stdin=f"{token}\n")
    assert (told.code, told.state("token")) == (1, "✗")


@pytest.mark.parametrize("arguments", [(), ("--json",)], ids=["lines", "JSON"])
def test_a_token_that_is_not_verified_cannot_steer_the_terminal(
    settings: dict[str, str], user: SignedIn, arguments: tuple[str, ...]
) -> None:
    head, _, signature = user.token.split(".")
    claims = json.dumps({"iss": "https://evil.example/\x1b]0;title\x07\x9b31m\ud800"}).encode()
    forged = ".".join((head, urlsafe_b64encode(claims).rstrip(b"=").decode(), signature))
    told = doctor(settings | {"TOKEN": forged}, *arguments)
    assert "found https://evil.example/" in told.printed
    assert re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", told.printed) is None


def test_a_token_is_not_sent_in_the_clear(
    cognito: RunningCognito, settings: dict[str, str], user: SignedIn
) -> None:
    elsewhere = {"COGNITO_ENDPOINT_URL": "http://cognito.invalid", "TOKEN": user.token}
    told = doctor(settings | elsewhere)
    assert told.text("token").startswith("it was not sent: COGNITO_ENDPOINT_URL is not https://")
    assert cognito.control("GET", "/_local/calls").get("ListDevices", 0) == 0
