"""Tampered streams: every flipped bit is found, and nothing of the faulty frame or the final chunk leaves."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from s3gateway.errors import S3Error
from tests.receiving import Passage, joined, passage, transformer
from tests.sigv4 import streams
from tests.sigv4.aws import CLIENT, GATEWAY, STREAMING_UNSIGNED_TRAILER
from tests.sigv4.streams import CRC32C, OUT_SEED, Stream, check, crc32c, reads

SIGNED = [stream for stream in streams.VECTORS if stream.mode != STREAMING_UNSIGNED_TRAILER]
WITH_TRAILER = [stream for stream in streams.VECTORS if stream.trailer]
CRC = crc32c(b"a")
_HEX = b"0123456789abcdef"


def _ids(stream: Stream) -> str:
    return stream.name


def flips(stream: Stream) -> Iterator[tuple[int, int, bytes]]:
    """Give (position, number of its frame, the body with one bit flipped there) for every bit."""
    at = 0
    for number, frame in enumerate(stream.frames):
        for _ in frame:
            for bit in range(8):
                body = bytearray(stream.body)
                body[at] ^= 1 << bit
                yield at, number, bytes(body)
            at += 1


def frame_start(stream: Stream, number: int) -> int:
    return sum(map(len, stream.frames[:number]))


def only_spelling(stream: Stream, at: int, body: bytes) -> bool:
    """Whether a flip changed how something is written and not what it says: letter case, or white space around it."""
    was, now = stream.body[at : at + 1], body[at : at + 1]
    return was.lower() == now.lower() or (was, now) == (b"\r", b"\t")


@pytest.mark.parametrize("stream", SIGNED, ids=_ids)
def test_every_flipped_bit_is_found(stream: Stream) -> None:
    """No bit of size, signature, data, line end or trailer can change: a coded error, and the frame stays here."""
    for at, number, body in flips(stream):
        result = passage(transformer(stream), [body])
        if not result.fault:
            assert only_spelling(stream, at, body)
            check(result.released + result.finished, stream.mode, GATEWAY, OUT_SEED)
            continue
        assert result.code in {"SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError", "EntityTooLarge"}
        by_frame = passage(transformer(stream), reads(body, 3))
        assert len(by_frame.released) <= min(frame_start(stream, number), stream.held_from)


@pytest.mark.parametrize("stream", SIGNED, ids=_ids)
def test_flipped_data_is_a_signature_fault(stream: Stream) -> None:
    """Data that was not signed is 403 SignatureDoesNotMatch, for every chunk and every bit."""
    for at, number, body in flips(stream):
        frame = stream.frames[number]
        begin = frame.find(b"\r\n") + 2
        if (
            number < len(stream.frames) - 1 - stream.has_trailer
            and begin <= at - frame_start(stream, number) < len(frame) - 2
        ):
            result = passage(transformer(stream), [body])
            assert result.fault is not None
            assert (at, 403, "SignatureDoesNotMatch") == (at, result.fault.status, result.fault.code)


@pytest.mark.parametrize("stream", SIGNED, ids=_ids)
def test_every_digit_of_every_signature_counts(stream: Stream) -> None:
    """Another digit in any place of any chunk's, the final chunk's or the trailer's signature is a 403."""
    for number, frame in enumerate(stream.frames):
        marker = b"chunk-signature=" if b"chunk-signature=" in frame else b"x-amz-trailer-signature:"
        begin = frame_start(stream, number) + frame.index(marker) + len(marker)
        for at in range(begin, begin + 64):
            body = bytearray(stream.body)
            body[at] = _HEX[(_HEX.index(body[at]) + 1) % 16]
            result = passage(transformer(stream), [bytes(body)])
            assert (at, "SignatureDoesNotMatch") == (at, result.code)


@pytest.mark.parametrize("stream", SIGNED, ids=_ids)
def test_another_key_signs_nothing(stream: Stream) -> None:
    """The same body under another secret fails at its first chunk."""
    other = replace(CLIENT, secret="another")
    chunks = [frame.partition(b"\r\n")[2][:-2] for frame in stream.frames[:-1] if not frame.startswith(b"0")]
    forged = streams.signed("forged", chunks, trailer=stream.trailer, key=other)
    assert Passage(b"", b"") == replace(passage(transformer(stream), [forged.body]), fault=None)


