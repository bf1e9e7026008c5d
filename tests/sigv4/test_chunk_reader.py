"""The framing alone: what it reads, what it refuses, and how much it remembers."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.errors import S3Error
from s3gateway.sigv4.chunk_reader import MAX_TRAILER, ChunkData, ChunkEnd, ChunkReader, ChunkStart, Trailer
from tests.real.waiting import ends
from tests.sigv4 import streams
from tests.sigv4.aws import STREAMING_UNSIGNED_TRAILER
from tests.sigv4.streams import CRC32C, Stream

MAX_CHUNK = 1 << 20
HEADER = b"3;chunk-signature=" + b"a" * 64


def reader_of(stream: Stream) -> ChunkReader:
    return ChunkReader(
        signed=stream.mode != STREAMING_UNSIGNED_TRAILER, trailer=stream.has_trailer, max_chunk=MAX_CHUNK
    )


def signed_reader() -> ChunkReader:
    return ChunkReader(signed=True, trailer=False, max_chunk=MAX_CHUNK)


def unsigned_reader() -> ChunkReader:
    return ChunkReader(signed=False, trailer=True, max_chunk=MAX_CHUNK)


def refusal(reader: ChunkReader, body: bytes) -> tuple[int, str]:
    with pytest.raises(S3Error) as raised:
        reader.feed(body)
    return raised.value.status, raised.value.code


@pytest.mark.parametrize("stream", streams.FRAMED, ids=lambda stream: stream.name)
def test_events(stream: Stream) -> None:
    """A body is a series of chunks, each start, data, end, and the trailer if there is one."""
    reader = reader_of(stream)
    events = reader.feed(stream.body)
    kinds: list[type] = []
    for frame in stream.frames[: len(stream.frames) - stream.has_trailer]:
        size = int(frame.partition(b"\r\n")[0].partition(b";")[0], 16)
        kinds += [ChunkStart, ChunkData, ChunkEnd] if size else [ChunkStart, ChunkEnd]
    assert [type(event) for event in events] == kinds + [Trailer] * stream.has_trailer
    assert b"".join(bytes(event.data) for event in events if isinstance(event, ChunkData)) == stream.data
    assert reader.done


@pytest.mark.parametrize("stream", [s for s in streams.FRAMED if s.trailer], ids=lambda stream: stream.name)
def test_a_trailers_parts(stream: Stream) -> None:
    """A trailer gives its fields, its bytes as they came, and the place of the signature's digits in them."""
    trailer = reader_of(stream).feed(stream.body)[-1]
    assert isinstance(trailer, Trailer)
    assert (list(trailer.fields), trailer.raw) == (list(stream.trailer), stream.frames[-1])
    if trailer.signature:
        assert trailer.raw[trailer.signature_at :][:64].decode() == trailer.signature.hex


def test_a_trailers_names_are_lower_case() -> None:
    """Names may be written in any case, and leave in lower case; values lose the white space around them."""
    trailer = unsigned_reader().feed(b"0\r\nX-Amz-Checksum-CRC32: \tAAA \r\n\r\n")[-1]
    assert isinstance(trailer, Trailer)
    assert trailer.fields == ((b"x-amz-checksum-crc32", b"AAA"),)
    assert trailer.raw == b"x-amz-checksum-crc32:AAA   \r\n\r\n"


