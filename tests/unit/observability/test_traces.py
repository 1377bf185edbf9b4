"""Where nobody collects traces, none are made, and the log still tells the caller's."""

import subprocess
import sys

import pytest
from flask import Flask

from app.observability import traces

PROGRAM = """
import sys
from app.factory import create_app
from app.observability import traces
from app.settings import Settings

traces.start(create_app(Settings.from_environ()))
print(sorted({"opentelemetry.sdk", "opentelemetry.propagate", "requests"} & set(sys.modules)))
"""


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
