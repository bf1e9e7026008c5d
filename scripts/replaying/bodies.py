"""Bodies for requests that were captured without: made up, in the length and the chunks of the captured one.

A made-up body is the same on every run. Where it has a checksum or an MD5 in the head or a trailer, that is made up
with it; a CompleteMultipartUpload names the parts that were uploaded just now.
"""

import base64
from collections.abc import Iterator, Mapping
from functools import partial
from hashlib import md5
from itertools import product
from typing import Final

from s3gateway.observed.capture import Exchange
from s3gateway.rules.headers import replaced
from s3gateway.sigv4.checksums import checksum_of, checksums_in
from s3gateway.sigv4.model import Headers, PayloadMode, RequestHead

MADE_UP: Final = frozenset(("PutObject", "UploadPart", "DeleteObjects", "CompleteMultipartUpload"))
"""The operations whose body may be any, or can be told from what went before."""

_KIB: Final = 1024
_CHUNK_SIZES: Final = tuple(size * _KIB for size in (128, 64, 1024, 8, 16, 32, 256, 512, 16384))
"""Those of SDK v1 and v2, minio-go and boto3, and what else is seen; MinIO takes no larger ones than the last."""

_FRAMINGS: Final = tuple(product(_CHUNK_SIZES, (b"\r\n", b"\n\r\n")))
"""Chunk sizes and ends of a trailer's line; the first that fits the capture counts."""

_SIGNATURE: Final = b"0" * 64


def made_up(exchange: Exchange, head: RequestHead, parts: Mapping[int, str]) -> tuple[RequestHead, bytes]:
    """A body like the captured one, and the head with its checksums.

    `parts` are an upload's part numbers to their ETags and checksums, as XML.
    """
    length = int(head.first(b"content-length") or b"0")
    if exchange.operation == "DeleteObjects":
        return _described(head, _delete(length))
    if exchange.operation == "CompleteMultipartUpload":
        return _described(head, _complete(parts))
    decoded = head.first(b"x-amz-decoded-content-length")
    mode = next((mode for mode in PayloadMode if mode.value == exchange.payload), PayloadMode.SHA256)
    if mode.is_streaming and decoded is not None:
        framed = partial(_frames, _data(int(decoded)), mode, head.first(b"x-amz-trailer") or b"")
        fitting = (frames for framing in _FRAMINGS if _fits(frames := list(framed(*framing)), exchange, length))
        return head, b"".join(next(fitting, []) or framed(*_FRAMINGS[0]))
    return _described(head, _data(length))


def _data(length: int) -> bytes:
    return (b"replayed " * (length // 9 + 1))[:length]


def _delete(length: int) -> bytes:
    """Of a key that is not there, as long as the captured list was."""
    start, end = b"<Delete><Object><Key>replayed", b"</Key></Object></Delete>"
    return start + b"x" * max(0, length - len(start) - len(end)) + end


def _complete(parts: Mapping[int, str]) -> bytes:
    each = "".join(f"<Part><PartNumber>{n}</PartNumber>{parts[n]}</Part>" for n in sorted(parts))
    return f"<CompleteMultipartUpload>{each}</CompleteMultipartUpload>".encode()


def _described(head: RequestHead, body: bytes) -> tuple[RequestHead, bytes]:
    """Write what the head says of its body besides length and hash, which signing takes care of."""
    fields: list[tuple[bytes, bytes]] = []
    if head.all(b"content-md5"):
        fields.append((b"content-md5", base64.b64encode(md5(body, usedforsecurity=False).digest())))
    fields += [(name, checksum_of(name, body) or b"") for name in checksums_in(head)]
    headers: Headers = replaced(head.headers, *fields)
    return RequestHead(head.method, head.target, headers), body


def _fits(frames: list[bytes], exchange: Exchange, length: int) -> bool:
    """Whether they have the captured length or, where the head told none (HTTP chunks), the captured number."""
    if length:
        return sum(map(len, frames)) == length
    return exchange.chunks is None or len(frames) == exchange.chunks.count


def _frames(data: bytes, mode: PayloadMode, trailer: bytes, size: int, eol: bytes) -> Iterator[bytes]:
    """One aws-chunk each, the final one with all that follows it; the signatures are put in when it is signed."""
    signed = mode is not PayloadMode.STREAMING_UNSIGNED_TRAILER
    mark = b";chunk-signature=" + _SIGNATURE if signed else b""
    for at in range(0, len(data), size):
        piece = data[at : at + size]
        yield b"%x%b\r\n%b\r\n" % (len(piece), mark, piece)
    end = b""
    if mode.has_trailer:
        name = trailer.strip().lower()
        end = name + b":" + (checksum_of(name, data) or b"") + eol if name else b""
        end += b"x-amz-trailer-signature:" + _SIGNATURE + b"\r\n" if signed else b""
    yield b"0" + mark + b"\r\n" + end + b"\r\n"