def test_chunks_cannot_be_exchanged_dropped_or_repeated() -> None:
    """Each signature covers the one before it, so the order of chunks is part of what was signed."""
    stream = streams.signed("three", (b"aaa", b"bbb", b"ccc"))
    a, b, c, final = stream.frames
    for frames in ((b, a, c, final), (a, c, b, final), (b, c, final), (a, a, b, final), (a, b, final), (final,)):
        length = sum(frame.count(x) for frame in frames for x in (b"aaa", b"bbb", b"ccc")) * 3
        result = passage(transformer(stream, decoded=b"%d" % length), [b"".join(frames)])
        assert result.code == "SignatureDoesNotMatch"


# Announced length.


@pytest.mark.parametrize("stream", streams.VECTORS, ids=_ids)
@pytest.mark.parametrize("by", [-1, 1, 1000])
def test_another_decoded_length(stream: Stream, by: int) -> None:
    """More or less data than announced is IncompleteBody, and the final chunk stays here."""
    length = len(stream.data) + by
    if length < 0:
        return
    result = passage(transformer(stream, decoded=b"%d" % length), reads(stream.body, 1))
    assert (result.code, len(result.released) <= stream.final_at) == ("IncompleteBody", True)


@pytest.mark.parametrize(
    "decoded", [None, b"", b"-1", b"+1", b"1e3", b"0x10", b" 1", b"1, 1", b"9" * 19, "１".encode()]
)
def test_no_decoded_length(decoded: bytes | None) -> None:
    """Without a plain decimal x-amz-decoded-content-length there is no transformer: 411."""
    with pytest.raises(S3Error) as raised:
        transformer(streams.VECTORS[0], decoded=decoded)
    assert (raised.value.status, raised.value.code) == (411, "MissingContentLength")


def test_a_chunk_too_large_is_refused_by_its_header() -> None:
    """A size over the limit is refused before any of its data is held."""
    with pytest.raises(S3Error) as raised:
        transformer(streams.VECTORS[0], decoded=b"2000000").feed(b"100001;chunk-signature=" + b"0" * 64 + b"\r\n")
    assert (raised.value.status, raised.value.code) == (400, "EntityTooLarge")


# Trailers.


@pytest.mark.parametrize("stream", WITH_TRAILER, ids=_ids)
def test_a_trailer_that_was_not_announced(stream: Stream) -> None:
    """Another field than x-amz-trailer names is refused, and the final chunk stays here."""
    result = passage(transformer(stream, announced=b"x-amz-checksum-sha256"), [stream.body])
    assert (result.code, result.finished) == ("MalformedTrailerError", b"")


@pytest.mark.parametrize("stream", WITH_TRAILER, ids=_ids)
def test_a_trailer_mode_announces_a_trailer(stream: Stream) -> None:
    """A trailer without x-amz-trailer is refused: of a signed one before the body, of an unsigned one at its end."""
    if stream not in SIGNED:
        result = passage(transformer(stream, announced=b""), [stream.body])
        assert (result.code, result.finished) == ("MalformedTrailerError", b"")
        return
    with pytest.raises(S3Error) as raised:
        transformer(stream, announced=b"")
    assert (raised.value.status, raised.value.code) == (400, "MalformedTrailerError")


def test_only_a_trailer_mode_announces_a_trailer() -> None:
    """x-amz-trailer in a mode without trailer is refused before the body."""
    with pytest.raises(S3Error) as raised:
        transformer(streams.VECTORS[0], announced=CRC32C)
    assert raised.value.code == "MalformedTrailerError"


@pytest.mark.parametrize("trailer", [(CRC, CRC), (CRC, (b"x-amz-other", b"1")), ((b"x-amz-other", b"1"), CRC)])
def test_extra_trailer_fields(trailer: streams.Fields) -> None:
    """A field twice, or one more than announced, is refused in both trailer modes."""
    for stream in (
        streams.signed("extra", (b"a",), trailer=trailer),
        streams.unsigned("extra", (b"a",), trailer=trailer),
    ):
        assert passage(transformer(stream, announced=CRC32C), [stream.body]).code == "MalformedTrailerError"


@pytest.mark.parametrize("stream", WITH_TRAILER, ids=_ids)
def test_no_trailer(stream: Stream) -> None:
    """A final chunk that ends as if the mode had no trailer is refused."""
    body = b"".join(stream.frames[:-1]) + b"\r\n"
    result = passage(transformer(stream), [body])
    assert (result.code, result.finished) == ("MalformedTrailerError", b"")


