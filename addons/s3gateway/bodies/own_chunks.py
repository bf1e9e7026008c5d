"""aws-chunked bodies without signatures whose chunks the gateway makes itself: a client may write chunks of any size.

Go's SDK and the CRT write a whole body, or a whole part, as one chunk. AWS takes that. MinIO takes no chunk above
16 MiB. How long the new body is follows from the head alone: from ``x-amz-decoded-content-length`` and from the name of
the checksum that ``x-amz-trailer`` announces.
"""

from collections.abc import Iterator
from typing import Final

from s3gateway import errors
from s3gateway.bodies.chunked import Announced, Tally, hold, read_announced
from s3gateway.bodies.whole import Piece
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.chunk_reader import ChunkData, ChunkEnd, ChunkReader, ChunkStart, Event, Trailer
from s3gateway.sigv4.model import PayloadMode, RequestHead

CHUNK: Final = 1024 * 1024
"""Bytes of data in each chunk but the last: as many as botocore writes."""

_ANY: Final = 1 << 64
"""More than a chunk header can say: what is larger than the data that is still to come is refused as that."""

_FINAL: Final = len(b"0\r\n")
_LINE_END: Final = len(b"\r\n")


def _length(announced: Announced) -> int:
    full, rest = divmod(announced.decoded, CHUNK)
    size = full * _framed(CHUNK) + (_framed(rest) if rest else 0) + _FINAL + _LINE_END
    checksum = announced.checksum
    return size + (len(checksum.name) + len(b":") + checksum.length + _LINE_END if checksum else 0)


def _framed(size: int) -> int:
    return len(b"%x" % size) + _LINE_END + size + _LINE_END


def own_chunks(mode: PayloadMode, head: RequestHead, limits: Limits) -> "OwnChunks | None":
    """Give the transformer of a body that may hold a chunk above ``limits.aws_chunk``; None where none can be."""
    if mode is not PayloadMode.STREAMING_UNSIGNED_TRAILER:
        return None
    announced = read_announced(mode, head)
    if announced.decoded <= limits.aws_chunk:
        return None
    reader = ChunkReader(
        signed=False, trailer=announced.checksum is not None, max_chunk=_ANY, max_trailer=limits.trailer
    )
    return OwnChunks(reader, announced)


class OwnChunks:
    """Takes the client's chunks apart, checks the checksum, and frames the data anew. No chunk is held in memory.

    ``length`` is how many bytes leave in all.
    """

    def __init__(self, reader: ChunkReader, announced: Announced) -> None:
        self.verified = Tally()
        self.length: Final = _length(announced)
        self._reader = reader
        self._checksum = announced.checksum
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
        if checksum is None or [name for name, _ in fields] != [checksum.name]:
            raise errors.malformed_trailer()
        self._last.append(b"%b:%b\r\n\r\n" % (checksum.name, checksum.check(fields[0][1])))
