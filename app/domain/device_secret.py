"""Secure Remote Password verifiers for devices.

When a frontend has no SRP library, the service makes the device's secret for it. A later sign-in
proves that secret by DEVICE_SRP_AUTH, so the verifier must be the one that Cognito's clients
compute: v = g^x mod N over the 3072-bit group, x = SHA-256(salt | SHA-256(group key, device key,
":", password)), numbers as big-endian two's complement.

Sources: RFC 5054 (SRP, appendix A: the group), RFC 3526 section 5 (its prime), and how
amazon-cognito-identity-js and pycognito confirm a device.
"""

import base64
import hashlib
import secrets

from app.domain.devices import SecretVerifier

GENERATOR = 2
PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E34"
    "04DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6"
    "F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A6916"
    "3FA8FD24CF5F83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C"
    "32905E462E36CE3BE39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA95"
    "6AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA7157"
    "5D060C7DB3970F85A6E1E4C7ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D876"
    "02733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E"
    "4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)

PASSWORD_BYTES = 40
SALT_BYTES = 16


def make_device_secret(device_group_key: str, device_key: str) -> tuple[str, SecretVerifier]:
    """A fresh device password (base64 of 320 random bits) and the verifier to confirm it with."""
    password = base64.b64encode(secrets.token_bytes(PASSWORD_BYTES)).decode()
    salt = _signed_bytes(int.from_bytes(secrets.token_bytes(SALT_BYTES)))
    return password, secret_verifier(device_group_key, device_key, password, salt)


def secret_verifier(
    device_group_key: str, device_key: str, password: str, salt: bytes
) -> SecretVerifier:
    """The verifier of `password` for one device of one pool."""
    identity = hashlib.sha256(f"{device_group_key}{device_key}:{password}".encode()).digest()
    x = int.from_bytes(hashlib.sha256(salt + identity).digest())
    verifier = pow(GENERATOR, x, PRIME)
    return SecretVerifier(
        password_verifier=base64.b64encode(_signed_bytes(verifier)).decode(),
        salt=base64.b64encode(salt).decode(),
    )


def _signed_bytes(number: int) -> bytes:
    """Big-endian two's complement, shortest form: clients are made after Java's BigInteger."""
    return number.to_bytes(number.bit_length() // 8 + 1)
