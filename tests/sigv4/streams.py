"""aws-chunked bodies written and checked from AWS's text alone, frame by frame.

Source: AWS "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks" and
"... Including Trailing Headers"; for the second form of the trailer, minio-go's request-signature-streaming.go.
"""

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

from tests.sigv4.aws import CLIENT, EMPTY, STREAMING, STREAMING_TRAILER, STREAMING_UNSIGNED_TRAILER, Key

SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
OUT_SEED = "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
CRC32C = b"x-amz-checksum-crc32c"

Fields = Sequence[tuple[bytes, bytes]]
HexForm = Callable[[int], bytes]


@lru_cache(maxsize=64)
def crc32c(data: bytes) -> tuple[bytes, bytes]:
    """Give the trailer field of CRC-32C bit by bit, from the polynomial (RFC 3720 B.4)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return CRC32C, base64.b64encode((crc ^ 0xFFFFFFFF).to_bytes(4))


def lower(size: int) -> bytes:
    return b"%x" % size


def upper(size: int) -> bytes:
    return b"%X" % size


def padded(size: int) -> bytes:
    return b"%08x" % size


@dataclass(frozen=True)
class Stream:
    """One body: its mode, the frames it is made of (final chunk and trailer included), and the data in it."""

    name: str
    mode: str
    frames: tuple[bytes, ...]
    data: bytes
    trailer: Fields = ()

    @property
    def body(self) -> bytes:
        return b"".join(self.frames)

    @property
    def has_trailer(self) -> bool:
        """Whether the mode has one; in the unsigned mode it may be empty."""
        return self.mode != STREAMING

    @property
    def ending(self) -> int:
        """Frames after the data: the final chunk, and the trailer with the blank line after it."""
        return 1 + self.has_trailer

    @property
    def final_at(self) -> int:
        """Where the final chunk begins."""
        return sum(map(len, self.frames[: -self.ending]))

    @property
    def held_from(self) -> int:
        """Where the last chunk of data begins: no byte from here on may leave before all of the body was verified.

        A backend may commit once it has all data, final chunk or not.
        """
        data = self.frames[: -self.ending]
        return sum(map(len, data[:-1]))

    @property
    def announced(self) -> bytes:
        return b",".join(name for name, _ in self.trailer)

    @property
    def decoded(self) -> bytes:
        return b"%d" % len(self.data)


def chunk_signature(key: Key, previous: str, data: bytes) -> str:
    text = (
        f"AWS4-HMAC-SHA256-PAYLOAD\n{key.timestamp}\n{key.scope_text}\n{previous}\n{EMPTY}\n{sha256(data).hexdigest()}"
    )
    return key.sign(text.encode())


def trailer_signature(key: Key, previous: str, fields: Fields) -> str:
    canonical = b"".join(name + b":" + value + b"\n" for name, value in fields)
    text = f"AWS4-HMAC-SHA256-TRAILER\n{key.timestamp}\n{key.scope_text}\n{previous}\n{sha256(canonical).hexdigest()}"
    return key.sign(text.encode())


def signed(
    name: str,
    chunks: Sequence[bytes],
    *,
    trailer: Fields = (),
    eol: bytes = b"\r\n",
    form: HexForm = lower,
    key: Key = CLIENT,
    seed: str = SEED,
) -> Stream:
    """Write the signed modes; the final chunk is added. ``eol`` ends a trailer field: CRLF, or minio-go's LF CR LF."""
    frames, last = [], seed
    for data in (*chunks, b""):
        last = chunk_signature(key, last, data)
        frames.append(form(len(data)) + b";chunk-signature=" + last.encode() + b"\r\n" + data + b"\r\n")
    if trailer:
        frames[-1] = frames[-1].removesuffix(b"\r\n")  # the trailer takes the place of the final chunk's line end
        lines = (b"\n" if eol == b"\n\r\n" else eol).join(n + b":" + v for n, v in trailer) + eol
        last = trailer_signature(key, last, trailer)
        frames.append(lines + b"x-amz-trailer-signature:" + last.encode() + b"\r\n\r\n")
    mode = STREAMING_TRAILER if trailer else STREAMING
    return Stream(name, mode, tuple(frames), b"".join(chunks), tuple(trailer))


