"""The SRP arithmetic, against the other side of itself, pycognito's, and a library's HKDF."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st
from pycognito import aws_srp

from local_cognito import srp

secrets_ = st.integers(min_value=1, max_value=2**256 - 1)
salts = st.integers(min_value=0, max_value=2**128 - 1)


def test_the_group_is_the_one_the_clients_use() -> None:
    assert int(aws_srp.N_HEX, 16) == srp.N
    assert int(aws_srp.G_HEX, 16) == srp.G


def test_n_is_a_safe_prime_as_far_as_fermat_can_tell() -> None:
    assert pow(3, srp.N - 1, srp.N) == 1
    assert pow(3, (srp.N - 1) // 2 - 1, (srp.N - 1) // 2) == 1


def test_k_is_the_one_the_clients_compute() -> None:
    assert int(aws_srp.hex_hash("00" + aws_srp.N_HEX + "02"), 16) == srp.K


@given(st.integers(min_value=0, max_value=2**3072))
def test_numbers_are_padded_as_the_clients_pad_them(number: int) -> None:
    assert srp.pad(number).hex() == aws_srp.pad_hex(number)


@given(secrets_, secrets_)
@settings(max_examples=50)
def test_the_session_key_is_hkdf_of_rfc_5869(shared: int, u: int) -> None:
    hkdf = HKDF(SHA256(), length=16, salt=srp.pad(u), info=b"Caldera Derived Key")
    assert srp.session_key(shared, u) == hkdf.derive(srp.pad(shared))


@given(st.text(), st.text(), salts, secrets_, secrets_)
@settings(max_examples=25, deadline=None)
def test_both_sides_reach_the_same_key(
    identity: str, password: str, salt: int, a: int, b: int
) -> None:
    client = srp.Client("Pool1", identity, password, secret_a=a)
    verifier = srp.verifier("Pool1", identity, password, salt)
    server = srp.Server(verifier, client.public_a, secret_b=b)
    assert client.key(salt, server.public_b) == server.key()


@given(st.text(max_size=20), st.text(max_size=20), salts)
@settings(max_examples=25, deadline=None)
def test_another_password_reaches_another_key(right: str, wrong: str, salt: int) -> None:
    client = srp.Client("Pool1", "demo", wrong)
    server = srp.Server(srp.verifier("Pool1", "demo", right, salt), client.public_a)
    assert (client.key(salt, server.public_b) == server.key()) is (right == wrong)


@given(salts)
@settings(max_examples=10, deadline=None)
def test_pycognito_reaches_the_servers_key(salt: int) -> None:
    theirs = aws_srp.AWSSRP("demo", "secret", "us-east-1_Pool1", "client", client=object())
    server = srp.Server(srp.verifier("Pool1", "demo", "secret", salt), theirs.large_a_value)
    key = theirs.get_password_authentication_key("demo", "secret", server.public_b, f"{salt:x}")
    assert key == server.key()


def test_a_device_verifier_is_the_one_pycognito_makes() -> None:
    password, config = aws_srp.generate_hash_device("-Group", "us-east-1_key")
    salt = int.from_bytes(base64.b64decode(config["Salt"]), "big")
    verifier = int.from_bytes(base64.b64decode(config["PasswordVerifier"]), "big")
    assert srp.verifier("-Group", "us-east-1_key", password, salt) == verifier


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_an_a_that_is_zero_modulo_n_is_refused(multiple: int) -> None:
    with pytest.raises(srp.PublicValueError):
        srp.Server(verifier=5, public_a=multiple * srp.N)


def test_a_b_that_is_zero_modulo_n_is_refused() -> None:
    with pytest.raises(srp.PublicValueError):
        srp.Client("Pool1", "demo", "secret").key(salt=1, public_b=srp.N)
