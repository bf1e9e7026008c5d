"""aws-chunked bodies whose chunks the gateway makes itself: a client may write chunks that no backend takes.

Go's SDK and the CRT write a whole body, or a whole part, as one chunk. AWS takes that. MinIO takes no chunk above
16 MiB. Whether there may be such a one, and how long the new body is, follow from the head alone: from its two lengths
and from the name of the checksum that ``x-amz-trailer`` announces.
"""

from collections.abc import Iterator
from typing import Final

from s3gateway import errors
from s3gateway.bodies.announced import Announced
from s3gateway.bodies.chunked import hold
from s3gateway.bodies.verified import Tally
from s3gateway.bodies.whole import AtOnce, Piece
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.chunk_reader import (
    TRAILER_SIGNATURE,
    ChunkData,
    ChunkEnd,
    ChunkReader,
    ChunkStart,
    Event,
    Trailer,
)
from s3gateway.sigv4.model import PayloadMode, RequestHead

CHUNK: Final = 1024 * 1024
"""Bytes of data in each unsigned chunk but the last: as many as botocore writes."""

SIGNED_CHUNK: Final = 128 * 1024
"""The same in the signed modes, where a chunk is hashed before its head is written: as many as SDK v1 writes."""

_ANY: Final = 1 << 64
"""More than a chunk header can say: what is larger than the data that is still to come is refused as that."""

_SIGNATURE: Final = len(b";chunk-signature=") + 64
_LINE_END: Final = len(b"\r\n")
_LEAST_HEAD: Final = len(b"1") + _SIGNATURE + 2 * _LINE_END
"""Bytes that a signed chunk has besides its data, at least."""


def own_length(mode: PayloadMode, announced: Announced, head: RequestHead, limits: Limits) -> int | None:
    """Give the length of a body whose chunks the gateway makes; None where the client's chunks stay.

    It makes them for a body that may hold a chunk above ``limits.aws_chunk``, or to which a trailer is added.

    Where chunks are signed the two lengths tell how many there can be. Are they too few for the data, one is too large.
    """
    signed = mode is not PayloadMode.STREAMING_UNSIGNED_TRAILER
    most = _most_chunks(head, announced) if signed else 1
    if announced.decoded <= most * limits.aws_chunk and not announced.adds_trailer:
        return None
    return _length(announced, signed=signed)


def _most_chunks(head: RequestHead, announced: Announced) -> int:
    """How many chunks of data a signed body of these lengths can have."""
    length = head.first(b"content-length")
    if length is None or not length.isdigit():
        return _ANY  # HTTP chunks frame it: nobody can tell
    around = int(length) - announced.decoded - _end(announced, signed=True)
    if around < _LEAST_HEAD:
        return _ANY  # no body has these lengths
    return around // _LEAST_HEAD


def _length(announced: Announced, *, signed: bool) -> int:
    chunk = SIGNED_CHUNK if signed else CHUNK
    full, rest = divmod(announced.decoded, chunk)
    each = _SIGNATURE if signed else 0
    size = full * (_framed(chunk) + each) + (_framed(rest) + each if rest else 0)
    return size + _end(announced, signed=signed)


def _framed(size: int) -> int:
    return len(b"%x" % size) + _LINE_END + size + _LINE_END


def _end(announced: Announced, *, signed: bool) -> int:
    """Bytes of the final chunk and of the trailer."""
    checksum, size = announced.checksum, len(b"0") + _LINE_END + _LINE_END
    if checksum:
        size += len(checksum.name) + len(b":") + checksum.length + _LINE_END
    if signed:
        size += _SIGNATURE + (len(TRAILER_SIGNATURE) + len(b":") + 64 + _LINE_END if checksum else 0)
    return size


def reader_of(announced: Announced, limits: Limits, *, signed: bool) -> ChunkReader:
    """Give a reader that takes a chunk of any size."""
    return ChunkReader(
        signed=signed, trailer=announced.checksum is not None, max_chunk=_ANY, max_trailer=limits.trailer
    )


class OwnChunks(AtOnce):
    """Takes unsigned chunks apart, checks the checksum, and frames the data anew. No chunk is held in memory."""

    def __init__(self, announced: Announced, limits: Limits) -> None:
        self.verified = Tally()
        self._reader = reader_of(announced, limits, signed=False)
        self._checksum = announced.checksum
        self._adds_trailer = announced.adds_trailer
        self._left = announced.decoded  # that the client has not sent
        self._unframed = announced.decoded  # that is in no chunk of ours yet
        self._room = 0  # in our chunk
        self._size = 0  # of the client's chunk
        self._is_sound = True
        self._last: list[Piece] = []

    @property
    def chunks(self) -> int:
        """How many of the client's chunks were taken."""
        return self.verified.count

    @property
    def bad_chunk(self) -> int | None:
        """No chunk has a signature that could be bad."""
        return None

    def feed(self, data: bytes) -> list[Piece]:
        """Give the data in new chunks; what completes it stays here."""
        self._check_sound()
        self._is_sound = False  # until all of this read is
        ready: list[Piece] = []
        for event in self._reader.feed(data):
            self._on_event(event, ready)
        self._is_sound = True
        return ready

    def finish(self) -> list[Piece]:
        """Give what was held back; the end is one piece."""
        self._check_sound()
        if not self._reader.done:
            self._is_sound = False
            raise errors.incomplete_body()
        return [b"".join(self._last)]

    def poison(self) -> Iterator[Piece] | None:
        """Cutting the connection suffices."""
        return None

    def drop(self) -> None:
        """Let go of every byte."""
        self._is_sound = False
        self._last.clear()

    def _check_sound(self) -> None:
        if not self._is_sound:
            raise errors.incomplete_body()

    def _on_event(self, event: Event, ready: list[Piece]) -> None:
        match event:
            case ChunkStart(size):
                if size > self._left or (size == 0 and self._left):
                    raise errors.wrong_length()
                self._size = size
            case ChunkData(data):
                self._left -= len(data)
                if self._checksum:
                    self._checksum.update(data)
                # A backend may commit once it has all data: what completes it waits for the checksum.
                self._frame(memoryview(data), ready if self._left else self._last)
            case ChunkEnd():
                self.verified.add(self._size)
                if self._size == 0:
                    self._last.append(b"0\r\n" if self._checksum else b"0\r\n\r\n")
            case Trailer(fields):
                self._on_trailer(fields)

    def _frame(self, data: memoryview, out: list[Piece]) -> None:
        while data:
            if not self._room:
                self._room = min(CHUNK, self._unframed)
                self._unframed -= self._room
                out.append(b"%x\r\n" % self._room)
            piece, data = data[: self._room], data[self._room :]
            hold(out, piece)
            self._room -= len(piece)
            if not self._room:
                out.append(b"\r\n")

    def _on_trailer(self, fields: tuple[tuple[bytes, bytes], ...]) -> None:
        checksum = self._checksum
        if checksum is not None and self._adds_trailer and not fields:
            self._last.append(b"%b:%b\r\n\r\n" % (checksum.name, checksum.value()))
            return
        if checksum is None or self._adds_trailer or [name for name, _ in fields] != [checksum.name]:
            raise errors.malformed_trailer()
        self._last.append(b"%b:%b\r\n\r\n" % (checksum.name, checksum.check(fields[0][1])))
