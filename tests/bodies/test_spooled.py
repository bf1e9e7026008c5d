"""Signed chunks too large for memory: verified in a spool, sent in chunks of the gateway's own."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from s3gateway.bodies.announced import read_announced
from s3gateway.bodies.own_chunks import SIGNED_CHUNK, own_length
from s3gateway.bodies.spooled import SpooledBody
from s3gateway.errors import S3Error
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import PayloadMode, RequestHead, Signature
from s3gateway.wire.spool import Spool
from tests.receiving import LIMITS, joined
from tests.sigv4.aws import CLIENT, GATEWAY
from tests.sigv4.streams import CRC32C, OUT_SEED, SEED, Stream, check, crc32c, reads, signed

SMALL = replace(LIMITS, aws_chunk=10)
DATA = random.Random(1).randbytes(1000)
LARGE = random.Random(2).randbytes(3 * SIGNED_CHUNK)


def length(mode: PayloadMode, told: RequestHead) -> int | None:
    """Of a body with this head, if its chunks are the gateway's."""
    return own_length(mode, read_announced(mode, told), told, SMALL)


def one(data: bytes, *, trailer: bool = False) -> Stream:
    return signed("one", (data,), trailer=(crc32c(data),) if trailer else ())


def head(stream: Stream) -> RequestHead:
    fields = [
        (b"Content-Length", b"%d" % len(stream.body)),
        (b"x-amz-decoded-content-length", stream.decoded),
        *([(b"x-amz-trailer", stream.announced)] if stream.trailer else []),
    ]
    return RequestHead(b"PUT", b"/bucket/key", tuple(fields))


def length_of(stream: Stream) -> int:
    found = length(PayloadMode(stream.mode), head(stream))
    assert found is not None
    return found


def body_of(stream: Stream, spool: Spool) -> SpooledBody:
    chains = (
        ChunkChain(CLIENT.signing_key, CLIENT.scope, CLIENT.timestamp, Signature(SEED)),
        ChunkChain(GATEWAY.signing_key, GATEWAY.scope, GATEWAY.timestamp, Signature(OUT_SEED)),
    )
    return SpooledBody(read_announced(PayloadMode(stream.mode), head(stream)), chains, spool, SMALL)


def through(body: SpooledBody, wire: bytes, size: int) -> tuple[bytes, bytes]:
    """What left before the end, and at the end."""
    released = b""
    for data in reads(wire, size):
        released += joined(body.feed(data))
        while body.has_more:
            released += joined(body.more())
    return released, joined(body.finish())


@pytest.fixture
def spool() -> Spool:
    return Spool(lambda: 1 << 20)


@pytest.mark.parametrize("trailer", [False, True], ids=["plain", "trailer"])
@pytest.mark.parametrize(
    ("data", "size"),
    [(DATA, 1), (DATA, 7), (DATA, 1 << 20), (LARGE, 4093), (LARGE + b"x", 1 << 17), (LARGE[:-1], 1 << 20)],
)
def test_all_of_it_arrives(spool: Spool, data: bytes, size: int, trailer: bool) -> None:
    """In chunks signed by the gateway, with the announced length; the last of the data at the end; no room is kept."""
    stream = one(data, trailer=trailer)
    body = body_of(stream, spool)
    released, finished = through(body, stream.body, size)
    assert len(released + finished) == length_of(stream)
    checked = check(released + finished, stream.mode, GATEWAY, OUT_SEED)
    assert checked.data == data
    assert checked.trailer == tuple(stream.trailer)
    assert body.chunks == 2
    assert data[-1:] not in released[-3:]
    body.drop()
    assert spool.used == 0


def test_several_large_chunks(spool: Spool) -> None:
    """The gateway's chunks begin and end elsewhere than the client's."""
    stream = signed("three", (LARGE[:100_000], LARGE[100_000:250_000], LARGE[250_000:]))
    body = body_of(stream, spool)
    released, finished = through(body, stream.body, 4096)
    body.drop()
    assert check(released + finished, stream.mode, GATEWAY, OUT_SEED).data == LARGE


EDITS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "a byte": (lambda wire: wire[:500] + bytes((wire[500] ^ 1,)) + wire[501:], "SignatureDoesNotMatch"),
    "its signature": (
        lambda wire: wire[:25] + (b"0" if wire[25:26] != b"0" else b"1") + wire[26:],
        "SignatureDoesNotMatch",
    ),
    "the last signature": (
        lambda wire: wire[:-6] + b"%x" % (int(wire[-6:-5], 16) ^ 1) + wire[-5:],
        "SignatureDoesNotMatch",
    ),
    "cut": (lambda wire: wire[:-3], "IncompleteBody"),
    "cut in the data": (lambda wire: wire[:600], "IncompleteBody"),
    "junk": (lambda wire: wire + b"x", "IncompleteBody"),
    "5 GiB": (lambda wire: b"140000000" + wire[3:], "IncompleteBody"),
}


@pytest.mark.parametrize("trailer", [False, True], ids=["plain", "trailer"])
@pytest.mark.parametrize(("edit", "code"), EDITS.values(), ids=EDITS)
def test_a_fault(spool: Spool, edit: Callable[[bytes], bytes], code: str, trailer: bool) -> None:
    """Nothing of a chunk that is not proven leaves, nothing comes after the fault, and the room is given back."""
    stream = one(DATA, trailer=trailer)
    wire = edit(stream.body)
    for size in (1, 1 << 20):
        body = body_of(stream, spool)
        with pytest.raises(S3Error) as raised:
            through(body, wire, size)
        if not (trailer and code == "SignatureDoesNotMatch"):
            assert raised.value.code == code
        assert not body.has_more
        with pytest.raises(S3Error, match="IncompleteBody"):
            body.finish()
        body.drop()
        assert spool.used == 0


def test_the_trailer_is_verified(spool: Spool) -> None:
    """Its signature, and the checksum in it."""
    stream = signed("wrong", (DATA,), trailer=((CRC32C, b"AAAAAA=="),))
    body = body_of(stream, spool)
    with pytest.raises(S3Error, match="BadDigest"):
        through(body, stream.body, 100)
    body.drop()


def test_no_room(spool: Spool) -> None:
    """What never fits is refused; what does not fit now is to be sent again."""
    small = Spool(lambda: 100)
    with pytest.raises(S3Error, match="EntityTooLarge"):
        body_of(one(DATA), small).feed(one(DATA).body)
    taken = spool.take((1 << 20) - 10)
    with pytest.raises(S3Error, match="SlowDown"):
        body_of(one(DATA), spool).feed(one(DATA).body)
    taken.close()
    body = body_of(one(DATA), spool)
    through(body, one(DATA).body, 100)
    body.drop()
    assert spool.used == 0


@pytest.mark.parametrize("trailer", [False, True], ids=["plain", "trailer"])
@pytest.mark.parametrize("count", [1, 2, 9, 10])
def test_the_head_tells(count: int, trailer: bool) -> None:
    """That a chunk must be too large; where all may be within the limit, the client's chunks stay."""
    for size, expected in ((10, False), (11, True)):
        chunks = (b"x" * size,) * count
        fields = (crc32c(b"".join(chunks)),) if trailer else ()
        stream = signed("many", chunks, trailer=fields)
        assert (length(PayloadMode(stream.mode), head(stream)) is not None) is expected


def test_http_chunks_tell_no_length() -> None:
    """Then nobody knows how many chunks there are, and the client's stay."""
    stream = one(DATA)
    told = RequestHead(b"PUT", b"/bucket/key", head(stream).headers[1:])
    assert length(PayloadMode(stream.mode), told) is None