def test_a_signed_trailer_has_its_signature() -> None:
    """Fields without x-amz-trailer-signature are refused; so is a signature in the unsigned mode, or one not last."""
    signed = streams.signed("signed", (b"a",), trailer=(CRC,))
    field, signature = signed.frames[-1].split(b"\r\n")[:2]
    unsigned = streams.unsigned("unsigned", (b"a",))
    for stream, lines in (
        (signed, (field,)),
        (signed, (signature, field)),
        (signed, (field, signature, signature)),
        (signed, (signature,)),
        (signed, (field, signature[:-1])),
        (signed, (field, signature.upper())),
        (unsigned, (field, signature)),
    ):
        body = b"".join(stream.frames[:-1]) + b"\r\n".join(lines) + b"\r\n\r\n"
        assert passage(transformer(stream), [body]).code == "MalformedTrailerError"


# Poison.


def test_poison_is_the_faulty_chunk_without_its_signature_and_data() -> None:
    """After a faulty chunk: an aws-chunk of the same length whose signature is impossible."""
    stream = streams.signed("poisoned", (b"good", b"evil"))
    body = transformer(stream)
    passage(body, reads(stream.body.replace(b"evil", b"EVIL"), 1))
    poison = joined(body.poison() or ())
    assert poison == b"4;chunk-signature=" + b"0" * 64 + b"\r\n\0\0\0\0\r\n"
    assert len(stream.frames[1]) == len(poison)


def test_poison_of_a_final_chunk() -> None:
    """In the mode without trailer the final chunk has a poison of its own length."""
    stream = streams.signed("poisoned", (b"good",))
    body = transformer(stream)
    passage(body, [stream.body[:-68] + b"0" * 64 + b"\r\n\r\n"])
    assert joined(body.poison() or ()) == b"0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"


@pytest.mark.parametrize("stream", [s for s in WITH_TRAILER if s in SIGNED], ids=_ids)
def test_a_final_chunk_before_a_trailer_has_no_poison(stream: Stream) -> None:
    """MinIO must not begin a trailer that will not come."""
    body = transformer(stream)
    final = stream.frames[-2]
    passage(body, [stream.body[: stream.final_at] + final[:-66] + b"0" * 64 + final[-2:] + stream.frames[-1]])
    assert body.poison() is None


def test_other_faults_have_no_poison() -> None:
    """A body that merely ends, or is no aws-chunked one, needs none."""
    for body in (b"", b"zz\r\n", streams.VECTORS[0].body[:-1]):
        receiver = transformer(streams.VECTORS[0])
        assert (passage(receiver, [body]).code, receiver.poison()) == ("IncompleteBody", None)


@pytest.mark.parametrize("stream", SIGNED, ids=_ids)
def test_the_bad_chunk_is_numbered(stream: Stream) -> None:
    """Its number from 1, with the chunks and the data verified before it; a bad trailer is no chunk."""
    last = len(stream.frames) - stream.has_trailer
    sizes = [int(frame.partition(b";")[0], 16) for frame in stream.frames[:last]]
    for number, frame in enumerate(stream.frames):
        at = frame_start(stream, number) + frame.index(b"signature") + 15  # a hex digit of the signature
        body = bytearray(stream.body)
        body[at] = ord("0") if body[at] != ord("0") else ord("1")
        receiving = transformer(stream)
        assert passage(receiving, [bytes(body)]).code == "SignatureDoesNotMatch"
        assert receiving.bad_chunk == (number + 1 if number < last else None)
        assert (receiving.chunks, receiving.verified.data_bytes) == (min(number, last), sum(sizes[:number]))


@pytest.mark.parametrize("stream", streams.VECTORS, ids=_ids)
def test_a_body_cut_short_has_a_bad_chunk_unless_its_trailer_was_cut(stream: Stream) -> None:
    """Where the framing ends too early, the chunk that is not whole is at fault; a good body has none."""
    whole = transformer(stream)
    assert not passage(whole, [stream.body]).fault
    assert (whole.bad_chunk, whole.verified.data_bytes) == (None, len(stream.data))
    for number in range(len(stream.frames)):
        cut = transformer(stream)
        assert passage(cut, [stream.body[: frame_start(stream, number) + 1]]).code == "IncompleteBody"
        in_trailer = stream.has_trailer and number == len(stream.frames) - 1
        assert cut.bad_chunk == (None if in_trailer else number + 1)
