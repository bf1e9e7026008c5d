"""Any bytes whatever to every body transformer, in every mode.

Invariant: any bytes lead to bytes for the backend or to one coded S3 error, in bounded memory, never another exception.
What is held back is at most one aws-chunk with its frame and the trailer, or one read, or one delete document.
"""

from dataclasses import replace
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from s3gateway.bodies.delete_objects import MAX_DOCUMENT, DeleteBody
from s3gateway.bodies.whole import Body, HashedBody, PlainBody
from s3gateway.errors import S3Error
from s3gateway.rules.access import Access
from s3gateway.sigv4.chunk_reader import MAX_CHUNK_HEADER
from tests.fuzz.framing import TOKENS
from tests.receiving import LIMITS, joined, transformer
from tests.sigv4 import streams
from tests.sigv4.aws import GATEWAY, STREAMING_UNSIGNED_TRAILER
from tests.sigv4.streams import Stream

SMALL = replace(LIMITS, aws_chunk=300, trailer=200)
MOST_HELD = 2 * (SMALL.aws_chunk + MAX_CHUNK_HEADER + 4) + SMALL.trailer
"""The last chunk of data waits for the final one and the trailer."""

_pieces = st.lists(st.sampled_from(TOKENS) | st.binary(max_size=50), max_size=12)
_edit = st.tuples(st.integers(0, 600), st.integers(0, 40), st.sampled_from(TOKENS) | st.binary(max_size=9))


def feed(body: Body, reads: list[bytes], most_held: int) -> tuple[str, bytes]:
    """Feed all of it and finish; give the refusal's code, and what left.

    What spoils an upload fills the place of what was read: it is never longer.
    """
    taken, out = 0, b""
    try:
        for data in reads:
            taken += len(data)
            out += joined(body.feed(data))
            assert 0 <= taken - len(out) <= most_held
        out += joined(body.finish())
    except S3Error as error:
        return f"{error.status} {error.code}", out
    finally:
        assert len(out) + len(joined(body.poison() or ())) <= taken
    assert len(out) == taken
    return "", out


@given(st.sampled_from(streams.VECTORS), st.integers(0, 200), _pieces)
def test_chunked_junk(stream: Stream, decoded: int, pieces: list[bytes]) -> None:
    """aws-chunked in all modes, from bytes that have nothing to do with it."""
    code, out = feed(transformer(stream, decoded=b"%d" % decoded, limits=SMALL), pieces, MOST_HELD)
    if stream.mode != STREAMING_UNSIGNED_TRAILER:
        assert (code != "", out) == (True, b"")


@given(st.sampled_from(streams.VECTORS), st.lists(_edit, max_size=3), st.integers(1, 90))
def test_chunked_edits(stream: Stream, edits: list[tuple[int, int, bytes]], size: int) -> None:
    """A valid body with parts replaced: what is accepted has the data that was signed, or that its checksum is of."""
    text = stream.body
    for where, length, new in edits:
        at = where % (len(text) + 1)
        text = text[:at] + new + text[at + length :]
    code, out = feed(transformer(stream, limits=SMALL), list(streams.reads(text, size)), MOST_HELD)
    if not code:
        assert streams.check(out, stream.mode, GATEWAY, streams.OUT_SEED).data == stream.data


@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_hashed(pieces: list[bytes], right: bool) -> None:
    """A hash of the whole: right or wrong, one read waits."""
    whole = b"".join(pieces)
    code, out = feed(HashedBody(sha256(whole if right else whole + b"x").hexdigest()), pieces, 60)
    assert code == ("" if right else "400 XAmzContentSHA256Mismatch")
    assert (out == whole) is (right or not whole)


@given(_pieces, st.booleans())
def test_delete_documents(pieces: list[bytes], hashed: bool) -> None:
    """A client with prefixes deletes: all of it waits, up to AWS's limit."""
    whole = b"".join(pieces)
    verifying = HashedBody(sha256(whole).hexdigest()) if hashed else PlainBody()
    body = DeleteBody(verifying, Access(("*",), prefixes=("pii/",)))
    assert feed(body, pieces, MAX_DOCUMENT + 100) in {("400 MalformedXML", b""), ("403 AccessDenied", b"")}
