"""Drives the service through every call and every failure, with secrets that would be recognised,
and looks for them in all that comes out.

At LOG_LEVEL=DEBUG, with traces, Redis and the audit trail on. What callers send and what Cognito
quotes is looked for in every form in which it might have been written.
"""

import base64
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus

import redis as redis_py
import requests

from local_cognito.faults import KINDS
from local_cognito.process import RunningCognito
from tests.calls import (
    SignedIn,
    call,
    connect,
    metric,
    sign_in,
    sign_in_untracked,
    until,
)
from tests.collector import a_collector
from tests.redis_server import RedisServer, running_redis
from tests.servers import Service, free_port, serving, settings_for

PASSWORD_VERIFIER = base64.b64encode(b"recognisable-password-verifier-0001").decode()
SALT = base64.b64encode(b"recognisable-salt-0002").decode()
IN_QUERY = "recognisable+query/secret=0003"
IN_BODY = "recognisable body secret 0004"
IN_HEADERS = "recognisable-header-secret-0005"
BASIC = base64.b64encode(b"recognisable-user:recognisable-0006").decode()
CURSOR = "recognisable.cursor+of/cognito=0007"
IN_PATH = "recognisable-path-secret-0009"
FORGED_SIGNATURE = base64.urlsafe_b64encode(b"recognisable-forged-signature-0008").decode()
SECRETS = {
    "password verifier": PASSWORD_VERIFIER,
    "salt": SALT,
    "query": IN_QUERY,
    "body": IN_BODY,
    "headers": IN_HEADERS,
    "basic credentials": BASIC,
    "cursor": CURSOR,
    "path": IN_PATH,
    "forged signature": FORGED_SIGNATURE,
}

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
OUTPUTS = ("logs and audit", "metrics", "traces", "redis", "problems", "raw answers")
LOUD = {
    "WORKERS": "1",
    "LOG_LEVEL": "DEBUG",
    "OTEL_BSP_SCHEDULE_DELAY": "200",
    "CORS_ORIGINS": "https://app.example.com",
    "COGNITO_CONNECT_TIMEOUT": "0.5",
    "COGNITO_READ_TIMEOUT": "0.7",
    "COGNITO_DEADLINE": "4",
    "COGNITO_MAX_ATTEMPTS": "2",
    "BREAKER_FAILURES": "1000",
}
WAITED_FOR = ("ListDevices", "ConfirmDevice")
"""Operations that faults which wait are tried on."""
QUIET_SECONDS = 1.0
"""For how long a fault that waits does; the service gives up sooner here."""


def needles(secret: str) -> set[bytes]:
    """The forms in which `secret` might have been written: whole, or cut off at either end."""
    found = set()
    for text in {secret, secret[:24], secret[-24:]}:
        raw = text.encode()
        found |= {raw, quote(text, safe="").encode(), quote_plus(text).encode()}
        found |= {raw.hex().encode(), repr(text)[1:-1].encode()}
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for shift in range(3):  # wherever in a longer text it stood
                encoded = encode(b"\0" * shift + raw)
                found.add(encoded[4 if shift else 0 :].rstrip(b"=")[:-2])
    return {needle for needle in found if len(needle) >= 12}


def parts_of(token: str) -> dict[str, str]:
    """What of a JWT is nobody's to see; its header is everybody's."""
    _, payload, signature = token.split(".")
    return {"token payload": payload, "token signature": signature}


@dataclass
class Run:
    """What was sent that is secret, and all that came out."""

    secrets: list[tuple[str, str]] = field(default_factory=lambda: list(SECRETS.items()))
    outputs: dict[str, bytes] = field(default_factory=lambda: dict.fromkeys(OUTPUTS, b""))
    responses: list[requests.Response] = field(default_factory=list)
    device_password: str = ""

    def add_token(self, token: str) -> None:
        self.secrets += parts_of(token).items()

    def leaks(self, output: bytes) -> list[str]:
        return [
            name
            for name, secret in self.secrets
            if any(needle in output for needle in needles(secret))
        ]


Part = Callable[["Run", Service, RunningCognito], None]


