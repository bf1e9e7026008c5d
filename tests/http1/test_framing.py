"""Bodies: where one ends, what of the bytes is body, and what is behind it; in whatever reads."""

from collections.abc import Iterable

import h11
import pytest

from s3gateway.http1.framing import (
    LAST_CHUNK,
    MAX_LINE,
    MAX_TRAILERS,
    ChunkedReader,
    LengthReader,
    Reader,
    chunk,
    reader,
)
from s3gateway.http1.head import CHUNKED, ProtocolError

BEHIND = (b"", b"x", b"\r\n", b"GET / HTTP/1.1\r\n\r\n", b"0\r\n\r\n")


def read(body: Reader, stream: bytes, size: int) -> tuple[bytes, bytes]:
    """Give the body, and what is behind it."""
    out: list[bytes] = []
    for at in range(0, len(stream), size):
        pieces = body.feed(stream[at : at + size])
        assert all(pieces)
        out += pieces
    return b"".join(out), body.rest


def sizes(stream: bytes) -> Iterable[int]:
    return range(1, len(stream) + 2)


# Length.


@pytest.mark.parametrize("data", [b"h", b"hello", b"\r\n0\r\n\r\n"])
@pytest.mark.parametrize("behind", BEHIND)
def test_a_body_of_a_length(data: bytes, behind: bytes) -> None:
    """It ends after so many bytes, and not before; what follows is the rest."""
    for size in sizes(data + behind):
        body = LengthReader(len(data))
        assert read(body, data + behind, size) == (data, behind)
        assert body.done
    body = LengthReader(len(data) + 1)
    assert (read(body, data, 2), body.done) == ((data, b""), False)


def test_a_body_of_no_length() -> None:
    """It is done before anything comes."""
    body = LengthReader(0)
    assert (body.done, body.feed(b""), body.rest) == (True, [], b"")
    assert (body.feed(b"ab"), body.feed(b"c"), body.rest) == ([], [], b"abc")


def test_the_reader_is_chosen_by_the_length() -> None:
    assert (type(reader(CHUNKED)), type(reader(0)), type(reader(7))) == (ChunkedReader, LengthReader, LengthReader)


# Chunks.

CHUNKED_BODIES: dict[bytes, bytes] = {
    b"0\r\n\r\n": b"",
    b"5\r\nhello\r\n0\r\n\r\n": b"hello",
    b"1\r\nh\r\n2\r\nel\r\n2\r\nlo\r\n0\r\n\r\n": b"hello",
    b"A\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
    b"a\r\n0123456789\r\n0\r\n\r\n": b"0123456789",
    b"00000005\r\nhello\r\n000\r\n\r\n": b"hello",
    b"0000000000000005\r\nhello\r\n0\r\n\r\n": b"hello",
    b"7\r\n\r\n0\r\n\r\n\r\n0\r\n\r\n": b"\r\n0\r\n\r\n",
    b"5;name=value\r\nhello\r\n0;last\r\n\r\n": b"hello",
    b'5;a="b;c"\r\nhello\r\n0\r\n\r\n': b"hello",
    b"5 \t\r\nhello\r\n0 \r\n\r\n": b"hello",
    b"5 ; a\r\nhello\r\n0\r\n\r\n": b"hello",
    b"5\r\nhello\r\n0\r\nX-Amz-Acl: public-read\r\nContent-Length: 3\r\n\r\n": b"hello",
    b"5\r\nhello\r\n0\r\na:\r\n\r\n": b"hello",
}
"""What RFC 9112 section 7.1 allows, and the data in it."""


@pytest.mark.parametrize("stream", CHUNKED_BODIES)
@pytest.mark.parametrize("behind", BEHIND)
def test_chunks(stream: bytes, behind: bytes) -> None:
    """Data comes out, sizes, extensions and trailers do not; what is behind is the rest."""
    for size in sizes(stream + behind):
        body = ChunkedReader()
        assert read(body, stream + behind, size) == (CHUNKED_BODIES[stream], behind)
        assert body.done


@pytest.mark.parametrize("stream", CHUNKED_BODIES)
def test_h11_reads_the_same_chunks(stream: bytes) -> None:
    """But for the white space that it knows in other places only."""
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + stream)
    out = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        if b" ; " in stream and isinstance(event, h11.Request):
            with pytest.raises(h11.RemoteProtocolError):
                server.next_event()
            return
        out += bytes(event.data) if isinstance(event, h11.Data) else b""
    assert out == CHUNKED_BODIES[stream]


@pytest.mark.parametrize("stream", CHUNKED_BODIES)
def test_chunks_that_are_cut_are_not_done(stream: bytes) -> None:
    """Wherever: only the last blank line ends it."""
    for cut in range(len(stream)):
        body = ChunkedReader()
        data, rest = read(body, stream[:cut], 3)
        assert (body.done, rest, CHUNKED_BODIES[stream].startswith(data)) == (False, b"", True)


