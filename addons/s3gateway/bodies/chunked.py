"""aws-chunked bodies: each chunk, the trailer and the checksum in it are verified before they are signed anew."""

from collections.abc import Iterator
from hashlib import sha256

from s3gateway import errors
from s3gateway.bodies.announced import Announced
from s3gateway.bodies.verified import VerifiedChunks
from s3gateway.bodies.whole import AtOnce, Piece
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.chunk_reader import ChunkData, ChunkEnd, ChunkReader, ChunkStart, Event, Trailer
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import EMPTY_SHA256, PayloadMode

_NO_SIGNATURE = b"0" * 64
_SMALL_READ = 4096
_GATHERED = 64 * 1024
"""Bytes of small reads that become one piece: the pieces stay few, and none grows to the size of its chunk."""

_ENDING = 16 * 1024
"""Bytes that leave in one write at the end of an upload: the final chunk, the trailer, and data before them."""

_ZEROS = bytes(64 * 1024)


class ChunkedBody(VerifiedChunks, AtOnce):
    """aws-chunked, signed or not, with or without trailer: the client's chunk boundaries, the gateway's signatures."""

    def __init__(
        self,
        reader: ChunkReader,
        chains: tuple[ChunkChain, ChunkChain] | None,
        announced: Announced,
        min_chunk: int,
    ) -> None:
        super().__init__(announced, chains[0] if chains else None, min_chunk)
        self._reader = reader
        self._outbound = chains[1] if chains else None
        self._pieces: list[Piece] = []
        self._ready: list[Piece] = []
        self._last: list[Piece] = []
        self._out: list[Piece] = self._ready
        self._hash = sha256()
        self._spoilt: ChunkStart | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """Give every chunk that is now complete and verified; the last of the data and the final one stay here."""
        self._check_sound()
        self._is_sound = False  # until all of this read is
        for event in self._reader.feed(data):
            self._on_event(event)
        self._is_sound = True
        ready = self._ready.copy()
        self._ready.clear()
        return ready

    def finish(self) -> list[Piece]:
        """Give what was held back; its end is one piece, so that one write carries it (a cut trailer stalls MinIO)."""
        self._check_sound()
        if not self._reader.done:
            self._is_sound = False
            raise errors.incomplete_body()
        last, size, at = self._last, 0, len(self._last)
        while at and size < _ENDING:
            at -= 1
            size += len(last[at])
        return [*last[:at], b"".join(last[at:])]

    def drop(self) -> None:
        """Let go of every byte, and of the views of what was read."""
        self._is_sound = False
        for kept in (self._pieces, self._ready, self._last):
            kept.clear()

    def poison(self) -> Iterator[Piece] | None:
        """Give the faulty chunk's frame with zeroed data and an impossible signature; None for other faults.

        Before it stand the chunks of the same read that were verified, so that the frame is where it belongs.
        """
        if self._spoilt is None:
            return None
        ready = self._ready.copy()
        self._ready.clear()
        return _frame(ready, self._spoilt)

    def _on_event(self, event: Event) -> None:
        match event:
            case ChunkData(data):
                if self._checksum:
                    self._checksum.update(data)
                if self._inbound:
                    self._hash.update(data)
                    hold(self._pieces, data)
                else:
                    hold(self._out, data)
            case ChunkStart():
                self._on_chunk_start(event)
            case ChunkEnd():
                self._on_chunk_end()
            case Trailer():
                self._on_trailer(event)

    def _on_chunk_start(self, start: ChunkStart) -> None:
        self._begin(start)
        # A backend may commit once it has all data, final chunk or not (MinIO does): the last of it waits.
        self._out = self._ready if self._sizes.left else self._last
        if self._inbound:
            self._hash = sha256()
        else:
            self._out.append(start.text + b"\r\n")

    def _on_chunk_end(self) -> None:
        final = self._start.size == 0
        if self._inbound and self._outbound:
            digest = EMPTY_SHA256 if final else self._hash.hexdigest()
            if not self._is_signed(self._inbound, digest, self._pieces):
                self._spoil(final=final)
                raise errors.signature_does_not_match()
            head = b"%b;chunk-signature=%b\r\n" % (self._start.text, self._outbound.chunk(digest).hex.encode())
            self._out.extend((head, *self._pieces))
            self._pieces.clear()
        if not (final and self._checksum):
            self._out.append(b"\r\n")
        self.verified.add(self._start.size)

    def _spoil(self, *, final: bool) -> None:
        """Keep the frame, so that Content-Length still holds; but begin no trailer that would then be cut."""
        self._pieces.clear()
        if not (final and self._checksum):
            self._spoilt = self._start

    def _on_trailer(self, trailer: Trailer) -> None:
        if self._checksum is None and not trailer.fields:
            return  # a header has the checksum; the final chunk has its line end
        self._check_trailer(trailer)
        raw = trailer.raw
        if self._outbound:
            at, signature = trailer.signature_at, self._outbound.trailer(trailer.fields).hex.encode()
            raw = raw[:at] + signature + raw[at + len(signature) :]
        self._last.append(raw)


def hold(pieces: list[Piece], data: bytes | memoryview) -> None:
    """Add some of a chunk's data to ``pieces``; small reads are gathered, for each piece has a cost of its own."""
    last = pieces[-1] if pieces else None
    if len(data) >= _SMALL_READ:
        pieces.append(data)
    elif isinstance(last, bytearray) and len(last) < _GATHERED:
        last += data
    else:
        pieces.append(bytearray(data))


def _frame(before: list[Piece], start: ChunkStart) -> Iterator[Piece]:
    """A chunk of that size, all zeros; its data is one piece of memory, given as often as it takes."""
    yield from before
    before.clear()  # views of reads, which would live for as long as the backend takes
    yield b"%b;chunk-signature=%b\r\n" % (start.text, _NO_SIGNATURE)
    left = start.size
    while left > 0:
        yield _ZEROS[:left]
        left -= len(_ZEROS)
    yield b"\r\n"


def chunked_body(
    mode: PayloadMode, chains: tuple[ChunkChain, ChunkChain] | None, announced: Announced, limits: Limits
) -> ChunkedBody:
    """Build the transformer of a streaming mode that keeps the client's chunks."""
    reader = ChunkReader(
        signed=chains is not None, trailer=mode.has_trailer, max_chunk=limits.aws_chunk, max_trailer=limits.trailer
    )
    return ChunkedBody(reader, chains, announced, limits.aws_chunk_min)
