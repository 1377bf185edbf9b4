"""Nothing secret leaves: every call and every failure, with secrets that would be recognised.

The service runs at LOG_LEVEL=DEBUG with traces, Redis and the audit trail, and what was sent to it
is looked for in all that comes out: signs show that what was searched is that, and that a secret is
found in any writing.
"""

import base64
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests
from redis import Redis

from local_cognito.faults import KINDS
from local_cognito.process import RunningCognito
from local_cognito.seed import POOL_ID
from tests.calls import SignedIn, call, claims_of, connect, sign_in, sign_in_untracked
from tests.raw_server import raw_server
from tests.redis_server import running_redis
from tests.servers import Service, free_port, serving, settings_for

SECRETS = {
    "password verifier": base64.b64encode(b"recognisable-password-verifier-0001").decode(),
    "salt": base64.b64encode(b"recognisable-salt-0002").decode(),
    "query": "recognisable+query/secret=0003",
    "body": "recognisable body secret 0004",
    "headers": "recognisable-header-secret-0005",
    "basic credentials": base64.b64encode(b"recognisable-user:recognisable-0006").decode(),
    "cursor": "recognisable.cursor+of/cognito=0007",
    "forged signature": base64.b64encode(b"recognisable-forged-signature-0008").decode(),
}
PASSWORD_VERIFIER, SALT, IN_QUERY, IN_BODY, IN_HEADERS, BASIC, CURSOR, FORGED = SECRETS.values()

OPERATIONS: dict[str, tuple[str, str, Any]] = {
    "ListDevices": ("GET", "/devices?cursor={cursor}&limit=1", None),
    "GetDevice": ("GET", "/devices/current?secret={query}", None),
    "ConfirmDevice": ("POST", "/devices", "verifier"),
    "UpdateDeviceStatus": ("PATCH", "/devices/current", {"status": "remembered"}),
    "ForgetDevice": ("DELETE", "/devices/current", None),
    "GlobalSignOut": ("POST", "/devices/sign-out", None),
    "ListUserSessions": ("GET", "/sessions?cursor={cursor}", None),
    "RevokeUserSession": ("DELETE", f"/sessions/tkn{'a' * 25}?secret={{query}}", None),
}
LOUD = {
    "WORKERS": "1",
    "LOG_LEVEL": "DEBUG",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "CORS_ORIGINS": "https://app.example.com",
    "COGNITO_CONNECT_TIMEOUT": "0.5",
    "COGNITO_READ_TIMEOUT": "0.2",
    "COGNITO_DEADLINE": "2",
    "COGNITO_MAX_ATTEMPTS": "2",
    "BREAKER_FAILURES": "1000",
}
HANG_SECONDS = 0.5  # the service gives up sooner


def needles(secret: str) -> set[bytes]:
    """The forms in which `secret` might have been written: whole, or cut off at either end."""
    found = set()
    for text in {secret, secret[:24], secret[-24:]}:
        raw = text.encode()
        found |= {raw, quote(text, safe="").encode(), quote_plus(text).encode(), raw.hex().encode()}
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for shift in range(3):  # wherever in a longer text it stood
                encoded = encode(b"\0" * shift + raw)
                found.add(encoded[4 if shift else 0 :].rstrip(b"=")[:-2])
    return {needle for needle in found if len(needle) >= 12}


def leaks(output: bytes, secrets: list[tuple[str, str]]) -> set[str]:
    """Which of the secrets are in there."""
    return {name for name, secret in secrets if any(needle in output for needle in needles(secret))}


@dataclass
class Run:
    """A service that went through much: what was sent that is secret, and all that came out."""

    service: Service
    cognito: RunningCognito
    secrets: list[tuple[str, str]] = field(default_factory=lambda: list(SECRETS.items()))
    outputs: dict[str, bytes] = field(default_factory=dict)
    responses: list[requests.Response] = field(default_factory=list)
    raw_answers: bytes = b""

    def hide(self, token: str) -> str:
        _, payload, signature = token.split(".")
        self.secrets += [("token payload", payload), ("token signature", signature)]
        self.secrets.append(("sub", str(claims_of(token)["sub"])))
        return token

    def ask(self, path: str, method: str = "GET", **how: Any) -> requests.Response:
        self.responses.append(call(self.service.url + path, method, **how))
        return self.responses[-1]

    def fail(self, user: SignedIn, operation: str, **fault: Any) -> None:
        """One call that Cognito misbehaves at."""
        self.cognito.control("POST", "/_local/faults", operation=operation, times=None, **fault)
        self.perform(user, operation)
        self.cognito.control("DELETE", "/_local/faults")

    def perform(self, user: SignedIn, operation: str) -> requests.Response:
        """One call, with secrets wherever a call has room for them."""
        self.hide(user.token)
        method, path, body = OPERATIONS[operation]
        if body == "verifier":
            verifier = {"passwordVerifier": PASSWORD_VERIFIER, "salt": SALT}
            body = {"deviceKey": user.device_key, "secretVerifier": verifier}
        headers = {
            "Cookie": f"session={IN_HEADERS}",
            "X-Api-Key": IN_HEADERS,
            "Referer": f"https://app.example.com/?code={IN_HEADERS}",
            "Proxy-Authorization": f"Basic {BASIC}",
            "Origin": "https://app.example.com",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "tracestate": f"vendor={IN_HEADERS}",
            "baggage": f"key={IN_HEADERS}",
        }
        path = path.format(cursor=quote(CURSOR, safe=""), query=quote(IN_QUERY, safe=""))
        return self.ask(path, method, json=body, headers=user.bearer | headers)


