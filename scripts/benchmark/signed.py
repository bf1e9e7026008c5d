"""Requests that are signed ahead of time, as bytes that can be sent again and again.

A signature holds for 15 minutes, so one signature serves a whole round. Large bodies are tuples of shared blocks: a
request of 64 MiB takes the memory of one block.
"""

import base64
import datetime as dt
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lab.backends import REGION
from showcase.sigv4 import Head, Signer

KIB: Final = 1024
MIB: Final = 1024 * KIB
CHUNK: Final = 128 * KIB  # AWS SDK for Java v1's
_EMPTY: Final = hashlib.sha256(b"").hexdigest()
_CHECKSUM: Final = "x-amz-checksum-crc32"
_PLACEHOLDER: Final = "0" * 64


class Mode(Enum):
    """How the payload of an upload is signed; the value is its name in tables."""

    SHA256 = "sha256"
    UNSIGNED = "unsigned"
    SIGNED_CHUNKS = "signed chunks"
    SIGNED_TRAILER = "signed trailer"
    UNSIGNED_TRAILER = "unsigned trailer"

    @property
    def payload(self) -> str:
        """The value of x-amz-content-sha256; of `SHA256` it is the hash itself."""
        return _PAYLOADS[self]

    @property
    def chunks_signed(self) -> bool:
        """Whether each chunk carries a signature."""
        return self in {Mode.SIGNED_CHUNKS, Mode.SIGNED_TRAILER}

    @property
    def trailed(self) -> bool:
        """Whether a checksum follows the last chunk."""
        return self in {Mode.SIGNED_TRAILER, Mode.UNSIGNED_TRAILER}


_PAYLOADS: Final = {
    Mode.SHA256: "",
    Mode.UNSIGNED: "UNSIGNED-PAYLOAD",
    Mode.SIGNED_CHUNKS: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    Mode.SIGNED_TRAILER: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    Mode.UNSIGNED_TRAILER: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
}


@dataclass(frozen=True, slots=True)
class Signed:
    """A request, ready to send: its head and the pieces of its body."""

    head: bytes
    body: tuple[bytes, ...] = ()

    @property
    def pieces(self) -> tuple[bytes, ...]:
        """All of it; a small body goes out in one write with the head."""
        whole = self.head, *self.body
        return (b"".join(whole),) if sum(map(len, whole)) <= 2 * KIB else whole


@dataclass(frozen=True, slots=True)
class Content:
    """The bytes of an upload: one block, `times` over."""

    block: bytes
    times: int = 1

    @property
    def size(self) -> int:
        """All bytes of the object."""
        return len(self.block) * self.times

    def sha256(self) -> str:
        """The hash of the whole object, in hex."""
        digest = hashlib.sha256()
        for _ in range(self.times):
            digest.update(self.block)
        return digest.hexdigest()

    def crc32(self) -> str:
        """The checksum of the whole object, in base64 as S3 writes it."""
        value = 0
        for _ in range(self.times):
            value = zlib.crc32(self.block, value)
        return base64.b64encode(value.to_bytes(4)).decode()


