# ruff: noqa: E501 - a table reads by its rows
"""Wire variants that real clients send, each of which some gateway has refused or broken: all pass, validly signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from s3gateway.sigv4.model import RequestHead
from tests.admission import SIGNER, assert_outgoing, forwarded, with_header, without
from tests.receiving import passage
from tests.refusing import Made, Request, Wire, auth, stream, then, url
from tests.sigv4 import aws, streams
from tests.sigv4.aws import GATEWAY, authorized
from tests.sigv4.streams import check, reads

GZIP = [("Content-Encoding", "aws-chunked,gzip")]
DATA = (b"a" * 65536, b"b" * 65536, b"c")
HELD_BACK = [aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER]


def get(headers: Sequence[tuple[str, str]] = (), **how: Any) -> Made:
    return auth("PUT", "/bucket/key", headers, payload=aws.UNSIGNED, **how)


def rewritten(made: Made, name: str, *values: bytes) -> Made:
    """Spell a header in another way after it was signed, in one field or several."""

    def respelled(head: RequestHead) -> RequestHead:
        pairs = without(head, name.encode()).headers
        return RequestHead(head.method, head.target, (*pairs, *((name.encode(), value) for value in values)))

    return then(made, respelled)


def in_other_letters(made: Made) -> Made:
    """Write the trailer's names with capitals, as .NET's SDK does; what is signed is lower case."""

    def make(w: Wire) -> Request:
        request = made(w)
        assert request.body is not None
        return Request(request.head, request.body.replace(b"x-amz-checksum", b"X-Amz-Checksum"))

    return make


HEADS: dict[str, Made] = {
    "content-length signed": get([("Content-Length", "1")]),
    "content-length not signed": get([("Content-Length", "1")], unsigned=["content-length"]),
    "content-type not signed": get([("Content-Type", "text/plain")], unsigned=["content-type"]),
    "Expect signed": get([("Expect", "100-continue")]),
    "user-agent and amz-sdk signed": get([("User-Agent", "a b"), ("amz-sdk-retry", "0/0/500"), ("amz-sdk-request", "a")]),
    "duplicates join": rewritten(get([("x-amz-meta-a", "1,2")]), "x-amz-meta-a", b"1", b"2"),
    "double spaces fold": rewritten(get([("x-amz-meta-a", "1 2")]), "x-amz-meta-a", b" 1   2 "),
    "obs-fold joins": rewritten(get([("x-amz-meta-a", "1 2")]), "x-amz-meta-a", b"1\r\n\t2"),
    "empty value": get([("x-amz-meta-a", "")]),
    "a body's hash not signed": get(unsigned=["x-amz-content-sha256"]),
    "sub-resource without =": auth("POST", "/bucket/key?uploads", body=b""),
    "sub-resource with =": auth("POST", "/bucket/key?uploads=", body=b""),
    "a semicolon escaped": auth("GET", "/bucket?prefix=a%3Bb"),
    "presigned with bare semicolons": then(
        url("GET", "/bucket/key", [("x-amz-meta-a", "1")]),
        lambda head: RequestHead(head.method, head.target.replace(b"%3B", b";"), head.headers),
    ),
    "one checksum": get([("x-amz-checksum-crc32", "AAAAAA=="), ("x-amz-checksum-type", "FULL_OBJECT")]),
    "a checksum asked for": auth("GET", "/bucket/key", [("x-amz-checksum-mode", "ENABLED")]),
    "2 KiB of metadata": get([("x-amz-meta-a", "x" * 2047)]),
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


@pytest.mark.parametrize("name", HEADS)
def test_heads(name: str) -> None:
    """The request is admitted, goes out with its target byte for byte, and verifies under the gateway's key."""
    head = HEADS[name](Wire()).head
    out = forwarded(head)
    if "presigned" not in name:
        assert (head.method, head.target) == (head.method, out.target)
        assert_outgoing(head, out)


@dataclass(frozen=True)
class Chunks:
    """An upload in chunks, and the mode it is in."""

    mode: str
    made: Made


BODIES: dict[str, Chunks] = {
    **{f"no Content-Encoding {mode}": Chunks(mode, stream(mode, DATA)) for mode in HELD_BACK},
    **{f"aws-chunked,gzip {mode}": Chunks(mode, stream(mode, DATA, headers=GZIP)) for mode in HELD_BACK},
    **{f"empty object {mode}": Chunks(mode, stream(mode, ())) for mode in HELD_BACK},
    **{f"HTTP chunked around it {mode}": Chunks(mode, stream(mode, DATA, headers=[("Transfer-Encoding", "chunked")])) for mode in HELD_BACK},
    **{f"trailer in other letters {mode}": Chunks(mode, in_other_letters(stream(mode, DATA))) for mode in HELD_BACK[1:]},
    "Java SDK v1's 128 KiB": Chunks(aws.STREAMING, stream(aws.STREAMING, (b"a" * 131072, b"b" * 131072, b"c" * 100))),
    "minio-go's 64 KiB": Chunks(aws.STREAMING_TRAILER, stream(aws.STREAMING_TRAILER, DATA)),
    "boto3's 1 MiB": Chunks(HELD_BACK[2], stream(HELD_BACK[2], (b"a" * (1 << 20), b"b"))),
    "small unsigned chunks": Chunks(HELD_BACK[2], stream(HELD_BACK[2], (b"a", b"b", b"c"))),
    "chunks of the least size": Chunks(aws.STREAMING, stream(aws.STREAMING, (b"a" * 8192, b"b" * 8192, b"c"))),
    "names announced in capitals": Chunks(HELD_BACK[2], stream(HELD_BACK[2], DATA, announced="X-Amz-Checksum-CRC32C")),
}  # fmt: skip


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("size", [1000, 1 << 22])
def test_bodies(name: str, size: int) -> None:
    """The upload goes out whole, as long as it came in, under the gateway's signatures; Content-Encoding as it was."""
    request = BODIES[name].made(Wire())
    out = forwarded(request.head, signer=SIGNER)
    assert out.body is not None
    assert request.body is not None
    result = passage(out.body, reads(request.body, size))
    sent = result.released + result.finished
    assert (result.fault, len(sent)) == (None, len(request.body))
    seed = (dict(out.headers)[b"Authorization"])[-64:].decode()
    check(sent, BODIES[name].mode, GATEWAY, seed)
    assert RequestHead(b"", b"", out.headers).all(b"content-encoding") == request.head.all(b"content-encoding")


def test_a_date_instead_of_x_amz_date() -> None:
    """tests/sigv4/test_time.py has the forms of Date; beside X-Amz-Date, Date has no say."""
    head = with_header(authorized("GET", "/bucket/key"), b"date", b"Thu, 01 Jan 1970 00:00:00 GMT")
    assert_outgoing(head, forwarded(head))


def test_minio_gos_trailer_is_among_the_vectors() -> None:
    """tests/test_body.py passes each of these through every split of its reads."""
    assert {"signed-trailer-minio-go", "unsigned-minio-go"} <= {stream.name for stream in streams.VECTORS}
