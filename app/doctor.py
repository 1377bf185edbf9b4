"""`python -m app.doctor`: what an operator runs first. It changes nothing, and prints no secret.

It reads the service's settings from the environment, asks Cognito, the key addresses and Redis, and
says in a line each what is well (✓), what is wrong (✗) and what to look at (!). It exits with 1 if
anything is wrong. An access token in the variable TOKEN, or on standard input with `--token-stdin`,
is verified as the service does it; it is sent to Cognito only once it has verified, over HTTPS or
to this machine, for the two calls that list devices and sessions.
"""

from gevent import monkey

monkey.patch_all()  # first of all: without it, no time-out of gevent's ends anything

import argparse
import io
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from email.utils import parsedate_to_datetime
from functools import partial
from secrets import token_hex
from typing import Any, NoReturn, cast
from urllib.parse import urlsplit

# prometheus_client reads it on import, and would write into the running service's folder.
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)

import gevent
from botocore.exceptions import BotoCoreError
from structlog.testing import capture_logs

from app import counters
from app.auth.keys import KeysUnavailable, fetch_keys, key_sets
from app.auth.verifier import TokenVerifier
from app.cognito.breaker import CognitoBreaker
from app.cognito.client import CognitoClient
from app.cognito.endpoint import Endpoint
from app.cognito.errors import Refused, TooLate
from app.cognito.transport import Transport
from app.domain.access_token import AccessToken
from app.domain.errors import USER_ADMIN_SCOPE, ErrorCode, ServiceError
from app.domain.operations import LIST_DEVICES
from app.naming.visible import visible
from app.settings import Settings, SettingsError, is_local

MARKS = {"ok": "✓", "wrong": "✗", "look": "!"}
NO_TOKEN = b'{"AccessToken":"none"}'
"""Cognito refuses it, which shows that Cognito is there."""
FACTS = ("expected", "found", "seconds_ahead")
"""What the verifier's log line tells of a refused token besides the check that failed."""
REDIS_ENDS = 20.0
"""Seconds, against a Redis that answers without end; `counters` bounds each answer."""
CLUSTER_KEYS = 32
"""So many that a node of a Cluster, which has a part of all keys, refuses one."""
NONE_SHOWN = {
    "devices": "none is listed, and the token names none. Right after managed login; else turn "
    "device tracking on.",
    "sessions": "none is listed, not even this sign-in. Turn session tracking on; if it is on, "
    "sign in again.",
}
"""AWS does not say what it answers while tracking is off: perhaps an empty list."""
NOT_TRACKED = (ErrorCode.DEVICE_TRACKING_UNAVAILABLE, ErrorCode.SESSION_TRACKING_UNAVAILABLE)


@dataclass(frozen=True)
class Finding:
    """`state`: a key of MARKS. `text`: what it means, and what to do."""

    state: str
    check: str
    text: str


