"""Device secrets made here. That clients sign in with them: tests/e2e/test_tracking.py."""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st
from pycognito import aws_srp

from app.domain.device_secret import secret_verifier

GROUP_KEY = "-Qh7Zk2pLx"
DEVICE_KEY = "eu-west-1_aaaaaaaa-1111-4111-8111-111111111111"


@settings(max_examples=20)
@given(
    group_key=st.text(max_size=30),
    device_key=st.text(max_size=55),
    password=st.text(max_size=60),
    salt=st.integers(0, 2**128 - 1),
)
def test_the_verifier_is_the_one_that_pycognito_computes(
    group_key: str, device_key: str, password: str, salt: int
) -> None:
    padded_salt = aws_srp.pad_hex(salt)
    identity = aws_srp.hash_sha256(f"{group_key}{device_key}:{password}".encode())
    x = aws_srp.hex_to_long(aws_srp.hex_hash(padded_salt + identity))
    expected = aws_srp.pad_hex(pow(2, x, int(aws_srp.N_HEX, 16)))

    made = secret_verifier(group_key, device_key, password, bytes.fromhex(padded_salt))
    assert base64.b64decode(made.password_verifier).hex() == expected.lower()
    assert base64.b64decode(made.salt).hex() == padded_salt