def drive(cognito: RunningCognito, parts: Iterable[Part], **variables: str) -> Run:
    """What came out of a service, with these variables besides, that went through `parts`."""
    cognito.control("POST", "/_local/reset")
    run = Run()
    with (
        a_collector() as collector,
        running_redis() as redis,
        serving(
            settings_for(cognito)
            | LOUD
            | {
                "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                "REDIS_URL": redis.url,
                "METRICS_PORT": str(free_port()),
            }
            | variables
        ) as service,
    ):
        collector.work()
        for part in parts:
            part(run, service, cognito)
        run.outputs["metrics"] = call(f"{service.metrics_url}/metrics").content
        until(lambda: metric(service.metrics_url, "device_bff_http_requests_in_flight") <= 1)
        run.outputs["redis"] = contents(redis)
        redis.kill()  # and what is said about that
        perform(run, service, sign_in(cognito), "GetDevice")
        service.terminate()
        run.outputs["logs and audit"] = service.logs().encode()
        run.outputs["traces"] = bytes(collector.received)
    run.outputs["problems"] = b"\n".join(
        response.content + str(response.headers).encode()
        for response in run.responses
        if not response.ok
    )
    return run


def perform(run: Run, service: Service, user: SignedIn, operation: str) -> requests.Response:
    """One call, with secrets wherever a call has room for them."""
    run.add_token(user.token)
    method, path, body = OPERATIONS[operation]
    if body == "verifier":
        body = {
            "deviceKey": user.device_key,
            "secretVerifier": {"passwordVerifier": PASSWORD_VERIFIER, "salt": SALT},
        }
    path = path.format(cursor=quote(CURSOR, safe=""), query=quote(IN_QUERY, safe=""))
    secret_headers = {
        "Cookie": f"session={IN_HEADERS}",
        "X-Api-Key": IN_HEADERS,
        "Referer": f"https://app.example.com/?code={IN_HEADERS}",
        "Proxy-Authorization": f"Basic {BASIC}",
        "Origin": "https://app.example.com",
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "tracestate": f"vendor={IN_HEADERS}",
        "baggage": f"key={IN_HEADERS}",
    }
    response = call(service.url + path, method, json=body, headers=user.bearer | secret_headers)
    run.responses.append(response)
    return response


def successes(run: Run, service: Service, cognito: RunningCognito) -> None:
    with_password, with_verifier = sign_in_untracked(cognito), sign_in_untracked(cognito)
    for user in (with_password, with_verifier):
        run.add_token(user.token)
    body = {
        "deviceKey": with_password.device_key,
        "deviceGroupKey": with_password.device_group_key,
    }
    tracked = call(f"{service.url}/devices", "POST", json=body, headers=with_password.bearer)
    assert tracked.status_code == 201
    run.device_password = tracked.json()["devicePassword"]
    run.secrets.append(("device password", run.device_password))
    assert perform(run, service, with_verifier, "ConfirmDevice").status_code == 201

    page = call(f"{service.url}/devices?limit=1", headers=with_verifier.bearer)
    run.secrets.append(("cursor of a page", page.json()["nextCursor"]))
    run.responses.append(page)
    for operation in ("UpdateDeviceStatus", "ForgetDevice", "GlobalSignOut"):
        assert perform(run, service, sign_in(cognito), operation).ok
    many = sign_in(cognito)
    run.add_token(many.token)
    run.responses.append(call(f"{service.url}/devices?scope=others", "DELETE", headers=many.bearer))


def failures_of_cognito(
    run: Run, service: Service, cognito: RunningCognito, kinds: Iterable[str] = KINDS
) -> None:
    """Each fault of the local Cognito at each operation; its words quote what it was sent."""
    for operation in OPERATIONS:
        for kind in kinds:
            if "seconds" in KINDS[kind].fields and operation not in WAITED_FOR:
                continue
            user = sign_in(cognito)
            quoted = f"Value '{PASSWORD_VERIFIER}' '{SALT}' '{CURSOR}' of {user.token} is refused"
            forms: dict[str, dict[str, Any]] = {
                "error": {"type": "InvalidParameterException", "message": quoted},
                "wrong_shape": {"body": {"Device": quoted, "Devices": quoted, "Sessions": quoted}},
            }
            how = forms.get(kind, {})
            if "seconds" in KINDS[kind].fields:
                how["seconds"] = QUIET_SECONDS
            cognito.control(
                "POST", "/_local/faults", operation=operation, fault=kind, times=None, **how
            )
            perform(run, service, user, operation)
            cognito.control("DELETE", "/_local/faults")
    for kind, words in (
        ("NotAuthorizedException", "Access Token has been revoked: "),
        ("SomethingNewException", "No code knows this: "),
    ):
        user = sign_in(cognito)
        cognito.control(
            "POST",
            "/_local/faults",
            operation="GetDevice",
            fault="error",
            type=kind,
            message=words + user.token,
        )
        perform(run, service, user, "GetDevice")


