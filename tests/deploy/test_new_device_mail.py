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
from tests.calls import call, log_lines, sign_in_untracked
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
    attributes = (("email", email), ("email_verified", verified))
    given = [{"Name": name, "Value": value} for name, value in attributes]
    cognito = boto3.client("cognito-idp")
    made = cognito.admin_create_user(UserPoolId=pool_id, Username=email, UserAttributes=given)
    user = made["User"]
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


def test_what_the_service_writes_is_passed_on_and_told_to_its_user(
    cognito_server: RunningCognito, shared_service: Service, pool_id: str
) -> None:
    cognito_server.control("POST", "/_local/reset")
    other = cognito_server.control("POST", "/_local/managed-login")["session_id"]
    new = sign_in_untracked(cognito_server)
    body = {"deviceKey": new.device_key, "deviceGroupKey": new.device_group_key}
    url, before = shared_service.url, len(shared_service.logs())
    call(f"{url}/devices", "POST", json=body, headers=new.bearer).raise_for_status()
    call(f"{url}/sessions/{other}", "DELETE", headers=new.bearer).raise_for_status()

    def audited() -> list[dict[str, Any]]:
        return log_lines(shared_service.logs()[before:], specversion="1.0")

    until("both are in the audit trail", lambda: len(audited()) == 2)
    template, _ = decode(str(FOLDER / "new-device-mail.yaml"))
    pattern = template["Resources"]["Subscription"]["Properties"]["FilterPattern"]
    passed_on = re.findall(r'\$\.type = "([^"]+)"', pattern)
    assert passed_on == [event["type"] for event in audited()] == list(new_device_mail.SUBJECTS)
    user = {"sub": new_user(pool_id, "ada@example.com")}
    hand_over(*(json.dumps(it | {"data": it["data"] | user}) for it in audited()))
    assert [mail.subject for mail in mails()] == list(new_device_mail.SUBJECTS.values())
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
