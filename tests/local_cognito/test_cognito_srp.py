"""The SRP arithmetic, against pycognito's and a library's HKDF."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st
from pycognito import aws_srp

from local_cognito import srp

numbers = st.integers(min_value=1, max_value=2**256 - 1)


def test_the_group_and_its_multiplier_are_the_clients() -> None:
    assert (int(aws_srp.N_HEX, 16), int(aws_srp.G_HEX, 16)) == (srp.N, srp.G)
    assert int(aws_srp.hex_hash("00" + aws_srp.N_HEX + "02"), 16) == srp.K


@given(st.integers(min_value=0, max_value=2**3072))
def test_numbers_are_padded_as_the_clients_pad_them(number: int) -> None:
    assert srp.pad(number).hex() == aws_srp.pad_hex(number)


@given(numbers, numbers)
@settings(max_examples=50)
def test_the_session_key_is_hkdf_of_rfc_5869(shared: int, u: int) -> None:
    hkdf = HKDF(SHA256(), length=16, salt=srp.pad(u), info=b"Caldera Derived Key")
    assert srp.session_key(shared, u) == hkdf.derive(srp.pad(shared))


@given(st.text(max_size=20), st.text(max_size=20), numbers)
@settings(max_examples=25, deadline=None)
def test_pycognito_reaches_the_servers_key_with_the_right_password_only(
    right: str, typed: str, salt: int
) -> None:
    client = aws_srp.AWSSRP("demo", typed, "us-east-1_Pool1", "client", client=object())
    server = srp.Server(srp.verifier("Pool1", "demo", right, salt), client.large_a_value)
    key = client.get_password_authentication_key("demo", typed, server.public_b, f"{salt:x}")
    assert (key == server.key()) is (right == typed)


def test_a_device_verifier_is_the_one_pycognito_makes() -> None:
    password, config = aws_srp.generate_hash_device("-Group", "us-east-1_key")
    salt = int.from_bytes(base64.b64decode(config["Salt"]), "big")
    verifier = int.from_bytes(base64.b64decode(config["PasswordVerifier"]), "big")
    assert srp.verifier("-Group", "us-east-1_key", password, salt) == verifier


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_an_a_that_is_zero_modulo_n_is_refused(multiple: int) -> None:
    with pytest.raises(srp.PublicValueError):
        srp.Server(verifier=5, public_a=multiple * srp.N)
