"""Body transformers: client bytes in, backend bytes out, nothing unverified in between.

Each has ``feed(data)`` for every read and ``finish()`` at the end of the HTTP message. Both give pieces of bytes, in
order, as they may leave, and raise :class:`~s3gateway.errors.S3Error` at the first fault. No piece is longer than a
read but the last of ``finish``, which must leave in one write. What completes an object at the backend (the last read,
or the last chunk of data with the final chunk and the trailer) leaves only from ``finish``, so a body that fails is
never whole at the backend.
Memory is bounded by one aws-chunk in the signed modes and by one read in the others. The streaming modes are in
:mod:`s3gateway.bodies.chunked`.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

from s3gateway import errors

Piece = bytes | memoryview | bytearray
"""Some bytes on their way to the backend. A view is of one read, and keeps that read in memory."""


class Body(Protocol):
    """What the wire needs of a transformer."""

    @property
    def chunks(self) -> int:
        """How many aws-chunks were verified and passed on."""

    def feed(self, data: bytes) -> list[Piece]:
        """Verify ``data`` and give what may go out now."""

    def finish(self) -> list[Piece]:
        """Verify the whole and give what completes it."""

    @property
    def has_more(self) -> bool:
        """Whether :meth:`more` gives anything now. Then it is asked before there is another ``feed``, or ``finish``."""

    def more(self) -> list[Piece]:
        """Give what may go out besides: some of what was verified, and is too much to be given at once."""

    def poison(self) -> Iterator[Piece] | None:
        """After a fault: bytes that make the backend refuse the upload for itself, made as they are asked for.

        None where the end of the connection, before the announced length, says all.
        """

    def drop(self) -> None:
        """Let go of every byte; nothing comes out any more."""


class AtOnce:
    """Of a transformer that gives what may go out as it is fed."""

    has_more = False

    def more(self) -> list[Piece]:
        """Nothing waits."""
        return []


class PlainBody(AtOnce):
    """``UNSIGNED-PAYLOAD``: nothing to verify, and HTTP's own framing says when it is whole."""

    chunks = 0
    _is_dropped = False

    def feed(self, data: bytes) -> list[Piece]:
        """Pass on."""
        return [] if self._is_dropped else [data]

    def finish(self) -> list[Piece]:
        """Nothing is held back."""
        if self._is_dropped:
            raise errors.incomplete_body()
        return []

    def poison(self) -> Iterator[Piece] | None:
        """Cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Nothing is held; what still comes is not passed on."""
        self._is_dropped = True


class HashedBody(AtOnce):
    """A hex ``x-amz-content-sha256``: the last read is held back until the hash of the whole is proven."""

    chunks = 0

    def __init__(self, claimed: str) -> None:
        self._claimed = claimed
        self._hash = sha256()
        self._held = b""
        self._is_dropped = False

    def feed(self, data: bytes) -> list[Piece]:
        """Hash on, release the read before."""
        if self._is_dropped or not data:
            return []  # it would push out the last bytes
        self._hash.update(data)
        held, self._held = self._held, data
        return [held] if held else []

    def finish(self) -> list[Piece]:
        """Release the last bytes if the hash is the one that was signed."""
        if self._is_dropped:
            raise errors.incomplete_body()
        computed = self._hash.hexdigest()
        if computed != self._claimed:
            raise errors.payload_mismatch(self._claimed, computed)
        return [self._held] if self._held else []

    def poison(self) -> Iterator[Piece] | None:
        """Cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Let go of the last read."""
        self._is_dropped = True
        self._held = b""
