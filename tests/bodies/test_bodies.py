"""Body transformers: what goes out is whole, freshly signed and verified, however the reads fall."""

import tracemalloc
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.bodies.verified import Tally
from s3gateway.bodies.whole import HashedBody, PlainBody
from s3gateway.errors import S3Error
from tests.receiving import Passage, joined, passage, transformer
from tests.sigv4 import streams
from tests.sigv4.aws import GATEWAY
from tests.sigv4.streams import OUT_SEED, Stream, check, reads

every_vector = pytest.mark.parametrize("stream", streams.VECTORS, ids=lambda stream: stream.name)


def assert_re_signed(stream: Stream, result: Passage) -> None:
    """Everything arrived: same length, chunk boundaries and data, under the gateway's key, completed by ``finish``."""
    assert result.fault is None
    assert (
        stream.body[stream.held_from :].partition(b";")[0].partition(b"\r\n")[0]
        == (result.finished.partition(b";")[0].partition(b"\r\n")[0])
    )
    assert (stream.held_from, len(stream.body)) == (len(result.released), len(result.released + result.finished))
    checked = check(result.released + result.finished, stream.mode, GATEWAY, OUT_SEED)
    sizes = [frame.partition(b"\r\n")[0].partition(b";")[0] for frame in stream.frames]
    assert (tuple(sizes[: len(checked.sizes)]), stream.data, tuple(stream.trailer)) == (
        checked.sizes,
        checked.data,
        checked.trailer,
    )


@every_vector
def test_whole(stream: Stream) -> None:
    """A body that arrives in one read goes out re-signed, and its last frames only at the end."""
    assert_re_signed(stream, passage(transformer(stream), [stream.body]))


@every_vector
@pytest.mark.parametrize("size", [1, 2, 3, 4096])
def test_read_sizes(stream: Stream, size: int) -> None:
    """The size of the reads does not show."""
    assert_re_signed(stream, passage(transformer(stream), reads(stream.body, size)))


@every_vector
def test_every_split(stream: Stream) -> None:
    """Two reads may meet at any byte."""
    for at in range(len(stream.body) + 1):
        assert_re_signed(stream, passage(transformer(stream), [stream.body[:at], stream.body[at:]]))


@every_vector
def test_every_split_with_single_bytes_around_it(stream: Stream) -> None:
    """A read of one byte may stand anywhere between two large ones."""
    for at in range(len(stream.body)):
        pieces = [stream.body[:at], stream.body[at : at + 1], stream.body[at + 1 :]]
        assert_re_signed(stream, passage(transformer(stream), pieces))


@every_vector
def test_the_trailers_bytes_keep_their_form(stream: Stream) -> None:
    """The trailer's line ends and spelling are the client's; only the 64 digits change."""
    if not stream.trailer:
        return
    sent, got = stream.frames[-1], passage(transformer(stream), [stream.body]).finished[-len(stream.frames[-1]) :]
    differing = [at for at in range(len(sent)) if sent[at] != got[at]]
    assert len(sent) == len(got)
    assert all(sent.rfind(b":") < at < len(sent) - 4 for at in differing)


@every_vector
@pytest.mark.parametrize("junk", [b"\0", b"\n", b"\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n"])
def test_trailing_junk(stream: Stream, junk: bytes) -> None:
    """Bytes after the end are refused, and then nothing of the final chunk leaves."""
    body = stream.body + junk
    for pieces in ([body], list(reads(body, 1)), [stream.body, junk]):
        result = passage(transformer(stream), pieces)
        assert (result.code, len(result.released) <= stream.held_from) == ("IncompleteBody", True)


@every_vector
def test_truncation_at_every_byte(stream: Stream) -> None:
    """A body cut anywhere is refused at its end, and nothing of the final chunk leaves."""
    for at in range(len(stream.body)):
        result = passage(transformer(stream), reads(stream.body[:at], 7))
        assert (at, "IncompleteBody", b"") == (at, result.code, result.finished)
        assert len(result.released) <= stream.held_from


@every_vector
def test_chunks_are_counted(stream: Stream) -> None:
    """``chunks`` counts the verified chunks, the final one included."""
    body = transformer(stream)
    passage(body, [stream.body])
    assert len(stream.frames) - stream.has_trailer == body.chunks


