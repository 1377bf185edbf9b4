"""The example that mails users about new devices: the service's own audit lines, moto's SES."""

import base64
import gzip
import importlib.util
import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from cfnlint.decode import decode
from moto import mock_aws
from moto.ses.models import ses_backends

from local_cognito.process import RunningCognito
from tests.calls import call, sign_in_untracked
from tests.deploy.programs import DEPLOY
from tests.polling import until
from tests.servers import Service

REGION, ACCOUNT = "eu-west-1", "123456789012"
SENDER = "no-reply@example.com"
FOLDER = DEPLOY / "aws"

spec = importlib.util.spec_from_file_location("new_device_mail", FOLDER / "new_device_mail.py")
assert spec is not None
assert spec.loader is not None
new_device_mail = importlib.util.module_from_spec(spec)
spec.loader.exec_module(new_device_mail)


@pytest.fixture
def pool_id(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A user pool and a verified sender at moto's AWS; the function's environment names both."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        pool_id = boto3.client("cognito-idp").create_user_pool(PoolName="mail")["UserPool"]["Id"]
        boto3.client("sesv2").create_email_identity(EmailIdentity=SENDER)
        monkeypatch.setenv("USER_POOL_ID", pool_id)
        monkeypatch.setenv("SENDER", SENDER)
        monkeypatch.setenv("DEVICES_PAGE", "https://app.example.com/devices")
        yield pool_id


def new_user(pool_id: str, email: str, verified: str = "true") -> str:
    """The `sub` of a user with that address."""
    attributes = {"email": email, "email_verified": verified}
    given = [{"Name": name, "Value": value} for name, value in attributes.items()]
    user = boto3.client("cognito-idp").admin_create_user(
        UserPoolId=pool_id, Username=email, UserAttributes=given, MessageAction="SUPPRESS"
    )["User"]
    return next(str(it["Value"]) for it in user["Attributes"] if it["Name"] == "sub")


def line(sub: str, kind: str = "device-bff.device.tracked", **data: Any) -> str:
    """A line of the audit trail, as far as the function reads it."""
    about = {"sub": sub, "outcome": "success", "address": "192.0.2.7", "requestId": "1"} | data
    when = "2026-11-06T07:45:26.123456Z"
    return json.dumps({"specversion": "1.0", "type": kind, "time": when, "data": about})


def hand_over(*lines: str) -> None:
    """The lines reach the function as a subscription filter sends them."""
    batch = {"messageType": "DATA_MESSAGE", "logEvents": [{"message": line} for line in lines]}
    data = base64.b64encode(gzip.compress(json.dumps(batch).encode())).decode()
    new_device_mail.handler({"awslogs": {"data": data}}, None)


def mails() -> list[Any]:
    return list(ses_backends[ACCOUNT][REGION].sent_messages)


@pytest.fixture(scope="module")
def audited(cognito_server: RunningCognito, shared_service: Service) -> list[str]:
    """The lines that the service wrote when a device was tracked, and a session ended."""
    cognito_server.control("POST", "/_local/reset")
    other = cognito_server.control("POST", "/_local/managed-login")["session_id"]
    new = sign_in_untracked(cognito_server)
    body = {"deviceKey": new.device_key, "deviceGroupKey": new.device_group_key}
    url, before = shared_service.url, shared_service.logs().count("\n")
    call(f"{url}/devices", "POST", json=body, headers=new.bearer).raise_for_status()
    call(f"{url}/sessions/{other}", "DELETE", headers=new.bearer).raise_for_status()

    def written() -> list[str]:
        lines = shared_service.logs().splitlines()[before:]
        return [it for it in lines if '"specversion"' in it]

    until("both are written", lambda: len(written()) == 2)
    return written()


def test_a_new_device_and_an_ended_session_are_told_to_their_user(
    audited: list[str], pool_id: str
) -> None:
    sub = new_user(pool_id, "ada@example.com")
    events = [json.loads(one) for one in audited]
    template, _ = decode(str(FOLDER / "new-device-mail.yaml"))
    pattern = template["Resources"]["Subscription"]["Properties"]["FilterPattern"]
    passed_on = re.findall(r'\$\.type = "([^"]+)"', pattern)
    assert passed_on == [event["type"] for event in events] == list(new_device_mail.SUBJECTS)
    for event in events:
        event["data"]["sub"] = sub
    hand_over(*map(json.dumps, events))
    assert [mail.subject for mail in mails()] == [
        "A new device was added to your account",
        "Your account was signed out somewhere",
    ]
    for mail in mails():
        assert mail.source == SENDER
        assert mail.destinations["ToAddresses"] == ["ada@example.com"]
        assert "From the address: 127.0.0.1" in mail.body
        assert "https://app.example.com/devices" in mail.body


def test_only_success_is_told_once_a_request_to_a_verified_address(pool_id: str) -> None:
    ada = new_user(pool_id, "ada@example.com")
    ended = line(ada, "device-bff.session.ended")
    hand_over(
        line(ada, outcome="quota-exceeded"),
        line(ada, "device-bff.device.forgotten"),
        "no JSON",
        line(new_user(pool_id, "eve@example.com", verified="false")),
        line("gone"),
        ended,
        ended,
    )
    (mail,) = mails()
    assert "When: 6 November 2026, 07:45 UTC\n" in mail.body


def test_a_mail_that_fails_is_tried_again_and_holds_up_no_other(
    pool_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = []

    def send(notice: Any, cognito: Any, ses: Any) -> None:
        if notice.sub == "first":
            raise ConnectionError
        told.append(notice.sub)

    monkeypatch.setattr(new_device_mail, "send", send)
    with pytest.raises(RuntimeError, match="1 mails"):
        hand_over(line("first"), line("second"))
    assert told == ["second"]
