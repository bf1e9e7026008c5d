# ruff: noqa: E501 - a table reads by its rows
"""Wire variants that real clients send, each of which some gateway has refused or broken: one table of good requests.

Replayed against the core, and through mitmdump to MinIO.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any

from s3gateway.sigv4.model import RequestHead
from tests.admission import without
from tests.refusing import Made, Request, Wire, auth, stream, then, url
from tests.sigv4 import aws, streams

GZIP = [("Content-Encoding", "aws-chunked,gzip")]
DATA = (b"a" * 65536, b"b" * 65536, b"c")
MODES = [aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER]


def put(headers: Sequence[tuple[str, str]] = (), **how: Any) -> Made:
    return auth("PUT", "/bucket/key", headers, payload=aws.UNSIGNED, **how)


def rewritten(made: Made, name: str, *values: bytes) -> Made:
    """Spell a header in another way after it was signed, in one field or several."""

    def respelled(head: RequestHead) -> RequestHead:
        pairs = without(head, name.encode()).headers
        return RequestHead(head.method, head.target, (*pairs, *((name.encode(), value) for value in values)))

    return then(made, respelled)


def capitals(body: bytes) -> bytes:
    """Write the trailer's names with capitals, as .NET's SDK does; what is signed is lower case."""
    return body.replace(b"x-amz-checksum", b"X-Amz-Checksum")


def spaced(body: bytes) -> bytes:
    """Put white space around the trailer's values: it is no part of what is signed."""
    return re.sub(rb"((?:x-amz-checksum-crc32c|-trailer-signature):)([^\r\n]*)", rb"\1 \2\t", body)


def dated(w: Wire) -> Request:
    """Sign ``Date`` and no ``X-Amz-Date``, as RFC 9110 writes it."""
    date = format_datetime(w.key.now, usegmt=True)
    return Request(aws.authorized("PUT", "/bucket/key", payload=aws.UNSIGNED, key=w.key, host=w.host, date=date), b"x")


def at(host: str) -> Made:
    """Sign for this ``Host``."""
    return lambda w: put()(Wire(w.key, host))


HEADS: dict[str, Made] = {
    "content-length signed": put([("Content-Length", "1")]),
    "content-length not signed": put([("Content-Length", "1")], unsigned=["content-length"]),
    "content-type not signed": put([("Content-Type", "text/plain")], unsigned=["content-type"]),
    "Expect signed": put([("Expect", "100-continue")]),
    "user-agent and amz-sdk signed": put([("User-Agent", "a b"), ("amz-sdk-retry", "0/0/500"), ("amz-sdk-request", "a")]),
    "duplicates join": rewritten(put([("x-amz-meta-a", "1,2")]), "x-amz-meta-a", b"1", b"2"),
    "double spaces fold": rewritten(put([("x-amz-meta-a", "1 2")]), "x-amz-meta-a", b" 1   2 "),
    "obs-fold joins": rewritten(put([("x-amz-meta-a", "1 2")]), "x-amz-meta-a", b"1\r\n\t2"),
    "a no-break space kept": put([("x-amz-meta-a", "1\N{NARROW NO-BREAK SPACE}2")]),
    "Unicode's spaces fold": rewritten(
        put([("x-amz-meta-a", "1 2")]), "x-amz-meta-a", "1\N{NARROW NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE} 2\N{NEXT LINE}".encode()
    ),
    "empty value": put([("x-amz-meta-a", "")]),
    "a body's hash not signed": put(unsigned=["x-amz-content-sha256"]),
    "amz-sdk not signed": put([("amz-sdk-retry", "0/0/500")], unsigned=["amz-sdk-retry"]),
    "a proxy's x-amzn- header": put([("x-amzn-trace-id", "Root=1")], unsigned=["x-amzn-trace-id"]),
    "a signed name that is not there": then(put([("x-a", "")]), without, b"x-a"),
    "Date instead of X-Amz-Date": dated,
    "a host without port": at("gateway.example"),
    "a host with its port": at("gateway.example:80"),
    "sub-resource without =": auth("POST", "/bucket/key?uploads", body=b""),
    "sub-resource with =": auth("POST", "/bucket/key?uploads=", body=b""),
    "a bare question mark": auth("GET", "/bucket/key?"),
    "a semicolon escaped": auth("GET", "/bucket?prefix=a%3Bb"),
    "presigned with bare semicolons": then(
        url("GET", "/bucket/key", [("x-amz-meta-a", "1")]),
        lambda head: RequestHead(head.method, head.target.replace(b"%3B", b";"), head.headers),
    ),
    "one checksum": put([("x-amz-checksum-crc32", "jNwWgw=="), ("x-amz-checksum-type", "FULL_OBJECT")]),
    "a checksum asked for": auth("GET", "/bucket/key", [("x-amz-checksum-mode", "ENABLED")]),
    "2 KiB of metadata": put([("x-amz-meta-a", "x" * 2047)]),
    **{
        f"key {wire}": then(
            auth("GET", canonical), lambda head, wire=wire: RequestHead(head.method, wire.encode(), head.headers)
        )
        for canonical, wire in (
            ("/bucket/a%2Bb", "/bucket/a+b"),
            ("/bucket/a%25b%3Dc", "/bucket/a%25b=c"),
            ("/bucket/~it%27s%281%29%2A", "/bucket/%7Eit's(1)*"),
            ("/bucket/a//b", "/bucket/a//b"),
            ("/bucket/a/b", "/bucket/a%2Fb"),
            ("/bucket/%C3%A9", "/bucket/%c3%a9"),
        )
    },
}  # fmt: skip