def test_a_signed_chunk_waits_for_its_last_byte() -> None:
    """Nothing of a signed chunk leaves before all of it was verified; then all of it does."""
    stream = streams.signed("three", (b"a" * 1000, b"b" * 1000, b"c"))
    first, second, last, final = stream.frames
    body = transformer(stream)
    assert body.feed(first[:-1]) == []
    assert len(joined(body.feed(first[-1:] + second[:-1]))) == len(first)
    assert len(joined(body.feed(second[-1:]))) == len(second)
    assert (body.feed(last + final), len(joined(body.finish()))) == ([], len(last + final))


def test_unsigned_data_streams_on() -> None:
    """Without chunk signatures there is nothing to wait for: data leaves as it comes, but for the last chunk."""
    body = transformer(streams.unsigned("two", (b"a" * 1000, b"b")))
    assert joined(body.feed(b"3e8\r\naaaa")) == b"3e8\r\naaaa"
    assert joined(body.feed(b"a" * 996 + b"\r\n")) == b"a" * 996 + b"\r\n"
    assert body.feed(b"1\r\nb") == []


@pytest.mark.parametrize("size", [1, 16])
def test_memory_is_bounded_by_one_chunk(size: int) -> None:
    """Tiny reads cost no more than the chunk they make up."""
    stream = streams.signed("large", (b"a" * 65536,))
    body = transformer(stream)
    pieces = list(reads(stream.frames[0][:-2], size))
    tracemalloc.start()
    try:
        for piece in pieces:
            body.feed(piece)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 65536


def test_plain_bodies_pass() -> None:
    """``UNSIGNED-PAYLOAD`` changes nothing and holds nothing back."""
    assert Passage(b"anything", b"") == passage(PlainBody(), [b"any", b"thing"])


@given(st.lists(st.binary(max_size=6), max_size=6))
def test_hashed_bodies_hold_something_back(pieces: list[bytes]) -> None:
    """Invariant: a hashed body that has any bytes is never whole before its hash was proven."""
    whole = b"".join(pieces)
    result = passage(HashedBody(sha256(whole).hexdigest()), pieces)
    assert whole == result.released + result.finished
    assert not whole or result.finished


@given(st.lists(st.binary(max_size=6), min_size=1, max_size=6))
def test_another_hash_never_completes(pieces: list[bytes]) -> None:
    """Invariant: with another body than the one that was signed, at least its last byte stays here."""
    whole = b"".join(pieces)
    claimed = sha256(whole + b"?").hexdigest()
    result = passage(HashedBody(claimed), pieces)
    assert result.fault is not None
    assert (result.fault.status, result.fault.code) == (400, "XAmzContentSHA256Mismatch")
    assert (
        ("ClientComputedContentSHA256", claimed),
        ("S3ComputedContentSHA256", sha256(whole).hexdigest()),
    ) == result.fault.fields
    assert not whole or len(result.released) < len(whole)


@pytest.mark.parametrize("body", [PlainBody(), HashedBody("0" * 64)])
def test_plain_and_hashed_bodies_have_no_poison(body: PlainBody | HashedBody) -> None:
    """For them a connection that ends early is enough."""
    assert body.poison() is None


def test_a_fault_stays_a_fault() -> None:
    """After a faulty chunk the body never finishes."""
    stream = streams.signed("bad", (b"abc",))
    body = transformer(stream)
    with pytest.raises(S3Error):
        body.feed(stream.body.replace(b"abc", b"abd"))
    with pytest.raises(S3Error):
        body.finish()


@given(st.lists(st.integers(0, 3)))
def test_a_tally_gives_runs_that_are_the_sizes(sizes: list[int]) -> None:
    """All of them in order, or as far as there is room for runs."""
    tally = Tally(most=8)
    for size in sizes:
        tally.add(size)
    told = [size for size, times in tally.runs for _ in range(times)]
    assert (tally.count, tally.data_bytes) == (len(sizes), sum(sizes))
    assert told == sizes[: len(told)]
    assert told == sizes or len(tally.runs) == 8
