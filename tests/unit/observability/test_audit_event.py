"""An event of the audit trail: CloudEvents 1.0 in JSON."""

import json
import logging
from datetime import datetime

import pytest

from app.domain.access_token import AccessToken
from app.observability.audit import LOGGER_NAME, AuditLog

DEVICE_KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"
TOKEN = AccessToken("some-sub", "some-client", DEVICE_KEY, 0, "the-token-itself")


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that go to the audit logger."""
    lines: list[str] = []
    logger = logging.getLogger(LOGGER_NAME)
    monkeypatch.setattr(logger, "info", lambda line: lines.append(line))
    return lines


def test_an_event_tells_who_did_what_to_which_device(written: list[str]) -> None:
    AuditLog("https://issuer.example/pool").record("forgotten", TOKEN, DEVICE_KEY, "success")
    event = json.loads(written[0])
    assert event.pop("id")
    assert datetime.fromisoformat(event.pop("time"))
    assert event == {
        "specversion": "1.0",
        "source": "https://issuer.example/pool",
        "type": "device-bff.device.forgotten",
        "subject": DEVICE_KEY,
        "datacontenttype": "application/json",
        "data": {
            "sub": "some-sub",
            "clientId": "some-client",
            "device": DEVICE_KEY,
            "fromDevice": DEVICE_KEY,
            "outcome": "success",
        },
    }


def test_what_concerns_no_device_has_no_subject(written: list[str]) -> None:
    AuditLog("https://issuer.example/pool").record("signed-out", TOKEN, None, "success")
    event = json.loads(written[0])
    assert "subject" not in event
    assert event["data"]["device"] is None


def test_each_event_is_one_line_of_its_own(written: list[str]) -> None:
    audit = AuditLog("https://issuer.example/pool")
    for _ in range(2):
        audit.record("forgotten", TOKEN, "line\nfeed", "success")
    assert len({json.loads(line)["id"] for line in written}) == 2
    assert not any("\n" in line for line in written)


def test_the_token_is_not_in_it(written: list[str]) -> None:
    AuditLog("https://issuer.example/pool").record("forgotten", TOKEN, DEVICE_KEY, "success")
    assert "the-token-itself" not in written[0]