@dataclass(frozen=True)
class Chunks:
    """An upload in chunks: the mode it is in, the data, and what is unusual about it."""

    mode: str
    chunks: Sequence[bytes]
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def made(self) -> Made:
        return stream(self.mode, self.chunks, **self.how)

    @property
    def data(self) -> bytes:
        return b"".join(self.chunks)


BODIES: dict[str, Chunks] = {
    **{f"no Content-Encoding {mode}": Chunks(mode, DATA) for mode in MODES},
    **{f"aws-chunked,gzip {mode}": Chunks(mode, DATA, {"headers": GZIP}) for mode in MODES},
    **{f"aws-chunked {mode}": Chunks(mode, DATA, {"headers": [("Content-Encoding", "aws-chunked")]}) for mode in MODES},
    **{f"empty object {mode}": Chunks(mode, ()) for mode in MODES},
    **{f"HTTP chunked around it {mode}": Chunks(mode, DATA, {"headers": [("Transfer-Encoding", "chunked")]}) for mode in MODES},
    **{f"sizes in capitals {mode}": Chunks(mode, (b"a" * 0xABCD, b"c"), {"form": streams.upper}) for mode in MODES},
    **{f"sizes with zeros {mode}": Chunks(mode, DATA, {"form": streams.padded}) for mode in MODES},
    **{f"trailer in other letters {mode}": Chunks(mode, DATA, {"edit": capitals}) for mode in MODES[1:]},
    **{f"white space in the trailer {mode}": Chunks(mode, DATA, {"edit": spaced}) for mode in MODES[1:]},
    **{f"minio-go's line end {mode}": Chunks(mode, DATA, {"eol": b"\n\r\n"}) for mode in MODES[1:]},
    "Java SDK v1's 128 KiB": Chunks(aws.STREAMING, (b"a" * 131072, b"b" * 131072, b"c" * 100)),
    "minio-go's 64 KiB": Chunks(aws.STREAMING_TRAILER, DATA),
    "boto3's 1 MiB": Chunks(MODES[2], (b"a" * (1 << 20), b"b")),
    "no trailer": Chunks(MODES[2], DATA, {"trailer": (), "announced": ""}),
    "no trailer of an empty object": Chunks(MODES[2], (), {"trailer": (), "announced": ""}),
    "small unsigned chunks": Chunks(MODES[2], (b"a", b"b", b"c")),
    "chunks of the least size": Chunks(aws.STREAMING, (b"a" * 8192, b"b" * 8192, b"c")),
    "names announced in capitals": Chunks(MODES[2], DATA, {"announced": "X-Amz-Checksum-CRC32C"}),
}  # fmt: skip
