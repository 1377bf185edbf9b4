"""Mails users about new devices and ended sessions: the Lambda function of new-device-mail.yaml.

CloudWatch Logs hands it lines of the service's audit trail, one CloudEvent each (`handler`). The
trail names users by `sub`, so their addresses are asked of Cognito (ListUsers); SES sends the mail.

Reads USER_POOL_ID, SENDER and DEVICES_PAGE from its environment.
"""

import base64
import gzip
import json
import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import boto3

LOG = logging.getLogger(__name__)

SUBJECTS = {
    "device-bff.device.tracked": "A new device was added to your account",
    "device-bff.session.ended": "Your account was signed out somewhere",
}
TEXT = """{subject}.

When: {when}
From the address: {address}

If this was you, there is nothing to do. If not, go to {page},
remove what you do not know, and change your password.
"""


class Notice(NamedTuple):
    """What a user is told in one mail: sessions that one request ended are one event to them."""

    kind: str
    sub: str
    request_id: str
    address: str
    when: str


def handler(event: dict[str, Any], context: Any) -> None:
    """Sends a mail for each request in a batch of log lines.

    `event`: what a subscription filter sends, `{"awslogs": {"data": <base64 of gzip of JSON>}}`.

    Raises:
        RuntimeError: mails could not be sent. Lambda tries the batch twice more, so that a user may
            be told twice; the alternative is not to be told.
    """
    cognito, ses = boto3.client("cognito-idp"), boto3.client("sesv2")
    failures = 0
    for notice in notices(log_lines(event)):
        try:
            send(notice, cognito, ses)
        except Exception as error:  # one user's mail must not keep the others from theirs
            failures += 1
            LOG.error("No mail for request %s: %s", notice.request_id, type(error).__name__)
    if failures:
        raise RuntimeError(f"{failures} mails could not be sent")


def log_lines(event: dict[str, Any]) -> list[str]:
    batch = json.loads(gzip.decompress(base64.b64decode(event["awslogs"]["data"])))
    return [line["message"] for line in batch["logEvents"]]


def notices(lines: Iterable[str]) -> list[Notice]:
    """The mails to send, in the order of the lines; lines of other kinds are passed over."""
    found: dict[tuple[str, str, str], Notice] = {}
    for line in lines:
        try:
            audited = json.loads(line)
            kind, data = audited["type"], audited["data"]
            if kind in SUBJECTS and data["outcome"] == "success":
                notice = Notice(
                    kind, data["sub"], data["requestId"], data["address"], _when(audited["time"])
                )
                found.setdefault(notice[:3], notice)
        except (ValueError, KeyError, TypeError):
            continue
    return list(found.values())


def _when(time: str) -> str:
    moment = datetime.fromisoformat(time).astimezone(UTC)
    return moment.strftime("%d %B %Y, %H:%M UTC").lstrip("0")


def send(notice: Notice, cognito: Any, ses: Any) -> None:
    """To the user's verified address; a user who has none, or is gone, gets no mail.

    The User-Agent is left out of the text. Whoever has stolen a token chooses it, and could write
    to the user in our name with it.
    """
    recipient = verified_email(notice.sub, cognito)
    if recipient is None:
        return
    subject = SUBJECTS[notice.kind]
    text = TEXT.format(
        subject=subject,
        when=notice.when,
        address=notice.address,
        page=os.environ["DEVICES_PAGE"],
    )
    ses.send_email(
        FromEmailAddress=os.environ["SENDER"],
        Destination={"ToAddresses": [recipient]},
        Content={"Simple": {"Subject": {"Data": subject}, "Body": {"Text": {"Data": text}}}},
    )


def verified_email(sub: str, cognito: Any) -> str | None:
    found = cognito.list_users(
        UserPoolId=os.environ["USER_POOL_ID"], Filter=f'sub = "{sub}"', Limit=1
    )
    for user in found["Users"]:
        attributes = {one["Name"]: one["Value"] for one in user["Attributes"]}
        if attributes.get("email_verified") == "true":
            return attributes.get("email")
    return None