def successes(run: Run) -> None:
    new = sign_in_untracked(run.cognito)
    run.hide(new.token)
    body = {"deviceKey": new.device_key, "deviceGroupKey": new.device_group_key}
    tracked = call(f"{run.service.url}/devices", "POST", json=body, headers=new.bearer)
    assert tracked.status_code == 201
    run.secrets.append(("device password", tracked.json()["devicePassword"]))
    made = run.cognito.control("POST", "/_local/tokens", username="demo", pool=POOL_ID)
    other = SignedIn(made["token"], made["claims"]["device_key"], None, made["claims"]["sub"])
    assert run.perform(other, "ConfirmDevice").status_code == 201
    page = run.ask("/devices?limit=1", headers=other.bearer)
    run.secrets.append(("cursor of a page", page.json()["nextCursor"]))
    for operation in ("UpdateDeviceStatus", "ForgetDevice", "GlobalSignOut"):
        assert run.perform(sign_in(run.cognito), operation).ok
    many = sign_in(run.cognito)
    run.hide(many.token)
    assert run.ask("/devices?scope=others", "DELETE", headers=many.bearer).ok


def failures_of_cognito(run: Run) -> None:
    """Cognito's words quote what it was sent."""
    for operation in OPERATIONS:
        every = operation in ("GetDevice", "ForgetDevice")
        for kind in KINDS if every else ("error", "wrong_shape"):
            user = sign_in(run.cognito)
            quoted = f"Value '{PASSWORD_VERIFIER}' '{SALT}' '{CURSOR}' of {user.token} is refused"
            fields: dict[str, Any] = {
                "type": "InvalidParameterException",
                "message": quoted,
                "status": 400,
                "body": {"Device": quoted, "Devices": quoted, "Sessions": quoted},
                "seconds": HANG_SECONDS,
            }
            fields = {name: fields[name] for name in KINDS[kind].fields}
            run.fail(user, operation, fault=kind, **fields)
    for kind in ("NotAuthorizedException", "SomethingNewException"):
        user = sign_in(run.cognito)
        message = f"Access Token is revoked: {user.token}"
        run.fail(user, "GetDevice", fault="error", type=kind, message=message)


def mistakes_of_callers(run: Run) -> None:
    """Tokens in the wrong place, tokens that are none, bodies that are not read."""
    user = sign_in(run.cognito)
    header, payload, _ = run.hide(user.token).split(".")
    made = [
        run.cognito.control("POST", "/_local/tokens", **how)["token"]
        for how in ({"claims": {"exp": 1}}, {"header": {"kid": "unknown"}})
    ]
    jwks = {"operation": "jwks", "fault": "html", "times": None}
    run.cognito.control("POST", "/_local/faults", **jwks)
    for authorization in (
        *(f"Bearer {run.hide(token)}" for token in made),
        f"Bearer {header}.{payload}.{FORGED}",
        f"Bearer {user.token} {IN_HEADERS}",
        f"Token {user.token}",
        f"Basic {BASIC}",
        user.token,
    ):
        run.ask("/devices", headers={"Authorization": authorization})
    run.cognito.control("DELETE", "/_local/faults")
    bodies: list[dict[str, Any]] = [
        {"json": {"deviceKey": IN_BODY, "deviceGroupKey": IN_BODY, "access_token": user.token}},
        {"json": {"deviceKey": "x", "secretVerifier": {"passwordVerifier": IN_BODY, "salt": "x"}}},
        {"json": {"status": IN_BODY}},
        {"json": [user.token, IN_BODY]},
        {"data": "{" + IN_BODY},
        {"data": IN_BODY * 900},
    ]
    for how in bodies:
        headers = user.bearer | {"Content-Type": "application/json"}
        run.ask("/devices", "POST", headers=headers, **how)
        run.ask("/devices/current", "PATCH", headers=headers, **how)
    query = {"access_token": user.token, "cursor": CURSOR, "secret": IN_QUERY}
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        run.ask("/devices", method, params=query, headers=user.bearer)
    run.ask("/nowhere", params=query)
    call(f"{run.service.url}/nowhere/{user.token}")  # `instance` is the path, by contract


