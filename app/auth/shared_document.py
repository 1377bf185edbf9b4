"""The key set that a worker has fetched, for the workers that come after it.

A worker that is replaced while the keys' address is down would else know none, and refuse
everybody. The memory is the parent process's, which forks them all.
"""

import hashlib
import mmap

DOCUMENT_MAX_BYTES = 256 * 1024
_DIGEST_BYTES = hashlib.sha256().digest_size
_LENGTH_BYTES = 4


class SharedDocument:
    """A document in memory that all workers read and write, told apart by its URL.

    There is no lock, for a worker can be killed with it: what is not whole is none.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, _DIGEST_BYTES + _LENGTH_BYTES + DOCUMENT_MAX_BYTES)

    def put(self, url: str, body: bytes) -> None:
        """Keep `body`, of `DOCUMENT_MAX_BYTES` at most, in place of what was there."""
        length = len(body).to_bytes(_LENGTH_BYTES, "big")
        content = _digest(url, body) + length + body
        self._memory[: len(content)] = content

    def get(self, url: str) -> bytes | None:
        """What was last put there for `url`."""
        content = self._memory[:]
        digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        length = int.from_bytes(rest[:_LENGTH_BYTES], "big")
        body = rest[_LENGTH_BYTES : _LENGTH_BYTES + length]
        return body if digest == _digest(url, body) else None


def _digest(url: str, body: bytes) -> bytes:
    return hashlib.sha256(url.encode() + b"\n" + body).digest()


BETWEEN_WORKERS = SharedDocument()
"""Made when gunicorn's parent process imports this, before it forks."""