ok, wrong, look = (partial(Finding, state) for state in MARKS)


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Without `message`, which repeats what was given: perhaps a token."""
        super().error("no such argument; a token comes in the variable TOKEN or by --token-stdin")


def main() -> int:
    parser = Parser("python -m app.doctor", description="Look for what is wrong.")
    parser.add_argument("--json", action="store_true", help="print the findings in JSON")
    parser.add_argument("--token-stdin", action="store_true", help="read an access token")
    options = parser.parse_args()
    token = os.environb.pop(b"TOKEN", b"") or None
    if options.token_stdin:
        token = sys.stdin.buffer.readline()
    # Any terminal's encoding; a token that does not verify may hold half a surrogate pair.
    cast(io.TextIOWrapper, sys.stdout).reconfigure(encoding="utf-8", errors="replace")
    findings = []
    with capture_logs():
        for found in examine(token):
            it = replace(found, text=visible(found.text))  # no control characters to the terminal
            findings.append(it)
            if not options.json:
                print(f"{MARKS[it.state]} {it.check}: {it.text}", flush=True)
    if options.json:
        print(json.dumps([asdict(it) for it in findings], indent=2, ensure_ascii=False))
    return 1 if any(it.state == "wrong" for it in findings) else 0


def examine(token: bytes | None) -> Iterator[Finding]:
    """All that there is to find. `token`: what is said to be an access token."""
    try:
        settings = Settings.from_environ()
        endpoint = Endpoint(settings)
    except (SettingsError, BotoCoreError) as error:
        yield wrong("settings", f"{error} docs/settings.md has every variable.")
        return
    yield ok("settings", f"they can be read, for the user pool {settings.cognito_user_pool_id}.")
    for variable, doubt in (*settings.warnings(), *_doubts(settings)):
        yield look(variable, f"{doubt}.")
    yield from _cognito(settings, endpoint)
    yield from _keys(settings)
    yield from _redis(settings)
    if token is not None:
        yield from _token(token.decode("ascii", "replace").strip(), settings, endpoint)


def _doubts(settings: Settings) -> Iterator[tuple[str, str]]:
    """Settings that are right where there is a reason for them."""
    if not settings.cors_origins:
        yield "CORS_ORIGINS", "is not set: no page of another origin can call"
    for origin in settings.cors_origins:
        if origin.startswith("http://") and not is_local(urlsplit(origin).hostname or ""):
            yield "CORS_ORIGINS", f"a page at {origin} can be changed on its way: use https://"
    if settings.trusted_proxy_hops == 0 and not is_local(settings.host):
        yield "TRUSTED_PROXY_HOPS", "is 0: behind a proxy, all callers count as one address"
        if settings.tls_cert_file is None:
            yield "TLS_CERT_FILE", "is not set, and no proxy is told of: tokens come in the clear"
    if settings.redis_url is None:
        yield "REDIS_URL", "is not set: each process counts limits and Cognito's quota alone"


def _cognito(settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    """Two calls by the service's own way; the clock, by the Date of the answer."""
    shown = endpoint.url.partition("?")[0]  # the query may be a secret
    transport, took = Transport(settings, endpoint.url), []
    try:
        for _ in range(2):
            began = time.perf_counter()
            with gevent.Timeout(settings.cognito_attempt_timeout, TooLate):
                answer = transport.post(endpoint.headers[LIST_DEVICES], NO_TOKEN)
            took.append(_ms_since(began))
        clock = _clock(answer.headers, settings.token_leeway)
        endpoint.members(answer)
        told = "answers as if the call were good"
    except Refused as refused:
        told = f"answers {refused.code or refused.status}"
    except (Exception, TooLate) as error:  # whatever reading the bytes of a stranger raises
        cause = error.__cause__ or error
        why = getattr(cause, "strerror", None) or type(cause).__name__
        told = f"does not answer as Cognito ({why})"
    if told == "answers NotAuthorizedException":
        yield ok("Cognito", f"{shown} answers in {took[0]} with connecting, then {took[1]}.")
        yield clock
    else:
        yield wrong(
            "Cognito",
            f"{shown} {told}. Check the region in COGNITO_USER_POOL_ID, "
            "COGNITO_ENDPOINT_URL, HTTPS_PROXY, AWS_CA_BUNDLE, DNS, and the firewall.",
        )


def _clock(headers: Mapping[str, str], leeway: float) -> Finding:
    try:
        ahead = time.time() - parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError):
        return look("clock", "Cognito's answer has no Date to compare it with.")
    if abs(ahead) <= leeway + 1:  # a Date has whole seconds
        return ok("clock", "it is Cognito's, give or take a few seconds.")
    return wrong(
        "clock",
        f"it is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} Cognito's, and "
        f"TOKEN_LEEWAY is {leeway:g} s: good tokens are refused. Let NTP set it.",
    )


def _keys(settings: Settings) -> Iterator[Finding]:
    """Of each issuer. A pool that has not switched to its second issuer has no keys there."""
    found, missing = False, []
    for url in dict.fromkeys(settings.key_addresses.values()):
        began, shown = time.perf_counter(), url.partition("?")[0]
        try:
            number = len(fetch_keys(settings, url))
            yield ok("keys", f"{shown} has {number}, fetched in {_ms_since(began)}.")
            found = True
        except KeysUnavailable as error:
            missing.append(f"{shown} has none: {error}")
    for text in missing:
        if found:
            yield look("keys", f"{text}. Right, if the pool does not use this issuer.")
        else:
            yield wrong("keys", f"{text}. Is COGNITO_USER_POOL_ID right, its region included?")