BROKEN = [
    *(b"\r\n", b"g\r\n", b"-5\r\n", b"+5\r\n", b"0x5\r\n", b" 5\r\n", b"5_0\r\n", b";a\r\n", b"5,\r\n", b"5 5\r\n"),
    *(b"\xb2\r\n", b"5\x00\r\n", b"5\x0b\r\n", b"5.0\r\n", b"00000000000000005\r\n", b"fffffffffffffffff\r\n"),
    *(b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n", b"5\r\nhello\r\n0\n\r\n", b"5\r\nhello\r\n0\r\n\n"),
    *(b"5\r\r\nhello\r\n", b"5\r;a\r\nhello\r\n", b"5;a\rb\r\nhello\r\n", b"5;a\r\rb\r\n", b"5\r\nhello\r\r\n"),
    *(b"5\r\nhellox\r\n", b"5\r\nhell\r\n0\r\n\r\n", b"5\r\nhello0\r\n\r\n", b"5\r\nhello\n\r0", b"5\r\nhello\r0\r\n"),
    *(b"0\r\nno colon\r\n\r\n", b"0\r\n: x\r\n\r\n", b"0\r\na b: x\r\n\r\n", b"0\r\n folded: x\r\n\r\n"),
    *(b"0\r\na: b\rc\r\n\r\n", b"0\r\na: b\n\r\n", b"0\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
]
"""What two servers read in two ways, or nobody."""


@pytest.mark.parametrize("stream", BROKEN)
def test_broken_chunks_are_refused(stream: bytes) -> None:
    """Whatever the reads, nothing of what is behind the fault comes out, and the body is not done."""
    for size in sizes(stream):
        body = ChunkedReader()
        with pytest.raises(ProtocolError) as raised:
            read(body, stream + b"secret\r\n" * 3, size)
        assert not body.done
        assert "secret" not in str(raised.value)


@pytest.mark.parametrize("stream", BROKEN)
def test_a_fault_is_told_at_the_line_that_has_it(stream: bytes) -> None:
    """It does not wait for what follows: at the latest the end of that line shows it."""
    body = ChunkedReader()
    with pytest.raises(ProtocolError):
        read(body, stream, 1)


# Bounds.


def test_a_line_of_a_chunk_is_bounded() -> None:
    """One of 4096 bytes passes, one more does not, whole or byte by byte; and it is not kept."""
    longest = b"1;" + b"a" * (MAX_LINE - 4) + b"\r\n"
    assert len(longest) == MAX_LINE == 4096
    for size in (1, 100, 10_000):
        assert read(ChunkedReader(), longest + b"x\r\n" + LAST_CHUNK, size) == (b"x", b"")
        body = ChunkedReader()
        with pytest.raises(ProtocolError):
            read(body, b"1;" + b"a" * 10_000, size)
        assert len(body._line) <= MAX_LINE


def test_trailers_are_bounded() -> None:
    """All of them together."""
    one = b"x: " + b"a" * 1019 + b"\r\n"
    assert len(one) * 16 == MAX_TRAILERS
    for size in (1, 1000, 1 << 20):
        assert read(ChunkedReader(), b"0\r\n" + one * 16 + b"\r\n", size) == (b"", b"")
        with pytest.raises(ProtocolError):
            read(ChunkedReader(), b"0\r\n" + one * 16 + b"a:\r\n\r\n", size)
        with pytest.raises(ProtocolError):
            read(ChunkedReader(), b"0\r\nx: " + b"a" * MAX_LINE, size)


def test_the_largest_size() -> None:
    """16 digits; the number is not trusted, no more is kept than came."""
    body = ChunkedReader()
    assert body.feed(b"ffffffffffffffff\r\nabc") == [b"abc"]
    assert not body.done


# What is written.


@pytest.mark.parametrize("pieces", [[], [b"a"], [b"a" * 255, b"b" * 256], [b"", b"a", b""], [b"\r\n"]])
def test_what_is_framed_is_read_as_it_was(pieces: list[bytes]) -> None:
    """By the gateway's own reader and by h11; no data is no chunk, for an empty one would end the body."""
    stream = b"".join(map(chunk, pieces)) + LAST_CHUNK
    assert read(ChunkedReader(), stream, 7) == (b"".join(pieces), b"")
    server = h11.Connection(h11.SERVER)
    server.receive_data(b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + stream)
    out = b""
    while not isinstance(event := server.next_event(), h11.EndOfMessage):
        out += bytes(event.data) if isinstance(event, h11.Data) else b""
    assert out == b"".join(pieces)