def what_is_not_http(run: Run) -> None:
    """What gunicorn refuses or gives up on before the application sees it."""
    token = run.hide(sign_in(run.cognito).token)
    lines = [
        f"POST /devices?cursor={quote(CURSOR)} HTTP/1.1",
        f"Authorization: Bearer {token}",
        f"Cookie: session={IN_HEADERS}",
        "Host: x",
    ]
    head = "\r\n".join(lines)
    no_colon = head.replace("Authorization:", "Authorization")
    for request in (
        f"{no_colon}\r\n\r\n",
        f"{head}\r\nX-Large: {IN_HEADERS}{'x' * 20_000}\r\n\r\n",
        f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n{IN_BODY}\r\n",
        f"{head}\r\nContent-Length: {IN_BODY}\r\n\r\n",
        f"{head}\r\nContent-Length: 100\r\n\r\n{IN_BODY}",
        f"GET /devices?cursor={IN_QUERY} {token}\r\n\r\n",
        head,
    ):
        with connect(run.service.url) as connection, suppress(ConnectionResetError):
            connection.sendall(request.encode())
            connection.shutdown(1)
            while piece := connection.recv(65536):
                run.raw_answers += piece


pytestmark = pytest.mark.timeout(600)  # a busy machine takes minutes for all that


@pytest.fixture(scope="module")
def run(cognito_server: RunningCognito) -> Run:
    """A service that went through every call and every failure once, and what came out of it."""
    cognito_server.control("POST", "/_local/reset")
    with raw_server() as collector, running_redis() as redis:
        settings = settings_for(cognito_server) | LOUD | {"METRICS_PORT": str(free_port())}
        settings |= {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "REDIS_URL": redis.url}
        with serving(settings) as service:
            run = Run(service, cognito_server)
            for part in (successes, failures_of_cognito, mistakes_of_callers, what_is_not_http):
                part(run)
            run.outputs["metrics"] = call(f"{service.metrics_url}/metrics").content
            with Redis.from_url(redis.url) as client:
                kept = [(key, client.dump(key)) for key in client.scan_iter("*")]
            run.outputs["redis"] = b"".join(key + (value or b"") for key, value in kept)
            redis.kill()  # and what is said about that
            run.perform(sign_in(cognito_server), "GetDevice")
            service.terminate()
            lines = service.logs().splitlines()
        run.outputs["traces"] = b"".join(collector.bodies)
    for output, is_audit in (("logs", False), ("audit", True)):
        of_output = [line for line in lines if ('"specversion"' in line) is is_audit]
        run.outputs[output] = "\n".join(of_output).encode()
    refusals = [response for response in run.responses if not response.ok]
    run.outputs["problems"] = b"".join(it.content + str(it.headers).encode() for it in refusals)
    run.outputs["raw answers"] = run.raw_answers
    return run


SIGNS = {
    "logs": ('"level":"debug"', "redis_away", "jwks_fetch_failed"),
    "audit": ('"sub"', "device-bff.device.forgotten"),
    "metrics": ("upstream-timeout",),
    "traces": ("Cognito Identity Provider.ConfirmDevice", "GET /devices"),
    "redis": ("LIMITS",),
    "problems": ("invalid-parameter", "upstream-error"),
    "raw answers": ("headers-too-large", "malformed-request"),
}
"""What must be in an output, or it was not what was searched."""


@pytest.mark.parametrize("output", SIGNS)
def test_no_secret_comes_out(run: Run, output: str) -> None:
    assert [sign for sign in SIGNS[output] if sign.encode() not in run.outputs[output]] == []
    assert leaks(run.outputs[output], run.secrets) == ({"sub"} if output == "audit" else set())


def test_the_secret_of_a_device_is_told_once(run: Run) -> None:
    """The one answer that has it is not among these."""
    said = b"".join(response.content for response in run.responses)
    assert "device password" not in leaks(said, run.secrets)
    assert b"devicePassword" not in said


@pytest.mark.parametrize(
    "write",
    [
        quote_plus,
        lambda secret: secret.encode().hex(),
        lambda secret: base64.b64encode(f"x{secret}y".encode()).decode(),
        lambda secret: secret[:30] + "...",
        lambda secret: "..." + secret[-30:],
    ],
    ids=["form", "hex", "base64 of more", "beginning", "end"],
)
def test_a_secret_is_found_in_other_writing_and_in_part(write: Callable[[str], str]) -> None:
    written = f"a line with {write(IN_QUERY)} in it".encode()
    assert leaks(written, list(SECRETS.items())) == {"query"}
