"""aws-chunked bodies: each chunk, the trailer and the checksum in it are verified before they are signed anew."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from s3gateway import errors
from s3gateway.bodies.whole import AtOnce, Piece
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.checksums import PREFIX, Checksum, announced, checksums_in
from s3gateway.sigv4.chunk_reader import ChunkData, ChunkEnd, ChunkReader, ChunkStart, Event, Trailer
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import EMPTY_SHA256, Headers, PayloadMode, RequestHead, Signature

_NO_SIGNATURE = b"0" * 64
_SMALL_READ = 4096
_GATHERED = 64 * 1024
"""Bytes of small reads that become one piece: the pieces stay few, and none grows to the size of its chunk."""

_ENDING = 16 * 1024
"""Bytes that leave in one write at the end of an upload: the final chunk, the trailer, and data before them."""

_ZEROS = bytes(64 * 1024)
_EXPLAINED = 1024 * 1024
"""Bytes of a chunk that are kept when its signature is wrong, so that it can be said why; SDKs send less."""

_OWN_TRAILER = PREFIX + b"crc64nvme"
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class BadSignature:
    """A chunk (``number`` from 1) or trailer whose signature did not match, for whoever explains it.

    ``before`` are the signatures of up to two chunks before it, the latest last; ``data`` is None if there is too much
    of it; ``trailer`` has the (name, value) pairs when it is the trailer's.
    """

    number: int
    signature: Signature
    before: tuple[Signature, ...]
    size: int
    size_text: bytes
    digest: str
    data: bytes | None = field(repr=False)
    trailer: tuple[tuple[bytes, bytes], ...] = ()


class Tally:
    """The chunks that were verified and passed on, the final one included, and their bytes of data.

    ``runs`` has (bytes, how many of that size in a row) in order: few, for clients write chunks of one size. After
    ``most`` entries it ends, and tells of fewer chunks than ``count``.
    """

    __slots__ = ("_most", "count", "data_bytes", "runs")

    def __init__(self, most: int = 32) -> None:
        self.count = 0
        self.data_bytes = 0
        self.runs: list[tuple[int, int]] = []
        self._most = most

    def add(self, size: int) -> None:
        """Count one with ``size`` bytes of data."""
        self.count += 1
        self.data_bytes += size
        if self.runs and self.runs[-1][0] == size and self._most:
            self.runs[-1] = (size, self.runs[-1][1] + 1)
        elif len(self.runs) < self._most:
            self.runs.append((size, 1))
        else:
            self._most = 0  # what is left out in the middle would make what follows wrong


class Sizes:
    """What is announced and has not begun, in bytes; each chunk of data is held to it, and to the smallest size.

    ``faulty`` is the number (from 1) of the one that is too small.
    """

    __slots__ = ("_min_chunk", "_small", "faulty", "left", "started")

    def __init__(self, decoded: int, min_chunk: int) -> None:
        self.left = decoded
        self.started = 0
        self.faulty: int | None = None
        self._min_chunk = min_chunk
        self._small: int | None = None

    def begin(self, size: int) -> None:
        """Count a chunk that begins. Raises IncompleteBody or InvalidChunkSizeError."""
        self.started += 1
        self.left -= size
        if self.left < 0 or (size == 0 and self.left):
            raise errors.wrong_length()
        if size and self._small is not None:
            self.faulty = self.started - 1
            raise errors.small_chunk(self.faulty, self._small, self._min_chunk)
        if self.left and size < self._min_chunk:
            self._small = size  # and if it is the last one, the announced length is wrong


class ChunkedBody(AtOnce):
    """aws-chunked, signed or not, with or without trailer: the client's chunk boundaries, the gateway's signatures."""

    def __init__(
        self,
        reader: ChunkReader,
        chains: tuple[ChunkChain, ChunkChain] | None,
        decoded_length: int,
        checksum: Checksum | None,
        min_chunk: int,
    ) -> None:
        self.verified = Tally()
        self.bad_signature: BadSignature | None = None
        self._before: tuple[Signature, ...] = ()
        self._reader = reader
        self._inbound = chains[0] if chains else None
        self._outbound = chains[1] if chains else None
        self._sizes = Sizes(decoded_length, min_chunk if chains else 0)
        self._checksum = checksum
        self._start = ChunkStart(0, b"0", None)
        self._sound = True
        self._pieces: list[Piece] = []
        self._ready: list[Piece] = []
        self._last: list[Piece] = []
        self._out: list[Piece] = self._ready
        self._hash = sha256()
        self._spoilt: ChunkStart | None = None

    def feed(self, data: bytes) -> list[Piece]:
        """Give every chunk that is now complete and verified; the last of the data and the final one stay here."""
        self._check_sound()
        self._sound = False  # until all of this read is
        for event in self._reader.feed(data):
            self._on_event(event)
        self._sound = True
        ready = self._ready.copy()
        self._ready.clear()
        return ready

    def finish(self) -> list[Piece]:
        """Give what was held back; its end is one piece, so that one write carries it (a cut trailer stalls MinIO)."""
        self._check_sound()
        if not self._reader.done:
            self._sound = False
            raise errors.incomplete_body()
        last, size, at = self._last, 0, len(self._last)
        while at and size < _ENDING:
            at -= 1
            size += len(last[at])
        return [*last[:at], b"".join(last[at:])]

    def drop(self) -> None:
        """Let go of every byte, and of the views of what was read."""
        self._sound = False
        for kept in (self._pieces, self._ready, self._last):
            kept.clear()

    @property
    def chunks(self) -> int:
        """How many were verified."""
        return self.verified.count

    @property
    def bad_chunk(self) -> int | None:
        """Number (from 1) of the chunk that was at fault; None while none is, or if it is what follows the last one."""
        if self._sizes.faulty is not None:
            return self._sizes.faulty
        ended = self.chunks and self.chunks == self._sizes.started and self._start.size == 0
        return None if self._sound or ended else self.chunks + 1

    def poison(self) -> Iterator[Piece] | None:
        """Give the faulty chunk's frame with zeroed data and an impossible signature; None for other faults.

        Before it stand the chunks of the same read that were verified, so that the frame is where it belongs.
        """
        if self._spoilt is None:
            return None
        ready = self._ready.copy()
        self._ready.clear()
        return _frame(ready, self._spoilt)

    def _check_sound(self) -> None:
        """After a fault nothing more leaves, whatever is still held."""
        if not self._sound:
            raise errors.incomplete_body()

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
        self._start = start
        self._sizes.begin(start.size)
        # A backend may commit once it has all data, final chunk or not (MinIO does): the last of it waits.
        self._out = self._ready if self._sizes.left else self._last
        if self._inbound:
            self._hash = sha256()
        else:
            self._out.append(start.text + b"\r\n")

    def _on_chunk_end(self) -> None:
        final = self._start.size == 0
        if self._inbound and self._outbound and self._start.signature:
            digest = EMPTY_SHA256 if final else self._hash.hexdigest()
            if not self._inbound.chunk(digest).matches(self._start.signature):
                self.bad_signature = self._bad_chunk(self._start.signature, digest)
                self._spoil(final=final)
                raise errors.signature_does_not_match()
            self._before = (*self._before[-1:], self._start.signature)
            head = b"%b;chunk-signature=%b\r\n" % (self._start.text, self._outbound.chunk(digest).hex.encode())
            self._out.extend((head, *self._pieces))
            self._pieces.clear()
        if not (final and self._checksum):
            self._out.append(b"\r\n")
        self.verified.add(self._start.size)

    def _bad_chunk(self, signature: Signature, digest: str) -> BadSignature:
        start = self._start
        data = b"".join(self._pieces) if start.size <= _EXPLAINED else None
        return BadSignature(self.chunks + 1, signature, self._before, start.size, start.text, digest, data)

    def _spoil(self, *, final: bool) -> None:
        """Keep the frame, so that Content-Length still holds; but begin no trailer that would then be cut."""
        self._pieces.clear()
        if not (final and self._checksum):
            self._spoilt = self._start

    def _on_trailer(self, trailer: Trailer) -> None:
        if self._checksum is None and not trailer.fields:
            return  # a header has the checksum; the final chunk has its line end
        if self._checksum is None or [name for name, _ in trailer.fields] != [self._checksum.name]:
            raise errors.malformed_trailer()
        raw = trailer.raw
        if self._inbound and self._outbound and trailer.signature:
            if not self._inbound.trailer(trailer.fields).matches(trailer.signature):
                self.bad_signature = BadSignature(
                    self.chunks + 1, trailer.signature, self._before, 0, b"", "", None, trailer.fields
                )
                raise errors.signature_does_not_match()
            at, signature = trailer.signature_at, self._outbound.trailer(trailer.fields).hex.encode()
            raw = raw[:at] + signature + raw[at + len(signature) :]
        self._checksum.check(trailer.fields[0][1])
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


@dataclass(frozen=True, slots=True)
class Announced:
    """What the head tells of an aws-chunked body: bytes of data in it, and the checksum in its trailer.

    With ``adds_trailer`` the upload has no checksum, though its mode has a trailer. AWS takes that, and computes this
    one itself. MinIO waits for a trailer, so the gateway adds it.
    """

    decoded: int
    checksum: Checksum | None
    adds_trailer: bool = False


def read_announced(mode: PayloadMode, head: RequestHead) -> Announced:
    """Read ``x-amz-decoded-content-length`` and ``x-amz-trailer``."""
    decoded = head.first(b"x-amz-decoded-content-length")
    if decoded is None or not _CONTENT_LENGTH.fullmatch(decoded):
        raise errors.S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    names = [name.strip().lower() for value in head.all(b"x-amz-trailer") for name in value.split(b",")]
    is_unsigned, in_head = mode is PayloadMode.STREAMING_UNSIGNED_TRAILER, checksums_in(head)
    if mode.has_trailer is not any(names) and not is_unsigned:
        raise errors.malformed_trailer()
    if is_unsigned and not any(names) and not in_head:
        return Announced(int(decoded), Checksum(_OWN_TRAILER), adds_trailer=True)
    return Announced(int(decoded), announced([name for name in names if name], in_head))


def own_trailer(told: Announced | None) -> Headers:
    """Announce the trailer that the gateway adds, if it does."""
    return ((b"X-Amz-Trailer", _OWN_TRAILER),) if told and told.adds_trailer else ()


def chunked_body(
    mode: PayloadMode, chains: tuple[ChunkChain, ChunkChain] | None, head: RequestHead, limits: Limits
) -> ChunkedBody:
    """Build the transformer of a streaming mode that keeps the client's chunks."""
    told = read_announced(mode, head)
    reader = ChunkReader(
        signed=chains is not None, trailer=mode.has_trailer, max_chunk=limits.aws_chunk, max_trailer=limits.trailer
    )
    return ChunkedBody(reader, chains, told.decoded, told.checksum, limits.aws_chunk_min)
