"""The bounds of devices, by the botocore model of cognito-idp itself."""

import re
from dataclasses import fields
from typing import Any

import botocore.session
from hypothesis import given
from hypothesis import strategies as st

from app.domain import devices
from app.domain.access_token import AccessToken
from app.domain.devices import SecretVerifier, TrackedDevice, is_device_key

SHAPES: dict[str, Any] = {
    name: botocore.session.get_session().get_service_model("cognito-idp").shape_for(name).metadata
    for name in ("DeviceKeyType", "DeviceNameType", "QueryLimitType")
}


def test_the_limits_are_cognitos() -> None:
    assert SHAPES["DeviceKeyType"]["max"] == devices.DEVICE_KEY_MAX_LENGTH
    assert SHAPES["DeviceNameType"]["max"] == devices.DEVICE_NAME_MAX_LENGTH
    assert SHAPES["QueryLimitType"]["max"] == devices.LIST_LIMIT_MAX


@given(st.text(max_size=60) | st.from_regex(r"[\w-]+_[0-9a-f-]+\s*", fullmatch=True))
def test_what_is_a_device_key_fits_cognitos_pattern_in_ascii(text: str) -> None:
    fits = re.fullmatch(SHAPES["DeviceKeyType"]["pattern"], text) is not None
    assert is_device_key(text) == (fits and text.isascii() and len(text) <= 55)


def test_secrets_stay_out_of_reprs() -> None:
    assert "secret" not in repr(AccessToken("a", "b", None, "c", 0, None, None, "secret"))
    assert "secret" not in repr(SecretVerifier("secret-verifier", "secret-salt"))
    tracked: dict[str, Any] = {field.name: "secret" for field in fields(TrackedDevice)}
    assert repr(TrackedDevice(**tracked)).count("'secret'") == len(tracked) - 1
