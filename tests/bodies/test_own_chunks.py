"""Chunks that the gateway makes itself, where a client's may be larger than a backend takes."""

import base64
import zlib
from dataclasses import replace

import pytest

from s3gateway.bodies.announced import read_announced
from s3gateway.bodies.own_chunks import CHUNK, OwnChunks, own_length
from s3gateway.errors import S3Error
from s3gateway.sigv4.model import PayloadMode, RequestHead
from tests.receiving import LIMITS, joined, passage
from tests.sigv4.streams import Stream, reads, unsigned

SMALL = replace(LIMITS, aws_chunk=10)
CRC = b"x-amz-checksum-crc32"
DATA = bytes(range(256)) * 12 * 1024


def length(mode: PayloadMode, told: RequestHead) -> int | None:
    """Of a body with this head, if its chunks are the gateway's."""
    return own_length(mode, read_announced(mode, told), told, SMALL)


def crc32(data: bytes) -> tuple[bytes, bytes]:
    return CRC, base64.b64encode(zlib.crc32(data).to_bytes(4))


def stream(*chunks: bytes, eol: bytes = b"\r\n") -> Stream:
    return unsigned("one", chunks, trailer=(crc32(b"".join(chunks)),), eol=eol)


def head(sent: Stream, *, decoded: int | None = None) -> RequestHead:
    size = len(sent.data) if decoded is None else decoded
    fields = ((b"x-amz-decoded-content-length", b"%d" % size), (b"x-amz-trailer", sent.announced))
    return RequestHead(b"PUT", b"/bucket/key", fields)


def body_of(sent: Stream, *, decoded: int | None = None) -> OwnChunks:
    told = head(sent, decoded=decoded)
    assert length(PayloadMode.STREAMING_UNSIGNED_TRAILER, told) is not None
    return OwnChunks(read_announced(PayloadMode.STREAMING_UNSIGNED_TRAILER, told), SMALL)


def length_of(sent: Stream) -> int:
    found = length(PayloadMode.STREAMING_UNSIGNED_TRAILER, head(sent))
    assert found is not None
    return found


def frames(wire: bytes) -> tuple[list[int], bytes, bytes]:
    """Sizes of the chunks, the data in them, and what follows the final one, by AWS's text."""
    sizes, data = [], b""
    while True:
        size, _, wire = wire.partition(b"\r\n")
        sizes.append(int(size, 16))
        if not sizes[-1]:
            return sizes, data, wire
        data += wire[: sizes[-1]]
        assert wire[sizes[-1] : sizes[-1] + 2] == b"\r\n"
        wire = wire[sizes[-1] + 2 :]


@pytest.mark.parametrize("size", [1 << 17, 1 << 24, 100_003])
@pytest.mark.parametrize("eol", [b"\r\n", b"\n\r\n"], ids=["aws", "minio-go"])
def test_one_chunk_becomes_many(size: int, eol: bytes) -> None:
    """The data is the client's, the sizes are the gateway's, the length is the announced one."""
    sent = stream(DATA, eol=eol)
    body = body_of(sent)
    result = passage(body, reads(sent.body, size))
    assert result.fault is None
    assert len(result.released + result.finished) == length_of(sent)
    sizes, data, end = frames(result.released + result.finished)
    assert sizes == [CHUNK] * 3 + [0]
    assert data == DATA
    assert end == b"%b:%b\r\n\r\n" % crc32(DATA)


@pytest.mark.parametrize(
    "chunks", [(b"a" * 11,), (b"abc", b"defgh", b"ijklm"), (b"a" * CHUNK, b"b"), (b"a" * (CHUNK - 1), b"bc")]
)
def test_byte_by_byte(chunks: tuple[bytes, ...]) -> None:
    """However the reads fall, and wherever the client's chunks end; the last byte of data waits for the checksum."""
    sent = stream(*chunks)
    for size in (1, 7) if len(sent.data) < 100 else (4093,):
        body = body_of(sent)
        result = passage(body, reads(sent.body, size))
        assert len(result.released + result.finished) == length_of(sent)
        assert frames(result.released + result.finished)[1] == sent.data
        assert not result.released.endswith(sent.data[-1:] + b"\r\n")
        assert body.chunks == len(chunks) + 1


def test_where_no_chunk_can_be_too_large_the_clients_stay() -> None:
    """Nothing is changed for a body within the limit."""
    sent = stream(b"a" * 10)
    assert length(PayloadMode.STREAMING_UNSIGNED_TRAILER, head(sent)) is None


@pytest.mark.parametrize(
    ("edit", "code"),
    [
        pytest.param(lambda wire: wire.replace(b"aaa", b"aba", 1), "BadDigest", id="a-byte"),
        pytest.param(lambda wire: wire[:-1], "IncompleteBody", id="cut"),
        pytest.param(lambda wire: wire + b"x", "IncompleteBody", id="junk"),
        pytest.param(lambda wire: b"140000000\r\n" + wire, "IncompleteBody", id="5-GiB"),
        pytest.param(lambda wire: wire.replace(CRC, b"x-amz-checksum-sha1"), "MalformedTrailerError", id="another"),
        pytest.param(lambda wire: wire.replace(b"b\r\n", b"c\r\n", 1), "IncompleteBody", id="size"),
    ],
)
def test_faults(edit: object, code: str) -> None:
    """Each is refused, and what completes the body has not left."""
    assert callable(edit)
    sent = stream(b"a" * 11)
    wire = edit(sent.body)
    for size in (1, 1 << 16):
        body = body_of(sent)
        result = passage(body, reads(wire, size))
        assert result.code == code
        assert len(result.released) < length_of(sent) - len(b"a\r\n0\r\n")
        with pytest.raises(S3Error):
            body.finish()


@pytest.mark.parametrize("by", [-1, 1])
def test_another_length_than_announced(by: int) -> None:
    """Less or more data than the head says."""
    sent = stream(b"a" * 30)
    result = passage(body_of(sent, decoded=30 + by), reads(sent.body, 5))
    assert result.code == "IncompleteBody"


def test_nothing_is_held_but_the_last_read() -> None:
    """Whatever the size of the client's chunk."""
    sent = stream(DATA)
    body = body_of(sent)
    left = len(sent.body)
    for data in reads(sent.body, 1 << 16):
        left -= len(data)
        released = len(joined(body.feed(data)))
        if left > 1 << 17:
            assert abs(released - len(data)) < 100
