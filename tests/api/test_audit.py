"""The audit trail of what nobody expected; of what is expected, tests/safety/test_audit.py."""

import json
import logging
from collections.abc import Iterator

import pytest

from app.domain.errors import ErrorCode, ServiceError
from app.observability.audit import LOGGER_NAME
from tests.api.client import ApiClient
from tests.api.fake_cognito import FakeCognito


@pytest.fixture
def trail() -> Iterator[list[str]]:
    """The lines of the audit logger."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger(LOGGER_NAME)
    before = logger.handlers, logger.level
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    yield lines
    logger.handlers, logger.level = before


def test_an_attempt_to_forget_many_that_reached_no_device_is_kept_too(
    api: ApiClient, fake_cognito: FakeCognito, trail: list[str]
) -> None:
    fake_cognito.fail("list_devices", ServiceError(ErrorCode.QUOTA_EXCEEDED, "Too many."))
    assert api.delete("/devices?scope=all").status_code == 429
    event = json.loads(trail[0])
    assert event["type"] == "device-bff.device.forgotten"
    assert event["data"]["device"] is None
    assert event["data"]["outcome"] == "quota-exceeded"
    assert len(trail) == 1


def test_a_change_that_ended_in_an_error_of_ours_is_kept_as_one(
    api: ApiClient, fake_cognito: FakeCognito, trail: list[str]
) -> None:
    fake_cognito.fail("global_sign_out", RuntimeError("out of order"))
    assert api.post("/devices/sign-out").status_code == 500
    event = json.loads(trail[0])
    assert event["type"] == "device-bff.device.signed_out"
    assert event["data"]["outcome"] == "internal-error"
    assert len(trail) == 1