@dataclass(frozen=True, slots=True)
class Keys:
    """A key pair, the host that its requests name, and of a session its token."""

    access_key: str
    secret_key: str
    host: str
    token: str = ""

    def get(self, target: str) -> Signed:
        """A GET without a body."""
        return Signed(self._head("GET", target, _EMPTY, [])[0])

    def put(
        self, target: str, content: Content, mode: Mode, *, chunk: int = CHUNK, bad_chunk: int | None = None
    ) -> Signed:
        """A PUT of `content` in `mode`, in aws-chunks of `chunk` bytes where the mode has any.

        `bad_chunk` is the number of a chunk whose signature is wrong.
        """
        length = ("Content-Length", str(content.size))
        if mode is Mode.SHA256:
            head, _, _ = self._head("PUT", target, content.sha256(), [length])
            return Signed(head, (content.block,) * content.times)
        if mode is Mode.UNSIGNED:
            head, _, _ = self._head("PUT", target, mode.payload, [length])
            return Signed(head, (content.block,) * content.times)
        pieces = [*_split(content, chunk), b""]
        fields = [("Content-Length", ""), ("x-amz-decoded-content-length", str(content.size))]
        trailer = f"{_CHECKSUM}:{content.crc32()}\r\n" if mode.trailed else ""
        fields += [("x-amz-trailer", _CHECKSUM)] if mode.trailed else []
        fields[0] = ("Content-Length", str(_coded_length(pieces, mode, trailer)))
        head, signer, seed = self._head("PUT", target, mode.payload, fields)
        return Signed(head, tuple(_coded(pieces, mode, trailer, _Chain(signer, seed, bad_chunk))))

    def _head(
        self, method: str, target: str, payload: str, more: Sequence[tuple[str, str]]
    ) -> tuple[bytes, Signer, str]:
        """The head, and what a chain of chunk signatures goes on with: signer and seed signature."""
        moment = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}"
        signer = Signer(self.access_key, self.secret_key, REGION, moment)
        fields = [("Host", self.host), ("X-Amz-Date", moment), ("X-Amz-Content-SHA256", payload), *more]
        fields += [("X-Amz-Security-Token", self.token)] if self.token else []
        raw = [(name.encode(), value.encode()) for name, value in fields]
        names = sorted(name.lower() for name, _ in fields)
        value, seed = signer.authorization(Head(method, target.encode(), raw, payload), names)
        lines = "".join(f"{name}: {text}\r\n" for name, text in [*fields, ("Authorization", value)])
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode(), signer, seed


class _Chain:
    """The signatures of one upload's chunks."""

    def __init__(self, signer: Signer, seed: str, bad_chunk: int | None) -> None:
        self._signer = signer
        self._last = seed
        self._bad = bad_chunk
        self._number = 0

    def chunk(self, data: bytes) -> str:
        self._last = self._signer.chunk(self._last, data)
        number, self._number = self._number, self._number + 1
        return _PLACEHOLDER if number == self._bad else self._last

    def trailer(self, lines: str) -> str:
        return self._signer.trailer(self._last, lines)


def _split(content: Content, chunk: int) -> Iterator[bytes]:
    """The data of each chunk. Equal chunks are one object, so that a large upload takes little memory."""
    block, times = content.block, content.times
    if chunk <= len(block):
        pieces = [block[at : at + chunk] for at in range(0, len(block), chunk)]
        for _ in range(times):
            yield from pieces
        return
    each = chunk // len(block)
    whole, rest = divmod(times, each)
    yield from [block * each] * whole
    if rest:
        yield block * rest


def _coded_length(pieces: Sequence[bytes], mode: Mode, trailer: str) -> int:
    signature = len(";chunk-signature=") + 64 if mode.chunks_signed else 0
    length = sum(len(f"{len(piece):x}") + signature + 4 + len(piece) for piece in pieces)
    signed_trailer = len("x-amz-trailer-signature:") + 64 + 2 if mode is Mode.SIGNED_TRAILER else 0
    return length + len(trailer) + signed_trailer


def _coded(pieces: Sequence[bytes], mode: Mode, trailer: str, chain: _Chain) -> Iterator[bytes]:
    """The body: the line that ends one chunk stands in one piece with the line that begins the next."""
    end = ""
    for piece in pieces:
        signature = f";chunk-signature={chain.chunk(piece)}" if mode.chunks_signed else ""
        yield f"{end}{len(piece):x}{signature}\r\n".encode()
        if piece:
            yield piece
        end = "\r\n"
    if mode is Mode.SIGNED_TRAILER:
        trailer += f"x-amz-trailer-signature:{chain.trailer(trailer.replace('\r', ''))}\r\n"
    yield f"{trailer}\r\n".encode()
