r"""aws-chunked framing: ``feed(bytes)`` -> events. Knows sizes and line ends, nothing of signatures' meaning.

The wire format (AWS "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks"
and "... Including Trailing Headers")::

    chunk    = size [";chunk-signature=" 64HEX] CRLF  size*BYTE  CRLF
    final    = "0"  [";chunk-signature=" 64HEX] CRLF  ( CRLF | trailer )
    trailer  = *( name ":" value EOL )  ["x-amz-trailer-signature:" 64HEX EOL]  CRLF
    EOL      = CRLF | LF [CRLF]

Signatures are there in the two signed modes and absent in ``STREAMING-UNSIGNED-PAYLOAD-TRAILER``, whose trailer may be
empty; a signed one is not. The second form of
EOL is what minio-go writes: ``name:value\n\r\n``. Size is hex in either case, leading zeros allowed. After the end
nothing may follow: bytes there would be read by one server and ignored by another.

The reader holds at most one unfinished line; data is passed on as it comes.
"""

import re
from dataclasses import dataclass, field
from enum import Enum, auto

from s3gateway import errors
from s3gateway.sigv4.model import Signature

MAX_CHUNK_HEADER = 128
"""Bytes in ``size;chunk-signature=...``: 16 + 17 + 64 and the line end; longer is not a chunk header."""

MAX_TRAILER = 8 * 1024
"""Bytes in the whole trailer; AWS allows one checksum, so this is generous and still bounds memory."""

TRAILER_SIGNATURE = b"x-amz-trailer-signature"

