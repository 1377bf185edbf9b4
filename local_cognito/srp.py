"""The server's half of SRP-6a, as Cognito speaks it.

Facts and where they come from:

- the protocol, ``k``, ``u``, ``x``, ``v``, ``A``, ``B`` and ``S``: RFC 5054, section 2.5 and 2.6
- the 3072-bit group: RFC 5054, appendix A (the prime is RFC 3526's group 15). RFC 5054 pairs it
  with the generator 5; Cognito's clients all use **2**
- SHA-256 in place of SHA-1, the padding of numbers (two's complement, not RFC 5054's PAD), and
  what is hashed as the identity: ``AuthenticationHelper.js`` of amazon-cognito-identity-js 6.3 and
  ``aws_srp.py`` of pycognito 2024.5, which agree
- key derivation: HKDF-SHA256, RFC 5869, ``info`` "Caldera Derived Key", 16 bytes (same two sources)
- the signature over group, identity, secret block and timestamp: the same two sources

The same scheme serves users and devices. For a user the group is the pool's name (what follows
``_`` in its id) and the identity is USER_ID_FOR_SRP; for a device they are the device group key and
the device key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

N = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF05"
    "98DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF695581718"
    "3995497CEA956AE515D2261898FA051015728E5A8AAAC42DAD33170D04507A33"
    "A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864"
    "D87602733EC86A64521F2B18177B200CBBE117577A615D6C770988C0BAD946E2"
    "08E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
G = 2
KEY_INFO = b"Caldera Derived Key"
KEY_LENGTH = 16
# RFC 5054, 2.5.3 and 2.5.4 ask for at least 256 bits of ephemeral secret.
SECRET_BITS = 256


class PublicValueError(ValueError):
    """A or u is one that RFC 5054 (2.5.4, 2.6) tells the peer to abort on: zero modulo N."""


def pad(number: int) -> bytes:
    """The number as the clients hash it: big-endian with a clear top bit (``padHex``).

    They write numbers in hexadecimal, make the length even and put ``00`` before a first digit of
    8 or more. That is the shortest two's complement form of a number that is not negative.
    """
    return number.to_bytes(number.bit_length() // 8 + 1, "big")


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def _as_int(digest: bytes) -> int:
    return int.from_bytes(digest, "big")


# RFC 5054, 2.5.3: k = H(N | g).
K = _as_int(sha256(pad(N), pad(G)))


def private_key(group: str, identity: str, password: str, salt: int) -> int:
    """x = H(salt | H(group identity ":" password)); RFC 5054 2.4 with Cognito's group before I."""
    return _as_int(sha256(pad(salt), sha256(f"{group}{identity}:{password}".encode())))


def verifier(group: str, identity: str, password: str, salt: int) -> int:
    """v = g^x mod N (RFC 5054, 2.4): what the server keeps in place of the password."""
    return pow(G, private_key(group, identity, password, salt), N)


def new_salt() -> int:
    """16 random bytes, as the clients draw for devices."""
    return secrets.randbits(128)


def new_secret() -> int:
    return secrets.randbits(SECRET_BITS) | 1 << (SECRET_BITS - 1)


def scrambler(public_a: int, public_b: int) -> int:
    """u = H(A | B) (RFC 5054, 2.6)."""
    return _as_int(sha256(pad(public_a), pad(public_b)))


def session_key(shared_secret: int, u: int) -> bytes:
    """HKDF-SHA256 (RFC 5869) of S, salted with u. 16 bytes need one round of Expand."""
    pseudo_random_key = hmac.digest(pad(u), pad(shared_secret), "sha256")
    return hmac.digest(pseudo_random_key, KEY_INFO + b"\x01", "sha256")[:KEY_LENGTH]


def signature(key: bytes, group: str, identity: str, secret_block: bytes, timestamp: str) -> bytes:
    """PASSWORD_CLAIM_SIGNATURE, before base64: proof that both sides reached the same key."""
    message = group.encode() + identity.encode() + secret_block + timestamp.encode()
    return hmac.digest(key, message, "sha256")


@dataclass(frozen=True)
class Server:
    """The server's half of one exchange: made when A arrives, used once when the proof arrives."""

    verifier: int
    public_a: int
    secret_b: int = field(default_factory=new_secret, repr=False)
    public_b: int = field(init=False)

    def __post_init__(self) -> None:
        """Raises PublicValueError when A is zero modulo N (RFC 5054, 2.5.4)."""
        if self.public_a % N == 0:
            raise PublicValueError("A is zero modulo N")
        public_b = (K * self.verifier + pow(G, self.secret_b, N)) % N
        object.__setattr__(self, "public_b", public_b)

    def key(self) -> bytes:
        """S = (A * v^u)^b mod N (RFC 5054, 2.6), then HKDF."""
        u = scrambler(self.public_a, self.public_b)
        if u == 0:
            raise PublicValueError("u is zero")
        shared = pow(self.public_a * pow(self.verifier, u, N), self.secret_b, N)
        return session_key(shared, u)
