"""The framing reader under fuzzing: what one input means, and what must hold. `tests/fuzz/__main__.py` makes inputs.

Invariant: any bytes whatever lead to events or to one coded S3 error, in bounded memory, never another exception; the
same in whatever reads they come; and what was read is what was there: the events, written out, are the bytes again,
but for a trailer's letter case and white space, which are given as they are signed.

The first byte of an input is the reader's mode and the size of the reads, the rest is the body.
"""

from pathlib import Path

from s3gateway.errors import S3Error
from s3gateway.sigv4.chunk_reader import MAX_CHUNK_HEADER, ChunkData, ChunkEnd, ChunkReader, ChunkStart, Event, Trailer
from tests.sigv4 import aws, streams

VERDICTS = {"done", "more", "400 IncompleteBody", "400 EntityTooLarge", "400 MalformedTrailerError"}
MAX_CHUNK = 4096
MAX_TRAILER = 512

TOKENS = (
    *(b"\r\n", b"\n\r\n", b"0\r\n", b";chunk-signature=", b"x-amz-trailer-signature:", b"x-amz-checksum-crc32c:"),
    *(b"a" * 64, b"0" * 16, b"ffffffffffffffff", b"1000", b"1001", b"sOO8/Q=="),
)


def run(data: bytes) -> None:
    """Read one input in two ways; AssertionError, or whatever the reader raised, is a finding."""
    if not data:
        return
    mode, body = data[0], data[1:]
    pieces = _read(mode, body, (mode >> 2) + 1)
    assert pieces == _read(mode, body, len(body) or 1), "the size of the reads shows"
    assert pieces[1] in VERDICTS, pieces[1]


def _read(mode: int, body: bytes, size: int) -> tuple[bytes, str]:
    """Give the bytes that the events stand for, and the code of the refusal, or ``done`` or ``more``."""
    reader = ChunkReader(signed=bool(mode & 1), trailer=bool(mode & 2), max_chunk=MAX_CHUNK, max_trailer=MAX_TRAILER)
    writer = _Writer(trailer=bool(mode & 2))
    try:
        for at in range(0, len(body), size):
            writer.write(reader.feed(body[at : at + size]))
            assert len(reader._line) <= max(MAX_CHUNK_HEADER, MAX_TRAILER)
            assert len(reader._trailer_raw) + len(reader._trimmed) <= MAX_TRAILER
    except S3Error as error:
        return (
            b"",
            f"{error.status} {error.code}",
        )  # with the events of the read that failed, so how many there were depends on the reads
    unread = reader._trailer_raw + reader._trimmed if reader._state.name == "TRAILER" else b""
    read = writer.bytes + unread + reader._line
    assert read[: writer.exact] == body[: writer.exact], "what was read is not what was there"
    assert len(read) == len(body)
    assert _signed(read) == _signed(body), "the trailer that was read is not the one that was there"
    return writer.bytes, "done" if reader.done else "more"


def _signed(trailer: bytes) -> bytes:
    """What of a trailer's bytes is its sender's word."""
    return trailer.lower().translate(None, b" \t")


class _Writer:
    """Writes events as the grammar at the top of chunks.py has them."""

    def __init__(self, *, trailer: bool) -> None:
        self.bytes = b""
        self.exact = 0
        self._trailer = trailer
        self._size = 0
        self._left = 0

    def write(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case ChunkStart(size, text, signature):
                    assert size == int(text, 16) <= MAX_CHUNK
                    extension = b";chunk-signature=" + signature.hex.encode() if signature else b""
                    self.bytes += text + extension + b"\r\n"
                    self._size = self._left = size
                case ChunkData(data):
                    self.bytes += data
                    self._left -= len(data)
                case ChunkEnd():
                    assert self._left == 0
                    self.bytes += b"" if self._trailer and not self._size else b"\r\n"
                case Trailer():
                    assert self._trailer
                    self.bytes += event.raw
            if not isinstance(event, Trailer):
                self.exact = len(self.bytes)


SPACED = (
    b"0;chunk-signature=" + b"a" * 64 + b"\r\nX-Amz-A:\t1 \r\nb:  2\r\n"
    b"x-amz-trailer-signature: " + b"b" * 64 + b"\r\n\r\n"
)


def write_corpus(folder: Path) -> None:
    """Write the seeds: every well-formed body of the tests, in reads of one byte and of 21, and white space."""
    (folder / "spaced").write_bytes(b"\x53" + SPACED)
    for stream in streams.FRAMED:
        for reads in (0, 20):
            mode = (stream.mode != aws.STREAMING_UNSIGNED_TRAILER) | stream.has_trailer << 1 | reads << 2
            (folder / f"{stream.name}-{reads}").write_bytes(bytes((mode,)) + stream.body)
