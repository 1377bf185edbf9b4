"""What can be a device key, by the botocore model of cognito-idp itself."""

import re
from dataclasses import fields

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain import devices as model
from app.domain.devices import SecretVerifier, TrackedDevice, is_device_key


@pytest.fixture(scope="module")
def shapes() -> dict[str, dict[str, object]]:
    loaded = botocore.session.get_session().get_service_model("cognito-idp")
    names = ("DeviceKeyType", "DeviceNameType", "QueryLimitType")
    return {name: loaded.shape_for(name).metadata for name in names}


def test_the_limits_are_cognitos(shapes: dict[str, dict[str, object]]) -> None:
    assert shapes["DeviceKeyType"]["max"] == model.DEVICE_KEY_MAX_LENGTH
    assert shapes["DeviceNameType"]["max"] == model.DEVICE_NAME_MAX_LENGTH
    assert shapes["QueryLimitType"]["max"] == model.LIST_LIMIT_MAX


@given(st.text(max_size=60) | st.from_regex(r"[\w-]+_[0-9a-f-]+\s*", fullmatch=True))
def test_what_is_a_device_key_fits_cognitos_pattern_in_ascii(
    shapes: dict[str, dict[str, object]], text: str
) -> None:
    fits = re.fullmatch(str(shapes["DeviceKeyType"]["pattern"]), text) is not None
    assert is_device_key(text) == (fits and text.isascii() and len(text) <= 55)


def test_secrets_stay_out_of_reprs() -> None:
    assert "secret" not in repr(SecretVerifier("secret-verifier", "secret-salt"))
    tracked = {field.name: "secret" for field in fields(TrackedDevice)}
    assert repr(TrackedDevice(**tracked)).count("'secret'") == len(tracked) - 1  # type: ignore[arg-type]