def test_a_signed_trailers_white_space() -> None:
    """MinIO hashes the lines as they come, and trims the signature: the length stays, and the lines are as signed."""
    reader = ChunkReader(signed=True, trailer=True, max_chunk=MAX_CHUNK)
    lines = (
        b"0;chunk-signature=" + b"a" * 64,
        b"X-Amz-A:\t1 ",
        b"b: 2",
        b"X-Amz-Trailer-Signature:\t" + b"b" * 64,
        b"",
    )
    trailer = reader.feed(b"".join(line + b"\r\n" for line in lines))[-1]
    assert isinstance(trailer, Trailer)
    assert trailer.fields == ((b"x-amz-a", b"1"), (b"b", b"2"))
    assert trailer.raw == b"x-amz-a:1\r\nb:2\r\nx-amz-trailer-signature:    " + b"b" * 64 + b"\r\n\r\n"
    assert trailer.raw[trailer.signature_at :][:64] == b"b" * 64


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n",
        b"3\r\n",
        b"3;chunk-signature=\r\n",
        b"3;chunk-signature=" + b"a" * 63 + b"\r\n",
        b"3;chunk-signature=" + b"a" * 65 + b"\r\n",
        b"3;chunk-signature=" + b"A" * 64 + b"\r\n",
        b"3;chunk-signature=" + b"g" * 64 + b"\r\n",
        b"3;Chunk-Signature=" + b"a" * 64 + b"\r\n",
        b"3; chunk-signature=" + b"a" * 64 + b"\r\n",
        b"3;chunk-signature=" + b"a" * 64 + b";x=y\r\n",
        b"3;x=y;chunk-signature=" + b"a" * 64 + b"\r\n",
        b";chunk-signature=" + b"a" * 64 + b"\r\n",
        b"-3;chunk-signature=" + b"a" * 64 + b"\r\n",
        b"+3;chunk-signature=" + b"a" * 64 + b"\r\n",
        b"0x3;chunk-signature=" + b"a" * 64 + b"\r\n",
        b" 3;chunk-signature=" + b"a" * 64 + b"\r\n",
        b"3_0;chunk-signature=" + b"a" * 64 + b"\r\n",
        b"0" * 17 + b";chunk-signature=" + b"a" * 64 + b"\r\n",
        HEADER + b"\n",
        HEADER + b"\r\r\n",
        HEADER + b"\r\nabc\n",
        HEADER + b"\r\nabcd\r\n",
        HEADER + b"\r\nab\r\n\r\n",
        HEADER + b"\r\nabc\r\r\n",
        b"\n",
        b"a" * 129,
    ],
)
def test_framing_faults(body: bytes) -> None:
    """A chunk header or line end that is not the grammar's is IncompleteBody, at once."""
    assert refusal(signed_reader(), body) == (400, "IncompleteBody")


@pytest.mark.parametrize("size", [b"100001", b"ffffffff", b"ffffffffffffffff", b"8000000000000000"])
def test_false_sizes(size: bytes) -> None:
    """A size that would overflow somewhere, or is merely too large, is refused by its header."""
    assert refusal(signed_reader(), size + HEADER[1:] + b"\r\n") == (400, "EntityTooLarge")


def test_a_signature_in_the_unsigned_mode() -> None:
    """What nobody checks must not look checked."""
    assert refusal(unsigned_reader(), HEADER + b"\r\n") == (400, "IncompleteBody")


@pytest.mark.parametrize(
    "lines",
    [
        b"\n\r\n",
        b"no-colon\r\n",
        b":no-name\r\n",
        b"a b:c\r\n",
        b" a:b\r\n",
        b"a :b\r\n",
        b"a:b\rc\r\n",
        b"a:b\0\r\n",
        b"a:b\r\r\n",
        b"x-amz-trailer-signature:" + b"a" * 64 + b"\r\n",
    ],
)
def test_trailer_faults(lines: bytes) -> None:
    """A trailer line that is no field is MalformedTrailerError, at once."""
    assert refusal(unsigned_reader(), b"0\r\n" + lines) == (400, "MalformedTrailerError")


def test_a_signed_trailer_is_not_empty() -> None:
    """It has a signature at least, and that signs something."""
    reader = ChunkReader(signed=True, trailer=True, max_chunk=MAX_CHUNK)
    final = b"0;chunk-signature=" + b"a" * 64 + b"\r\n"
    assert refusal(reader, final + b"\r\n") == (400, "MalformedTrailerError")


