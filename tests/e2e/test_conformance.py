"""`python -m conformance`: every probe holds on the local Cognito, and its AWS half, over the same
local Cognito, touches and leaves nothing but its own pools."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests

from conformance import probes
from local_cognito import seed
from local_cognito.process import RunningCognito, running
from tests.local_cognito.clients import Aws
from tests.polling import until
from tests.servers import ROOT

RUN_SECONDS = 300
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "caller", "AWS_SECRET_ACCESS_KEY": "of-the-caller"}


@dataclass(frozen=True)
class Call:
    """A call of Cognito: its operation, and what was sent."""

    operation: str
    sent: dict[str, Any]


@dataclass
class Listener:
    """Stands between the probes and Cognito, and writes down every call."""

    url: str
    calls: list[Call] = field(default_factory=list)

    def operations(self) -> list[str]:
        return [call.operation for call in self.calls]


@contextmanager
def listening(cognito: RunningCognito) -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            listener.calls.append(Call(operation, json.loads(body)))
            self._answer(requests.post(cognito.url, body, headers=dict(self.headers), timeout=60))

        def do_GET(self) -> None:
            self._answer(requests.get(cognito.url + self.path, timeout=60))

        def _answer(self, answer: requests.Response) -> None:
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener = Listener(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield listener
        server.shutdown()


def start(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    around = {"PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "conformance", *arguments],
        cwd=folder,
        env=os.environ | around | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def on_aws(folder: Path, url: str) -> subprocess.Popen[str]:
    where = ("--aws", "--region", seed.REGION, "--endpoint-url", url)
    return start(folder, *where, **CREDENTIALS)


@pytest.fixture
def own_cognito(tmp_path: Path) -> Iterator[RunningCognito]:
    """A local Cognito of its own: the runs below take as long as a minute."""
    with running(log=tmp_path / "cognito.log") as cognito:
        yield cognito


@pytest.fixture
def aws_of_own(own_cognito: RunningCognito) -> Iterator[Aws]:
    aws = Aws(own_cognito)
    yield aws
    aws.close()


def pools_of(aws: Aws) -> set[str]:
    return {pool["Id"] for pool in aws.admin.list_user_pools(MaxResults=60)["UserPools"]}


@pytest.mark.release
def test_on_aws_it_touches_its_own_pools_and_writes_down_no_secret(
    tmp_path: Path, own_cognito: RunningCognito, aws_of_own: Aws
) -> None:
    """And Ctrl-C while they are deleted does not keep it from that."""
    before = pools_of(aws_of_own)
    with listening(own_cognito) as cognito:
        run = on_aws(tmp_path, cognito.url)
        until("it deletes", lambda: "DeleteUserPool" in cognito.operations(), within=RUN_SECONDS)
        run.send_signal(signal.SIGINT)
        out, errors = run.communicate(timeout=RUN_SECONDS)
    assert (run.returncode, errors) == (0, ""), out
    assert out.startswith("This makes five user pools in ")
    assert pools_of(aws_of_own) == before
    assert cognito.operations().count("CreateUserPool") == 5
    named = {call.sent["UserPoolId"] for call in cognito.calls if "UserPoolId" in call.sent}
    assert len(named) == 5
    assert not named & before
    seen = json.loads((tmp_path / "conformance.json").read_text())
    assert {one["id"] for one in seen} == {one.id for one in probes() if one.undocumented}
    told = out + (tmp_path / "conformance.json").read_text()
    secrets = re.compile(
        r"\d_\w{9}|[\w.-]{60}|@example|\d+\.\d+\.\d+\.\d+|[0-9a-f]{8}-[0-9a-f]{4}-"
    )
    assert secrets.findall(told) == []


@pytest.mark.release
@pytest.mark.parametrize("moment", ["CreateUserPoolClient", "ConfirmDevice"])
def test_ctrl_c_leaves_nothing_behind(
    moment: str, tmp_path: Path, own_cognito: RunningCognito, aws_of_own: Aws
) -> None:
    before = pools_of(aws_of_own)
    with listening(own_cognito) as cognito:
        run = on_aws(tmp_path, cognito.url)
        until(moment, lambda: moment in cognito.operations(), within=RUN_SECONDS)
        run.send_signal(signal.SIGINT)
        _, errors = run.communicate(timeout=RUN_SECONDS)
    assert pools_of(aws_of_own) == before
    assert (run.returncode, errors) == (130, "Stopped. All that was made is deleted.\n")


@pytest.mark.release
def test_a_pool_that_could_not_be_deleted_is_named(
    tmp_path: Path, own_cognito: RunningCognito, aws_of_own: Aws
) -> None:
    before = pools_of(aws_of_own)
    fault = {"operation": "DeleteUserPool", "fault": "error", "type": "NotAuthorizedException"}
    own_cognito.control("POST", "/_local/faults", **fault, times=1)
    run = on_aws(tmp_path, own_cognito.url)
    assert run.stdout
    run.stdout.readline()
    until("pools", lambda: len(pools_of(aws_of_own)) > len(before))
    run.send_signal(signal.SIGTERM)
    _, errors = run.communicate(timeout=RUN_SECONDS)
    (left,) = pools_of(aws_of_own) - before
    assert errors == f"Not deleted, delete them yourself: {left}\n"
    assert run.returncode == 1


@pytest.mark.parametrize(
    ("arguments", "environment", "told"),
    [
        (["--aws"], CREDENTIALS, "--aws needs --region, as in --region eu-west-1"),
        (
            ["--aws", "--region", "eu-west-1"],
            {"AWS_SHARED_CREDENTIALS_FILE": "none", "AWS_CONFIG_FILE": "none"},
            "No AWS credentials: sign in with the AWS CLI, or set AWS_PROFILE.",
        ),
    ],
)
def test_what_is_missing_is_said(
    arguments: list[str], environment: dict[str, str], told: str, tmp_path: Path
) -> None:
    run = start(tmp_path, *arguments, **environment)
    _, errors = run.communicate(timeout=RUN_SECONDS)
    assert (run.returncode, errors.splitlines()[-1].endswith(told)) == (2, True), errors


def test_the_page_on_cognito_cites_every_probe() -> None:
    page = (ROOT / "docs/cognito.md").read_text()
    cited = re.findall(r"\[`([\w-]+)`\]", page)
    assert sorted(cited) == sorted(one.id for one in probes())


def test_every_probe_holds_on_the_local_cognito(tmp_path: Path) -> None:
    run = start(tmp_path)
    out, errors = run.communicate(timeout=RUN_SECONDS)
    assert (run.returncode, errors) == (0, ""), out
    assert re.findall(r"^[✓?] ([\w-]+): ", out, re.MULTILINE) == [one.id for one in probes()]