_SIGNED_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})")
_UNSIGNED_HEADER = re.compile(rb"([0-9A-Fa-f]{1,16})")
_TRAILER_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):(.*)", re.DOTALL)
_SIGNATURE = re.compile(rb"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ChunkStart:
    """A chunk header: ``size`` in bytes, ``text`` as written by the client, ``signature`` in the signed modes."""

    size: int
    text: bytes
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class ChunkData:
    """Some of the current chunk's data, in order."""

    data: bytes | memoryview


@dataclass(frozen=True, slots=True)
class ChunkEnd:
    """The current chunk is complete; for the final chunk, its line end has been read."""


@dataclass(frozen=True, slots=True)
class Trailer:
    """The whole trailer: (lower-case name, value) pairs, its bytes, and where the signature's digits stand in them.

    In ``raw`` too names and values are as they are signed, because MinIO hashes the lines as they come, and takes a
    checksum with a space in front for another one. For the length's sake that white space follows where it is trimmed.
    """

    fields: tuple[tuple[bytes, bytes], ...]
    raw: bytes = field(repr=False)  # the signature
    signature: Signature | None
    signature_at: int


Event = ChunkStart | ChunkData | ChunkEnd | Trailer


class _State(Enum):
    HEADER = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkReader:
    """Reads one aws-chunked body. ``signed`` and ``trailer`` come from the payload mode; sizes are in bytes."""

    def __init__(self, *, signed: bool, trailer: bool, max_chunk: int, max_trailer: int = MAX_TRAILER) -> None:
        self._signed = signed
        self._trailer = trailer
        self._max_chunk = max_chunk
        self._max_trailer = max_trailer
        self._state = _State.HEADER
        self._line = bytearray()
        self._remaining = 0
        self._final = False
        self._trailer_raw = bytearray()
        self._trailer_fields: list[tuple[bytes, bytes]] = []
        self._trailer_signature: tuple[Signature, int] | None = None
        self._bare_lf = False
        self._trimmed = b""

    @property
    def done(self) -> bool:
        """Whether the body is complete: final chunk, trailer if the mode has one, and its line end."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[Event]:
        """Read on; raise :class:`~s3gateway.errors.S3Error` at the first byte that does not fit the grammar."""
        events: list[Event] = []
        view = memoryview(data)
        at = 0
        while at < len(data):
            if self._state is _State.DATA:
                piece = view[at : at + self._remaining]
                at += len(piece)
                self._remaining -= len(piece)
                events.append(ChunkData(piece))
                if not self._remaining:
                    self._state = _State.DATA_END
                continue
            if self._state is _State.DONE:
                raise errors.incomplete_body("The request body continued after its final chunk")
            end = data.find(b"\n", at)
            self._line += view[at : end + 1 if end >= 0 else len(data)]
            at = end + 1 if end >= 0 else len(data)
            self._check_line_length()
            if end >= 0:
                line = bytes(self._line)
                self._line.clear()
                self._on_line(line, events)
        return events

    def _check_line_length(self) -> None:
        limit = {_State.HEADER: MAX_CHUNK_HEADER, _State.DATA_END: 2}.get(self._state)
        length = len(self._line)
        if limit is None:
            limit, length = self._max_trailer, length + len(self._trailer_raw) + len(self._trimmed)
        if length > limit:
            raise errors.incomplete_body()

    def _on_line(self, line: bytes, events: list[Event]) -> None:
        """Handle one whole line, line feed included."""
        if self._state is _State.HEADER:
            self._on_header(line, events)
        elif self._state is _State.DATA_END:
            if line != b"\r\n":
                raise errors.incomplete_body()
            events.append(ChunkEnd())
            self._state = _State.DONE if self._final else _State.HEADER
        else:
            self._on_trailer_line(line, events)

    def _on_header(self, line: bytes, events: list[Event]) -> None:
        match = (_SIGNED_HEADER if self._signed else _UNSIGNED_HEADER).fullmatch(line, 0, len(line) - 2)
        if match is None or not line.endswith(b"\r\n"):
            raise errors.incomplete_body()
        size = int(match[1], 16)
        if size > self._max_chunk:
            raise errors.large_chunk(self._max_chunk)
        events.append(ChunkStart(size, match[1], Signature(match[2].decode()) if self._signed else None))
        self._remaining = size
        self._final = size == 0
        if size:
            self._state = _State.DATA
        elif self._trailer:
            events.append(ChunkEnd())
            self._state = _State.TRAILER
        else:
            self._state = _State.DATA_END

    def _on_trailer_line(self, line: bytes, events: list[Event]) -> None:
        if line == b"\r\n":
            self._trailer_raw += line
            if self._bare_lf:
                self._bare_lf = False  # the second half of minio-go's line end
            else:
                self._on_trailer_end(events)
            return
        self._bare_lf = not line.endswith(b"\r\n")
        content = line[:-1] if self._bare_lf else line[:-2]
        match = _TRAILER_LINE.fullmatch(content)
        if match is None or self._trailer_signature is not None or b"\r" in content or b"\0" in content:
            raise errors.malformed_trailer()
        name, value = match[1].lower(), match[2].strip(b" \t")  # a pattern for this takes a line's length squared
        space = b" " * (len(content) - len(name) - 1 - len(value))
        if name == TRAILER_SIGNATURE:
            if not self._signed or not self._trailer_fields or not _SIGNATURE.fullmatch(value):
                raise errors.malformed_trailer()
            start, self._trimmed = name + b":" + self._trimmed + space, b""
            self._trailer_signature = Signature(value.decode()), len(self._trailer_raw) + len(start)
            self._trailer_raw += start + value
        else:
            self._trailer_fields.append((name, value))
            self._trailer_raw += name + b":" + value
            if self._signed:
                self._trimmed += space
            else:
                self._trailer_raw += space
        self._trailer_raw += line[len(content) :]

    def _on_trailer_end(self, events: list[Event]) -> None:
        if self._signed is not (self._trailer_signature is not None):
            raise errors.malformed_trailer()
        signature, at = self._trailer_signature or (None, 0)
        events.append(Trailer(tuple(self._trailer_fields), bytes(self._trailer_raw), signature, at))
        self._state = _State.DONE