def test_a_trailer_is_bounded() -> None:
    """A trailer that does not end is refused, be it one line or many."""
    for line in (b"a:" + b"b" * MAX_TRAILER, b"a:b\r\n" * MAX_TRAILER):
        assert refusal(unsigned_reader(), b"0\r\n" + line) == (400, "IncompleteBody")


def test_a_trailers_white_space_is_bounded() -> None:
    """What is kept of it until the signature comes counts as well."""
    reader = ChunkReader(signed=True, trailer=True, max_chunk=MAX_CHUNK)
    lines = (b"a:" + b" " * 1000 + b"\r\n") * (MAX_TRAILER // 1000 + 1)
    assert refusal(reader, b"0;chunk-signature=" + b"a" * 64 + b"\r\n" + lines) == (400, "IncompleteBody")


def test_a_trailers_white_space_takes_no_time() -> None:
    """Each byte of a line is looked at a bounded number of times, as the limit is the operator's."""
    value = b"a" + b" " * 2_500_000 + b"b"
    reader = ChunkReader(signed=False, trailer=True, max_chunk=MAX_CHUNK, max_trailer=3_000_000)
    with ends():
        (*_, trailer) = reader.feed(b"0\r\nx-amz-checksum-crc32:\t " + value + b" \t\r\n\r\n")
    assert isinstance(trailer, Trailer)
    assert trailer.fields == ((b"x-amz-checksum-crc32", value),)


def test_nothing_follows_the_end() -> None:
    """One byte after the end is one too many, in the same read or a later one."""
    body = b"0;chunk-signature=" + b"a" * 64 + b"\r\n\r\n"
    assert refusal(signed_reader(), body + b"\n") == (400, "IncompleteBody")
    reader = signed_reader()
    reader.feed(body)
    reader.feed(b"")
    assert refusal(reader, b"\n") == (400, "IncompleteBody")


_tokens = (
    b"0",
    b"3",
    b"A",
    HEADER,
    b"0" + HEADER[1:],
    b"\r\n",
    b"\n",
    b"\r",
    b"abc",
    b":",
    CRC32C,
    b"sOO8/Q==",
    b"x-amz-trailer-signature:",
)
_words = st.sampled_from(_tokens)
_pieces = st.lists(st.one_of(_words, st.binary(max_size=40)), max_size=30)
_readers = st.builds(ChunkReader, signed=st.booleans(), trailer=st.booleans(), max_chunk=st.just(1000))


@given(_readers, _pieces)
def test_any_bytes_lead_to_events_or_one_refusal(reader: ChunkReader, pieces: list[bytes]) -> None:
    """Invariant: any bytes whatever give events or an S3Error, and no more than a line or a trailer is remembered."""
    with suppress(S3Error):
        for piece in pieces:
            reader.feed(piece)
            assert len(reader._line) + len(reader._trailer_raw) <= MAX_TRAILER


@given(_readers, _pieces, st.integers(1, 7))
def test_reads_do_not_show(reader: ChunkReader, pieces: list[bytes], size: int) -> None:
    """Invariant: the same bytes in other reads are the same chunks and the same refusal."""
    body = b"".join(pieces)
    other = ChunkReader(signed=reader._signed, trailer=reader._trailer, max_chunk=1000)
    assert _heard(reader, [body]) == _heard(other, list(streams.reads(body, size)))


def _heard(reader: ChunkReader, reads: list[bytes]) -> tuple[str, bool]:
    code = ""
    try:
        for data in reads:
            reader.feed(data)
    except S3Error as error:
        code = error.code
    return code, reader.done


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.integers(1, 60))
def test_what_was_framed_is_read(chunks: list[bytes], size: int) -> None:
    """Invariant: the data of a well-formed body comes out, in any reads, and the reader knows that it ended."""
    stream = streams.unsigned("any", chunks)
    reader = reader_of(stream)
    events = [event for data in streams.reads(stream.body, size) for event in reader.feed(data)]
    assert b"".join(bytes(event.data) for event in events if isinstance(event, ChunkData)) == b"".join(chunks)
    assert reader.done
