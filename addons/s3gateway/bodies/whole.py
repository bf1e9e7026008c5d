"""Body transformers: client bytes in, backend bytes out, nothing unverified in between.

Each has ``feed(data) -> bytes`` for every read and ``finish() -> bytes`` at the end of the HTTP message, and raises
:class:`~s3gateway.errors.S3Error` at the first fault. What completes an object at the backend (the last read, or the
last chunk of data with the final chunk and the trailer) leaves only from ``finish``, so a body that fails is never
whole at the backend.
Memory is bounded by one aws-chunk in the signed modes and by one read in the others. The streaming modes are in
:mod:`s3gateway.bodies.chunked`.
"""

from hashlib import sha256
from typing import Protocol

from s3gateway import errors


class Body(Protocol):
    """What the shell needs of a transformer."""

    @property
    def chunks(self) -> int:
        """How many aws-chunks were verified and passed on."""

    def feed(self, data: bytes) -> bytes:
        """Verify ``data`` and give what may go out now."""

    def finish(self) -> bytes:
        """Verify the whole and give what completes it."""

    def poison(self) -> bytes:
        """After a fault: bytes that make the backend refuse the upload even if the connection cannot be cut."""


class PlainBody:
    """``UNSIGNED-PAYLOAD``: nothing to verify, and HTTP's own framing says when it is whole."""

    chunks = 0

    def feed(self, data: bytes) -> bytes:
        """Pass on."""
        return data

    def finish(self) -> bytes:
        """Nothing is held back."""
        return b""

    def poison(self) -> bytes:
        """Cutting the connection before the announced length suffices."""
        return b""


class HashedBody:
    """A hex ``x-amz-content-sha256``: the last read is held back until the hash of the whole is proven."""

    chunks = 0

    def __init__(self, claimed: str) -> None:
        self._claimed = claimed
        self._hash = sha256()
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Hash on, release the read before."""
        if not data:
            return b""  # it would push out the last bytes
        self._hash.update(data)
        held, self._held = self._held, data
        return held

    def finish(self) -> bytes:
        """Release the last bytes if the hash is the one that was signed."""
        computed = self._hash.hexdigest()
        if computed != self._claimed:
            raise errors.payload_mismatch(self._claimed, computed)
        return self._held

    def poison(self) -> bytes:
        """Cutting the connection before the announced length suffices."""
        return b""
