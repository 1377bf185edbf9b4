"""The SRP arithmetic, against pycognito's: group, padding, key derivation and all."""

from __future__ import annotations

import pytest
from pycognito import aws_srp

from local_cognito import srp


@pytest.mark.parametrize("salt", [1, 0x80, 2**256 - 1])
@pytest.mark.parametrize(
    ("right", "typed"), [("Passw0rd!", "Passw0rd!"), ("Küche 📱", "Küche 📱"), ("right", "wrong")]
)
def test_pycognito_reaches_the_servers_key_with_the_right_password_only(
    right: str, typed: str, salt: int
) -> None:
    client = aws_srp.AWSSRP("demo", typed, "us-east-1_Pool1", "client", client=object())
    server = srp.Server(srp.verifier("Pool1", "demo", right, salt), client.large_a_value)
    key = client.get_password_authentication_key("demo", typed, server.public_b, f"{salt:x}")
    assert (key == server.key()) is (right == typed)


@pytest.mark.parametrize("multiple", [0, 1, 2])
def test_an_a_that_is_zero_modulo_n_is_refused(multiple: int) -> None:
    with pytest.raises(srp.PublicValueError):
        srp.Server(verifier=5, public_a=multiple * srp.N)