def unsigned(
    name: str,
    chunks: Sequence[bytes],
    *,
    trailer: Fields | None = None,
    eol: bytes = b"\r\n",
    form: HexForm = lower,
) -> Stream:
    r"""Write ``STREAMING-UNSIGNED-PAYLOAD-TRAILER``: boto3's form, or minio-go's ``name:value\n\r\n\r\n``."""
    trailer = (crc32c(b"".join(chunks)),) if trailer is None else trailer
    frames = [form(len(data)) + b"\r\n" + data + b"\r\n" for data in chunks]
    lines = b"".join(n + b":" + v + eol for n, v in trailer)
    return Stream(
        name,
        STREAMING_UNSIGNED_TRAILER,
        (*frames, form(0) + b"\r\n", lines + b"\r\n"),
        b"".join(chunks),
        tuple(trailer),
    )


_DATA = (b"The first chunk\r\n0;", b"\x00\xff second", b"3")

_CRC = crc32c(b"".join(_DATA))

VECTORS = (
    signed("signed", _DATA),
    signed("signed-upper-hex", (b"x" * 26, b"y" * 10), form=upper),
    signed("signed-leading-zeros", _DATA, form=padded),
    signed("signed-empty-object", ()),
    signed("signed-trailer-aws", _DATA, trailer=(_CRC,)),
    signed("signed-trailer-minio-go", _DATA, trailer=(_CRC,), eol=b"\n\r\n"),
    signed("signed-trailer-empty-object", (), trailer=(crc32c(b""),)),
    unsigned("unsigned-boto3", _DATA),
    unsigned("unsigned-minio-go", _DATA, eol=b"\n\r\n"),
    unsigned("unsigned-upper-hex", (b"x" * 26,), form=upper),
    unsigned("unsigned-leading-zeros", _DATA, form=padded),
    unsigned("unsigned-empty-object", ()),
)

FRAMED = (
    *VECTORS,
    signed("signed-trailer-two-fields", (b"ab",), trailer=(crc32c(b"ab"), (b"x-amz-meta-later", b"a: b"))),
    unsigned("unsigned-no-trailer", _DATA, trailer=()),
    unsigned("unsigned-no-trailer-empty-object", (), trailer=()),
    signed("signed-trailer-empty-value", (b"ab",), trailer=((b"x-amz-meta-later", b""),)),
)
"""What the framing can carry: trailers that S3 does not take are well-formed ones too."""


@dataclass(frozen=True)
class Checked:
    """What an independent receiver found: each size as it was written, the data, and the trailer's fields."""

    sizes: tuple[bytes, ...]
    data: bytes
    trailer: Fields


def check(body: bytes, mode: str, key: Key, seed: str) -> Checked:
    """Receive a whole body as a backend would, checking every signature; AssertionError at the first fault."""
    sizes, data, last, rest = [], b"", seed, body
    while True:
        head, found, rest = rest.partition(b"\r\n")
        assert found, "no chunk header"
        size, _, signature = head.partition(b";chunk-signature=")
        sizes.append(size)
        piece, rest = rest[: int(size, 16)], rest[int(size, 16) :]
        assert len(piece) == int(size, 16)
        if mode != STREAMING_UNSIGNED_TRAILER:
            last = chunk_signature(key, last, piece)
            assert last.encode() == signature
        data += piece
        if not piece:
            break
        assert rest.startswith(b"\r\n")
        rest = rest[2:]
    if mode == STREAMING:
        assert rest == b"\r\n"
        return Checked(tuple(sizes), data, ())
    lines = [line for line in rest.replace(b"\r\n", b"\n").split(b"\n") if line]
    assert rest.endswith(b"\r\n\r\n") or (rest == b"\r\n" and mode == STREAMING_UNSIGNED_TRAILER)
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(b":") for line in lines)]
    if mode == STREAMING_TRAILER:
        name, value = fields.pop()
        assert (name, value) == (b"x-amz-trailer-signature", trailer_signature(key, last, fields).encode())
    return Checked(tuple(sizes), data, tuple(fields))


def reads(body: bytes, size: int) -> Iterator[bytes]:
    """Cut into reads of ``size`` bytes."""
    return (body[at : at + size] for at in range(0, len(body), size))
