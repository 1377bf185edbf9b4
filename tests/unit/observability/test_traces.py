"""What is not traced: probes, and everything where nobody collects traces."""

import subprocess
import sys

import pytest
from flask import Flask
from opentelemetry.util.http import ExcludeList

from app.observability import traces
from app.observability.traces import UNTRACED

PROGRAM = """
import sys
from app.factory import create_app
from app.observability import traces
from app.settings import Settings

traces.start(create_app(Settings.from_environ()))
print(sorted({"opentelemetry.sdk", "opentelemetry.instrumentation", "requests"} & set(sys.modules)))
"""


@pytest.mark.parametrize("path", ["/healthz", "/readyz?verbose", "/metrics"])
def test_probes_are_not_traced(path: str) -> None:
    assert ExcludeList([UNTRACED]).url_disabled(f"https://api.example.com{path}")


@pytest.mark.parametrize(
    "url",
    [
        "https://api.example.com/devices?cursor=/healthz",
        "https://api.example.com/devices/readyz",
        "https://api.example.com/healthz/devices",
    ],
)
def test_no_caller_has_a_call_left_out_of_the_traces(url: str) -> None:
    assert not ExcludeList([UNTRACED]).url_disabled(url)


@pytest.mark.parametrize(
    ("traceparent", "trace_id"),
    [
        (f"00-{'a' * 32}-{'b' * 16}-01", "a" * 32),
        (f"cc-{'a' * 32}-{'b' * 16}-01-what-comes-later", "a" * 32),
        (f"ff-{'a' * 32}-{'b' * 16}-01", None),
        (f"00-{'0' * 32}-{'b' * 16}-01", None),
        ("a secret", None),
        (None, None),
    ],
)
def test_the_callers_trace_is_told_where_we_do_not_trace(
    traceparent: str | None, trace_id: str | None
) -> None:
    headers = {} if traceparent is None else {"HTTP_TRACEPARENT": traceparent}
    with Flask(__name__).test_request_context(environ_overrides=headers):
        assert traces.trace_id() == trace_id


def test_what_sends_traces_is_not_loaded_where_nobody_collects_them() -> None:
    settings = {"COGNITO_USER_POOL_ID": "eu-west-1_Abc", "COGNITO_CLIENT_IDS": "abc"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=settings,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.splitlines()[-1] == "[]"