def _redis(settings: Settings) -> Iterator[Finding]:
    if settings.redis_url is None:
        return
    hosts = settings.summary()["redis"]
    try:
        with gevent.Timeout(REDIS_ENDS, counters.RedisTimeout):
            storage = counters.storage(settings.redis_url)
            for _ in range(CLUSTER_KEYS):
                storage.incr(f"doctor/{token_hex(8)}", 1)
        kind = type(storage).__name__.removesuffix("Storage")
        yield ok("Redis", f"{hosts} ({kind}) counts limits for all processes.")
    except (Exception, counters.RedisTimeout) as error:  # whatever redis-py raises
        kind = type(error).__name__
        advice = counters.MOVED if kind == "MovedError" else "Check REDIS_URL and the way there"
        yield wrong("Redis", f"{hosts} does not count ({kind}). {advice}.")


def _token(token: str, settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    with capture_logs() as logs:
        try:
            caller = TokenVerifier(settings, key_sets(settings)).verify(token)
        except ServiceError as error:
            yield wrong("token", _refusal(error, logs))
            return
    yield from _claims(caller, settings)
    url = urlsplit(endpoint.url)
    if url.scheme == "https" or is_local(url.hostname or ""):
        yield from _features(caller, settings)
    else:
        yield look(
            "token",
            "it was not sent: COGNITO_ENDPOINT_URL is not https://, and not on this machine.",
        )


def _refusal(error: ServiceError, logs: list[Any]) -> str:
    if error.code is ErrorCode.INSUFFICIENT_SCOPE:
        return (
            f"it lacks the scope {USER_ADMIN_SCOPE}. Allow the app client that scope, and have the "
            "frontend ask for it at managed login."
        )
    refused: dict[str, Any] = next((it for it in logs if it["event"] == "token_refused"), {})
    facts = [f"{name} {refused[name]}" for name in FACTS if name in refused]
    return f"{error.detail} ({', '.join(('check ' + str(refused.get('check', 'key')), *facts))})"


def _claims(caller: AccessToken, settings: Settings) -> Iterator[Finding]:
    name = settings.cognito_client_names.get(caller.client_id, "without a name")
    left = (caller.expires_at - time.time()) / 60
    yield ok("token", f"good for {left:.0f} min, of the client {caller.client_id} ({name}).")
    yield (
        ok("device_key", "the token names its device.")
        if caller.device_key
        else look("device_key", "none, as after managed login: this sign-in has no current device.")
    )
    if caller.auth_time is not None:
        yield ok("auth_time", f"{(time.time() - caller.auth_time) / 60:.0f} min ago.")
    elif settings.step_up_max_age is not None:
        yield wrong("auth_time", "none in the token: STEP_UP_MAX_AGE refuses it.")
    else:
        yield look("auth_time", "none in the token. Nothing asks for it.")
    if caller.acr is not None:
        yield ok("acr", f"{caller.acr}.")
    elif settings.step_up_acr:
        yield wrong("acr", "none in the token: STEP_UP_ACR refuses it. AWS rolls it out by pool.")
    else:
        yield look("acr", "none in the token. Nothing asks for it.")


def _features(caller: AccessToken, settings: Settings) -> Iterator[Finding]:
    """What the pool tracks, by the two calls that only read."""
    cognito = CognitoClient(settings, CognitoBreaker(settings), counters.Counters(None))
    for what, ask, named in (
        ("devices", lambda: cognito.list_devices(caller.value, 1, None), caller.device_key),
        ("sessions", lambda: cognito.list_user_sessions(caller.value, None), None),
    ):
        try:
            if ask().items or named:
                yield ok(what, "the user pool tracks them.")
            else:
                yield look(what, NONE_SHOWN[what])
        except ServiceError as error:
            yield (look if error.code in NOT_TRACKED else wrong)(what, error.detail)


def _ms_since(began: float) -> str:
    return f"{(time.perf_counter() - began) * 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
