"""Signed aws-chunks too large for memory: each goes to a spool, is verified there, and leaves in the gateway's chunks.

No byte of a chunk leaves before its signature was found to be right, so all of it has to be somewhere.
"""

from collections import deque
from collections.abc import Iterator
from hashlib import sha256
from typing import Protocol

from s3gateway import errors
from s3gateway.bodies.announced import Announced
from s3gateway.bodies.own_chunks import SIGNED_CHUNK, reader_of
from s3gateway.bodies.verified import VerifiedChunks
from s3gateway.bodies.whole import Piece
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.chunk_reader import TRAILER_SIGNATURE, ChunkData, ChunkEnd, ChunkStart, Event, Trailer
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import EMPTY_SHA256


class Stored(Protocol):
    """One chunk in the spool."""

    def write(self, data: bytes | memoryview) -> None:
        """Add some of it."""

    def read(self, size: int) -> bytes:
        """Give the next bytes of it, in order, at most ``size``; none when all were given."""

    def close(self) -> None:
        """Forget it."""


class Spool(Protocol):
    """Room for chunks, bounded in all."""

    def take(self, size: int) -> Stored:
        """Give room for one chunk; raise :class:`~s3gateway.errors.S3Error` where there is none."""


class SpooledBody(VerifiedChunks):
    """Signed chunks in, signed chunks of another size out. The last of the data leaves with ``finish`` only."""

    def __init__(
        self, announced: Announced, chains: tuple[ChunkChain, ChunkChain], spool: Spool, limits: Limits
    ) -> None:
        self._chain, self._outbound = chains
        super().__init__(announced, self._chain, limits.aws_chunk_min)
        self._reader = reader_of(announced, limits, signed=True)
        self._spool = spool
        self._unframed = announced.decoded  # that has not left
        self._proven = 0  # bytes that were verified and have not left
        self._hash = sha256()
        self._filling: Stored | None = None
        self._full: deque[Stored] = deque()
        self._trailer = b""

    @property
    def has_more(self) -> bool:
        """Whether there is a whole chunk of ours that is not the last one."""
        return self._is_sound and self._unframed > SIGNED_CHUNK <= self._proven

    def feed(self, data: bytes) -> list[Piece]:
        """Verify; all that may leave is asked for by :meth:`more`."""
        self._check_sound()
        self._is_sound = False  # until all of this read is
        for event in self._reader.feed(data):
            self._on_event(event)
        self._is_sound = True
        return []

    def more(self) -> list[Piece]:
        """Give the next chunk, signed."""
        return self._chunk(SIGNED_CHUNK) if self.has_more else []

    def finish(self) -> list[Piece]:
        """Give the last chunk of data, the final one and the trailer, in one piece."""
        self._check_sound()
        if not self._reader.done or self._unframed != self._proven or self._proven > SIGNED_CHUNK:
            self._is_sound = False
            raise errors.incomplete_body()
        last = self._chunk(self._proven) if self._proven else []
        final = b"0;chunk-signature=%b\r\n" % self._outbound.chunk(EMPTY_SHA256).hex.encode()
        return [b"".join((*last, final, self._end(), b"\r\n"))]

    def poison(self) -> Iterator[Piece] | None:
        """Nothing of a faulty chunk has left, so cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Let go of every byte."""
        self._is_sound = False
        for stored in (*self._full, *([self._filling] if self._filling else ())):
            stored.close()
        self._full.clear()
        self._filling = None

    def _chunk(self, size: int) -> list[Piece]:
        data = b"".join(self._take(size))
        self._unframed -= len(data)
        self._proven -= len(data)
        signature = self._outbound.chunk(sha256(data).hexdigest()).hex.encode()
        return [b"%x;chunk-signature=%b\r\n" % (len(data), signature), data, b"\r\n"]

    def _take(self, size: int) -> Iterator[bytes]:
        while size:
            data = self._full[0].read(size)
            if not data:
                self._full.popleft().close()
            size -= len(data)
            yield data

    def _end(self) -> bytes:
        if self._checksum is None:
            return b""
        field = self._checksum.name, self._trailer
        return b"%b:%b\r\n%b:%b\r\n" % (*field, TRAILER_SIGNATURE, self._outbound.trailer([field]).hex.encode())

    def _on_event(self, event: Event) -> None:
        match event:
            case ChunkStart():
                self._on_start(event)
            case ChunkData(data):
                self._hash.update(data)
                if self._checksum:
                    self._checksum.update(data)
                if self._filling is not None:
                    self._filling.write(data)
            case ChunkEnd():
                self._on_end()
            case Trailer():
                self._trailer = self._check_trailer(event)

    def _on_start(self, start: ChunkStart) -> None:
        self._begin(start)
        self._hash = sha256()
        if start.size:
            self._filling = self._spool.take(start.size)

    def _on_end(self) -> None:
        if not self._is_signed(self._chain, self._hash.hexdigest(), None):
            raise errors.signature_does_not_match()
        if self._filling is not None:
            self._full.append(self._filling)
            self._filling = None
            self._proven += self._start.size
        self.verified.add(self._start.size)
