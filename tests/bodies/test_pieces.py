"""The pieces in which a body leaves: none is large, the end is one, and nothing is kept of what was read."""

import sys
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha256

import pytest

from s3gateway.bodies.delete_objects import DeleteBody
from s3gateway.bodies.whole import Body, HashedBody, Piece, PlainBody
from s3gateway.errors import S3Error
from s3gateway.rules.access import Access
from tests.receiving import LIMITS, joined, passage, transformer
from tests.sigv4 import streams
from tests.sigv4.streams import Stream, reads

MIB = 1024 * 1024
READ = 256 * 1024
WIDE = replace(LIMITS, aws_chunk=16 * MIB)
LARGE = (b"a" * (2 * MIB), b"b" * MIB)
CRC = (streams.CRC32C, b"AAAAAA==")
SIGNED = streams.signed("signed", LARGE)
SIGNED_TRAILER = streams.signed("signed-trailer", LARGE, trailer=(CRC,))
UNSIGNED = streams.unsigned("unsigned", LARGE, trailer=(CRC,))


class Read(bytes):
    """Some bytes that were read; how many hold it can be counted, as no other part of the program knows it."""

    __slots__ = ()


def holders(data: Read) -> int:
    """How many hold this, besides who asks."""
    return sys.getrefcount(data) - 2  # getrefcount's own argument, and this function's


def without_trailer(stream: Stream) -> Body:
    """A transformer whose checksum is not looked at: bit by bit it takes minutes for a MiB."""
    body = transformer(stream, limits=WIDE)
    if body._checksum is not None:
        body._checksum = _AnyChecksum()  # type: ignore[assignment]
    return body


class _AnyChecksum:
    name = streams.CRC32C

    def update(self, data: object) -> None:
        pass

    def check(self, value: object) -> None:
        pass


@pytest.mark.parametrize("stream", [SIGNED, SIGNED_TRAILER, UNSIGNED], ids=lambda stream: stream.name)
@pytest.mark.parametrize("size", [1000, 5000, 64 * 1024, READ, 4 * MIB])
def test_no_piece_but_the_last_is_longer_than_a_read(stream: Stream, size: int) -> None:
    """Or than 256 KiB: a long one grows the buffers of the TLS connection, which live as long as it does."""
    body = without_trailer(stream)
    pieces: list[Piece] = []
    for data in reads(stream.body, size):
        pieces += body.feed(data)
    *ending, last = body.finish()
    assert max(map(len, (*pieces, *ending))) <= max(size, READ)
    assert len(joined([*pieces, *ending, last])) == len(stream.body)


@pytest.mark.parametrize("stream", [*streams.VECTORS, SIGNED, SIGNED_TRAILER, UNSIGNED], ids=lambda stream: stream.name)
@pytest.mark.parametrize("size", [1, 5000, 4 * MIB])
def test_the_final_chunk_and_the_trailer_are_in_the_last_piece(stream: Stream, size: int) -> None:
    """One write carries them: MinIO waits for the rest of a trailer that was cut."""
    if size == 1 and len(stream.data) > MIB:
        size = 999
    body = without_trailer(stream)
    for data in reads(stream.body, size):
        body.feed(data)
    last = body.finish()[-1]
    assert len(last) >= len(stream.body) - stream.final_at


@pytest.mark.parametrize("stream", [SIGNED, SIGNED_TRAILER, UNSIGNED], ids=lambda stream: stream.name)
def test_tiny_pieces_of_a_large_chunk_cost_what_they_hold(stream: Stream) -> None:
    """A client may frame each byte as an HTTP chunk of its own; an object for each costs a hundredfold."""
    body = without_trailer(stream)
    body.feed(stream.body[: stream.held_from])
    tail = [stream.body[at : at + 1] for at in range(stream.held_from, stream.held_from + 8_000)]
    tracemalloc.start()
    try:
        for data in tail:
            body.feed(data)
        grown = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert grown < 8 * len(tail)


def _fed(body: Body, data: Iterable[bytes]) -> None:
    for read in data:
        body.feed(read)


def _signed(_: Read) -> Body:
    return transformer(SIGNED, limits=WIDE)


def _hashed(read: Read) -> Body:
    return HashedBody(sha256(read).hexdigest())


def _deleting(read: Read) -> Body:
    return DeleteBody(_hashed(read), Access(("*",), prefixes=("pii/",)))


BODIES: dict[str, tuple[Callable[[Read], Body], bytes]] = {
    "signed": (_signed, SIGNED.body[: MIB // 2]),
    "signed, held to the end": (
        lambda _: transformer(streams.signed("one", (LARGE[1],))),
        streams.signed("one", (LARGE[1],)).body,
    ),
    "unsigned": (lambda _: without_trailer(UNSIGNED), UNSIGNED.body),
    "hashed": (_hashed, b"x" * MIB),
    "plain": (lambda _: PlainBody(), b"x" * MIB),
    "delete": (_deleting, b"<Delete>" + b" " * 1000),
}


@pytest.mark.parametrize("name", BODIES)
def test_after_drop_nothing_is_held_and_nothing_comes_out(name: str) -> None:
    """No view of a read is alive; what still comes is not passed on, and the body does not finish."""
    make, data = BODIES[name]
    read = Read(data)
    before = holders(read)
    body = make(read)
    body.feed(read)
    body.drop()
    assert holders(read) == before
    later = passage(body, [Read(data), b"more"])
    assert (later.released, later.finished, later.code) == (b"", b"", "IncompleteBody")
    assert body.poison() is None


def test_what_was_read_is_held_until_then() -> None:
    """The count above is one that moves."""
    read = Read(SIGNED.body[: MIB // 2])
    body = _signed(read)
    before = holders(read)
    body.feed(read)
    assert holders(read) > before


def test_poison_is_made_as_it_is_asked_for() -> None:
    """The poison of a chunk of 16 MiB makes no object of 16 MiB, nor many that live at a time."""
    whole = streams.signed("large", (b"a" * (16 * MIB),))
    body = transformer(whole, limits=WIDE)
    bad = whole.body.replace(b"a\r\n", b"b\r\n", 1)
    with pytest.raises(S3Error):
        _fed(body, reads(bad, READ))
    tracemalloc.start()
    try:
        poison = body.poison()
        body.drop()
        length = longest = 0
        for piece in poison or ():
            length, longest = length + len(piece), max(longest, len(piece))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (length, longest <= READ) == (len(whole.frames[0]), True)
    assert peak < MIB


def test_poison_lets_go_of_the_chunks_before_it() -> None:
    """They leave first; then no view of their read waits for a backend that takes the rest slowly."""
    stream = streams.signed("three", (b"a" * 8192, b"b" * 8192, b"c"))
    read = Read(stream.body.replace(b"b\r\n", b"x\r\n", 1))
    before = holders(read)
    body = transformer(stream)
    fault = passage(body, [read])
    del fault
    poison = iter(body.poison() or ())
    body.drop()
    out = b""
    while b"0" * 64 not in out:
        out += next(poison)
    assert out.startswith(b"2000;chunk-signature=")
    assert holders(read) == before
    assert len(out + joined(poison)) == len(stream.frames[0] + stream.frames[1])
