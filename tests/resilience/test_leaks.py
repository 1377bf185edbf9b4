"""Nothing secret leaves: every call and every failure, with secrets that would be recognised.

That the search would find one is shown with leaks put into the service on purpose.
"""

import base64
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from local_cognito.process import RunningCognito
from tests.resilience.leaks import (
    EVERYTHING,
    OUTPUTS,
    SECRETS,
    Run,
    drive,
    failures_of_cognito,
    failures_of_http,
    successes,
)


SIGNS = {
    "logs and audit": (
        *(b'"level": "debug"', b'"specversion"', b"redis_away", b"jwks_fetch_failed"),
        b'"unparsed"',
    ),
    "metrics": (b"upstream-timeout",),
    "traces": (b"Cognito Identity Provider.ConfirmDevice", b"GET /devices"),
    "redis": (b"LIMITS",),
    "problems": (b"invalid-parameter", b"upstream-error"),
    "raw answers": (b"headers-too-large", b"malformed-request"),
}
"""What shows that the search was in the right place."""


@pytest.mark.timeout(600)
def test_no_secret_comes_out(cognito: RunningCognito) -> None:
    """Of every call and every failure. The answer that tells a device's secret is not among them."""
    run = drive(cognito, EVERYTHING)
    assert not {output: found for output in OUTPUTS if (found := run.leaks(run.outputs[output]))}
    for output, signs in SIGNS.items():
        assert not [sign for sign in signs if sign not in run.outputs[output]], output
    for response in run.responses:
        assert run.device_password not in response.text
        assert "devicePassword" not in response.text


@pytest.mark.parametrize(
    "written",
    [
        lambda secret: secret.encode(),
        lambda secret: quote(secret, safe="").encode(),
        lambda secret: quote_plus(secret).encode(),
        lambda secret: base64.b64encode(secret.encode()),
        lambda secret: base64.b64encode(f"x{secret}y".encode()),
        lambda secret: base64.urlsafe_b64encode(f"{{'{secret}'}}".encode()),
        lambda secret: secret.encode().hex().encode(),
        lambda secret: secret[:30].encode() + b"...",
        lambda secret: b"..." + secret[-30:].encode(),
    ],
    ids=["clear", "url", "form", "base64", "within", "within2", "hex", "beginning", "end"],
)
@pytest.mark.parametrize("name", ["password verifier", "query", "body", "cursor"])
def test_the_search_would_find_it(name: str, written: Any) -> None:
    assert Run().leaks(b"a line with " + written(SECRETS[name]) + b" in it") == [name]


TOKEN = {"token payload", "token signature"}
QUERY = {"query", "cursor"}
QUOTED = {"password verifier", "salt", "cursor", *TOKEN}
LEAK_INTO = {
    "logs and audit": ("query_in_request_log", QUERY),
    "metrics": ("path_in_metric", QUERY),
    "traces": ("all_of_a_span", {"headers", *QUERY, *QUOTED}),
    "redis": ("token_in_rate_limit_key", TOKEN),
    "problems": ("words_of_cognito", QUOTED),
    "raw answers": ("words_of_gunicorn", TOKEN),
}
"""A leak of the leaky worker's, and all that it lets out."""


def leaking(*leaks: str) -> dict[str, str]:
    """The variables that put these leaks into a service."""
    worker = "--worker-class tests.resilience.leaky_worker.Worker"
    return {"LEAKS": " ".join(leaks), "GUNICORN_CMD_ARGS": worker}


@pytest.mark.timeout(600)
def test_a_leak_put_into_each_output_is_found_there(cognito: RunningCognito) -> None:
    errors_of_cognito = partial(failures_of_cognito, kinds=("error",))
    leaks = leaking(*(leak for leak, _ in LEAK_INTO.values()))
    run = drive(cognito, (successes, errors_of_cognito, failures_of_http), **leaks)
    found = {output: set(run.leaks(run.outputs[output])) for output in OUTPUTS}
    assert found == {output: secrets for output, (_, secrets) in LEAK_INTO.items()}


@pytest.mark.parametrize(
    "leak",
    [
        leaking("libraries_at_debug"),
        leaking("token_in_audit"),
        {"GUNICORN_CMD_ARGS": "--access-logfile - --access-logformat %({authorization}i)s"},
    ],
    ids=["libraries at DEBUG", "token in the audit trail", "gunicorn's access log"],
)
def test_another_leak_put_into_the_logs_is_found_there_alone(
    cognito: RunningCognito, leak: dict[str, str]
) -> None:
    run = drive(cognito, [successes], **leak)
    found = {output: set(run.leaks(said)) for output, said in run.outputs.items()}
    assert found.pop("logs and audit") >= TOKEN
    assert not any(found.values())
