"""Signed or announced, an aws-chunked body is held to it here, whichever way its chunks leave afterwards."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from s3gateway import errors
from s3gateway.bodies.announced import Announced
from s3gateway.bodies.whole import Piece
from s3gateway.sigv4.chunk_reader import ChunkStart, Trailer
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import Signature

_EXPLAINED = 1024 * 1024
"""Bytes of a chunk that are kept when its signature is wrong, so that it can be said why; SDKs send less."""


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


class VerifiedChunks:
    """The client's side of a body: its sizes, its chain of signatures, and which chunk was at fault.

    ``inbound`` is None where chunks have no signature. ``bad_signature`` is there for whoever explains it.
    """

    def __init__(self, announced: Announced, inbound: ChunkChain | None, min_chunk: int) -> None:
        self.verified = Tally()
        self.bad_signature: BadSignature | None = None
        self._inbound = inbound
        self._checksum = announced.checksum
        self._sizes = Sizes(announced.decoded, min_chunk if inbound else 0)
        self._start = ChunkStart(0, b"0", None)
        self._before: tuple[Signature, ...] = ()
        self._is_sound = True

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
        return None if self._is_sound or ended else self.chunks + 1

    def _check_sound(self) -> None:
        """After a fault nothing more leaves, whatever is still held."""
        if not self._is_sound:
            raise errors.incomplete_body()

    def _begin(self, start: ChunkStart) -> None:
        self._start = start
        self._sizes.begin(start.size)

    def _is_signed(self, inbound: ChunkChain, digest: str, data: Iterable[Piece] | None) -> bool:
        """Whether the chunk that has ended has the signature of its ``digest``; ``data`` is kept to explain if not."""
        start, signature = self._start, self._start.signature
        if signature is None:
            return False
        if not inbound.chunk(digest).matches(signature):
            kept = b"".join(data) if data is not None and start.size <= _EXPLAINED else None
            self.bad_signature = BadSignature(
                self.chunks + 1, signature, self._before, start.size, start.text, digest, kept
            )
            return False
        self._before = (*self._before[-1:], signature)
        return True

    def _check_trailer(self, trailer: Trailer) -> bytes:
        """Hold a trailer to its announced name, its signature and the data; give the checksum's value."""
        checksum, signature = self._checksum, trailer.signature
        if checksum is None or [name for name, _ in trailer.fields] != [checksum.name]:
            raise errors.malformed_trailer()
        if self._inbound is not None:
            if signature is None:
                raise errors.malformed_trailer()
            if not self._inbound.trailer(trailer.fields).matches(signature):
                self.bad_signature = BadSignature(
                    self.chunks + 1, signature, self._before, 0, b"", "", None, trailer.fields
                )
                raise errors.signature_does_not_match()
        return checksum.check(trailer.fields[0][1])