def failures_of_callers(run: Run, service: Service, cognito: RunningCognito) -> None:
    """What callers get wrong: tokens in the wrong place, tokens that are none, bodies that are not
    read."""
    user = sign_in(cognito)
    run.add_token(user.token)
    header, payload, _ = user.token.split(".")
    forged = f"{header}.{payload}.{FORGED_SIGNATURE}"
    expired = cognito.control("POST", "/_local/tokens", claims={"exp": 1})["token"]
    unknown = cognito.control("POST", "/_local/tokens", header={"kid": "unknown"})["token"]
    for token in (expired, unknown):
        run.add_token(token)
    cognito.control("POST", "/_local/faults", operation="jwks", fault="html", times=None)
    for authorization in (
        f"Bearer {forged}",
        f"Bearer {expired}",
        f"Bearer {unknown}",
        f"Bearer {user.token} {IN_HEADERS}",
        f"Bearer {user.token}, Bearer {user.token}",
        f"Token {user.token}",
        f"Basic {BASIC}",
        user.token,
    ):
        run.responses.append(
            call(f"{service.url}/devices", headers={"Authorization": authorization})
        )
    cognito.control("DELETE", "/_local/faults")
    query = {"access_token": user.token, "cursor": CURSOR, "secret": IN_QUERY}
    url = f"{service.url}/devices"
    bodies: list[Any] = [
        {"deviceKey": IN_BODY},
        {"deviceKey": "x", "secretVerifier": {"passwordVerifier": IN_BODY, "salt": IN_BODY}},
        {"deviceKey": user.device_key, "deviceGroupKey": IN_BODY, "access_token": user.token},
        {"status": IN_BODY},
        IN_BODY,
        [user.token],
    ]
    for body in bodies:
        run.responses.append(call(url, "POST", json=body, headers=user.bearer))
        run.responses.append(call(f"{url}/current", "PATCH", json=body, headers=user.bearer))
    for data in (f'{{"{IN_BODY}": NaN}}', f"{IN_BODY}={user.token}", "{" + IN_BODY, IN_BODY * 900):
        run.responses.append(
            call(
                url,
                "POST",
                data=data,
                headers=user.bearer | {"Content-Type": "application/json"},
            )
        )
    for method in ("GET", "DELETE", "PUT", "OPTIONS"):
        run.responses.append(call(url, method, params=query))
        run.responses.append(call(url, method, params=query, headers=user.bearer))
    run.responses.append(call(f"{service.url}/nowhere", params=query, headers=user.bearer))
    for path in (f"/nowhere/{user.token}", f"/devices/{IN_PATH}"):
        call(service.url + path, "POST", headers=user.bearer)  # `instance` is the path, by contract


def failures_of_http(run: Run, service: Service, cognito: RunningCognito) -> None:
    """What gunicorn refuses or gives up on before the application sees it."""
    user = sign_in(cognito)
    run.add_token(user.token)
    lines = [
        f"Authorization: Bearer {user.token}",
        f"Cookie: session={IN_HEADERS}",
        "Host: x",
    ]
    head = "\r\n".join([f"POST /devices?cursor={quote(CURSOR)} HTTP/1.1", *lines])
    no_colon = head.replace("Authorization:", "Authorization")
    for request in (
        f"{no_colon}\r\n\r\n",
        f"{head}\r\nX-Large: {IN_HEADERS}{'x' * 20_000}\r\n\r\n",
        f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n{IN_BODY}\r\n",
        f"{head}\r\nContent-Length: {IN_BODY}\r\n\r\n",
        f"{head}\r\nContent-Length: 100\r\n\r\n{IN_BODY}",
        f"GET /devices?cursor={IN_QUERY} {user.token}\r\n\r\n",
        head,
    ):
        with connect(service.url) as connection:
            connection.sendall(request.encode())
            connection.shutdown(1)
            received = b""
            with contextlib.suppress(ConnectionResetError):
                while piece := connection.recv(65536):
                    received += piece
        run.outputs["raw answers"] += received


def contents(server: RedisServer) -> bytes:
    """Every key of a Redis, and every value in its own serialisation."""
    with redis_py.from_url(server.url) as client:
        keys = list(client.scan_iter("*"))
        return b"\n".join(key + b"=" + (client.dump(key) or b"") for key in keys)


EVERYTHING = (successes, failures_of_cognito, failures_of_callers, failures_of_http)
