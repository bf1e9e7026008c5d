"""Requests of SDK v1's shape, byte for byte on a socket: what arrives behind the gateway is what was sent."""

import os
from hashlib import sha256

import pytest

from lab.certs import Certs
from lab.gateway import Gateway
from lab.minio import Minio
from lab.recorder import Recorder
from lab.wire import RecordedRequest
from tests.real import invariant
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import CHUNK, STREAMING, Signed, Target, Upload, put_chunked, put_plain, sign

ODD = (
    "a+b c~d*e(f)'!é.txt",
    "a%2Fb%7Ec%",
    "=;,:@&$",
    "日本/ключ 1",
)
QUERIES = (
    (("list-type", "2"), ("prefix", "a+b c~d*é/"), ("delimiter", "/")),
    (("prefix", ""), ("marker", "~*'()! ="), ("encoding-type", "url")),
    (("list-type", "2"), ("max-keys", "1"), ("start-after", "%7E%2F+&")),
)


def _only(wire: Recorder) -> RecordedRequest:
    (request,) = wire.requests()
    return request


def _check(sent: Signed, got: RecordedRequest) -> None:
    assert got.target == sent.target
    invariant.check_headers_kept(sent.headers, got)
    invariant.check_signed_names(got)


@pytest.mark.parametrize("key", ODD)
def test_a_put_and_get_of_an_odd_key(raw: Raw, wire: Recorder, minio: Minio, bucket: str, key: str) -> None:
    """A key in SDK v1's wire form reaches the backend byte for byte, signed so that MinIO accepts it."""
    put = put_chunked(Target(bucket, key), b"data of " + key.encode())
    assert raw.ask(put.wire).status == 200
    request = _only(wire)
    _check(put.request, request)
    assert minio.client().get_object(Bucket=bucket, Key=key)["Body"].read() == b"data of " + key.encode()
    get = sign("GET", Target(bucket, key))
    assert raw.ask(get.head).body == b"data of " + key.encode()
    _check(get, wire.requests()[-1])


@pytest.mark.parametrize("query", QUERIES)
def test_a_form_encoded_query(raw: Raw, wire: Recorder, bucket: str, query: tuple[tuple[str, str], ...]) -> None:
    """A query with +, bare * and %7E is verified in its canonical form and sent in its own."""
    listing = sign("GET", Target(bucket, "", query))
    answer = raw.ask(listing.head)
    assert (answer.status, b"<ListBucketResult" in answer.body) == (200, True)
    _check(listing, _only(wire))


def test_a_double_slash(raw: Raw, wire: Recorder, bucket: str) -> None:
    """``//`` travels as ``/%2F``; MinIO, which has no such keys, refuses the name and not the signature."""
    put = put_chunked(Target(bucket, "a//b"), b"data")
    assert put.request.target == f"/{bucket}/a/%2Fb".encode()
    assert raw.ask(put.wire).code == "XMinioInvalidObjectName"
    _check(put.request, _only(wire))


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 17])
def test_chunks_keep_their_boundaries_and_get_new_signatures(
    raw: Raw, wire: Recorder, minio: Minio, bucket: str, size: int
) -> None:
    """The body has the client's length and chunk sizes, none of its signatures, and is what MinIO stores."""
    data = os.urandom(size)
    put = put_chunked(Target(bucket, "k"), data)
    assert raw.ask(put.wire).status == 200
    request = _only(wire)
    _check(put.request, request)
    assert (request.header("x-amz-content-sha256"), request.body_length) == (STREAMING.encode(), len(put.body))
    assert _without_signatures(request.body) == _without_signatures(put.body)
    assert not _signatures(request.body) & _signatures(put.body)
    assert len(_signatures(request.body)) == len(put.frames)
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == data


@pytest.mark.parametrize("size", [0, 100_000, 3 * CHUNK])
def test_a_signed_trailer(raw: Raw, wire: Recorder, minio: Minio, bucket: str, size: int) -> None:
    """The signed-trailer mode leaves with a trailer signature of the gateway's."""
    import base64  # noqa: PLC0415
    import zlib  # noqa: PLC0415

    data = os.urandom(size)
    crc = base64.b64encode(zlib.crc32(data).to_bytes(4)).decode()
    put = put_chunked(Target(bucket, "k"), data, trailer=("x-amz-checksum-crc32", crc))
    answer = raw.ask(put.wire)
    assert answer.status == 200, answer
    request = _only(wire)
    _check(put.request, request)
    assert not _signatures(request.body) & _signatures(put.body)
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == data


def test_expect_100_continue(raw: Raw, wire: Recorder, minio: Minio, bucket: str) -> None:
    """An unsigned Expect is answered with 100, and is not on the wire behind the gateway."""
    put = put_chunked(Target(bucket, "k"), b"x" * 1000)
    raw.send(put.request.with_headers(("Expect", "100-continue")).head)
    assert raw.read().status == 100
    raw.send(put.body)
    assert raw.read().status == 200
    _check(put.request, _only(wire))
    assert minio.client().head_object(Bucket=bucket, Key="k")["ContentLength"] == 1000


def test_a_connection_is_kept_for_requests_of_every_kind(raw: Raw, wire: Recorder, bucket: str) -> None:
    """Uploads, listings, HEADs and a refusal without a body share one client connection."""
    put = put_chunked(Target(bucket, "dir/"), b"")
    assert raw.ask(put.wire).status == 200
    assert raw.ask(sign("HEAD", Target(bucket, "dir/")).head, "HEAD").header("content-length") == "0"
    assert raw.ask(sign("HEAD", Target(bucket, "none")).head, "HEAD").status == 404
    assert raw.ask(sign("GET", Target(bucket, "dir/")).changed("amz-sdk-retry", "1/0/500").head).status == 403
    assert raw.ask(put_plain(Target(bucket, "k"), b"plain").wire).status == 200
    assert raw.ask(sign("GET", Target(bucket, "k")).head).body == b"plain"
    assert [request.method for request in wire.requests()] == ["PUT", "HEAD", "HEAD", "PUT", "GET"]


@pytest.mark.parametrize("named", ["x-amz-date", "Keep-Alive, x-amz-content-sha256, host, amz-sdk-retry", "close"])
def test_connection_cannot_name_a_signed_header_away(raw: Raw, wire: Recorder, bucket: str, named: str) -> None:
    """Only hop-by-hop headers go before the signature; what S3 needs, or the client signed, does not."""
    get = sign("GET", Target(bucket, "", (("location", ""),)), connection=named)
    assert raw.ask(get.head).status == 200
    invariant.check_signed_names(_only(wire))
    assert {b"x-amz-date", b"host", b"x-amz-content-sha256"} <= {name.lower() for name, _ in _only(wire).headers}


def test_duplicate_and_odd_headers_survive(raw: Raw, wire: Recorder, minio: Minio, bucket: str) -> None:
    """Number, order, case, runs of spaces and bytes outside ASCII of headers are the client's."""
    headers = [
        ("x-AMZ-meta-One", "a  b   c"),
        ("X-Custom", "1"),
        ("x-custom", "2"),
        ("X-Amz-Meta-Latin", "naïve é"),
        ("X-CUSTOM", ""),
        ("x-amz-meta-empty", ""),
    ]
    put = put_plain(Target(bucket, "k"), b"x", headers)
    assert raw.ask(put.wire).status == 200
    _check(put.request, _only(wire))
    custom = [pair for pair in _only(wire).headers if pair[0].lower() == b"x-custom"]
    assert custom == [(b"X-Custom", b"1"), (b"x-custom", b"2"), (b"X-CUSTOM", b"")]
    assert minio.client().head_object(Bucket=bucket, Key="k")["ContentLength"] == 1


def test_http_chunking_around_aws_chunks(raw: Raw, wire: Recorder, minio: Minio, bucket: str) -> None:
    """A client may frame its aws-chunked body with HTTP's own chunks, of any size."""
    data = os.urandom(2 * CHUNK + 5)
    put = put_chunked(Target(bucket, "k"), data)
    headers = [(n, v) for n, v in put.request.headers if n.lower() != b"content-length"]
    # SDK v1 signs Content-Length, so this one is signed anew without it.
    extra = [(n.decode(), v.decode()) for n, v in headers if n.lower() == b"x-amz-decoded-content-length"]
    request = sign("PUT", Target(bucket, "k"), STREAMING, extra, key=put.request.key)
    body, last = b"", request.signature
    for piece in (data[:CHUNK], data[CHUNK : 2 * CHUNK], data[2 * CHUNK :], b""):
        last = request.key.sign("AWS4-HMAC-SHA256-PAYLOAD", last, sha256(b"").hexdigest(), sha256(piece).hexdigest())
        body += f"{len(piece):X};chunk-signature={last}\r\n".encode() + piece + b"\r\n"
    raw.send(request.with_headers(("Transfer-Encoding", "chunked")).head)
    for at in range(0, len(body), 50_001):
        piece = body[at : at + 50_001]
        raw.send(b"%x\r\n%b\r\n" % (len(piece), piece))
    answer = raw.ask(b"0\r\n\r\n")
    assert answer.status == 200, answer
    assert _without_signatures(_only(wire).body) == _without_signatures(body)
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == data


@pytest.mark.parametrize("size", [1, 7, 100, CHUNK])
def test_a_body_in_pieces_of_any_size(raw: Raw, wire: Recorder, minio: Minio, bucket: str, size: int) -> None:
    """Chunk headers may straddle any two packets."""
    data = b"0123456789" * 1000
    put = put_chunked(Target(bucket, "k"), data, chunk=8192)
    raw.socket.setsockopt(6, 1, 1)  # TCP_NODELAY: each send is a packet
    raw.send(put.head)
    for at in range(0, len(put.body), size):
        raw.send(put.body[at : at + size])
    assert raw.read().status == 200
    assert minio.client().get_object(Bucket=bucket, Key="k")["Body"].read() == data


def test_the_same_over_tls(usual_gateway: Gateway, wire: Recorder, certs: Certs, minio: Minio, bucket: str) -> None:
    """Signed chunks over TLS are treated alike."""
    put = put_chunked(Target(bucket, ODD[0]), b"y" * (CHUNK + 1))
    with Raw(usual_gateway.port, certs.ca) as raw:
        assert raw.ask(put.wire).status == 200
    _check(put.request, _only(wire))
    assert minio.client().head_object(Bucket=bucket, Key=ODD[0])["ContentLength"] == CHUNK + 1


def test_a_multipart_upload(raw: Raw, minio: Minio, bucket: str) -> None:
    """``?uploads=``, signed chunks as parts, and completion, as S3A's block output stream does it."""
    made = raw.ask(
        sign("POST", Target(bucket, "big", (("uploads", ""),)), headers=[("Content-Length", "0")]).head
    ).body.decode()
    upload = made.partition("<UploadId>")[2].partition("<")[0]
    etags = []
    for number, data in ((1, b"1" * (5 << 20)), (2, b"2" * 10)):
        part: Upload = put_chunked(Target(bucket, "big", (("uploadId", upload), ("partNumber", str(number)))), data)
        etags.append(raw.ask(part.wire).header("ETag") or "")
    rows = "".join(f"<Part><PartNumber>{i}</PartNumber><ETag>{e}</ETag></Part>" for i, e in enumerate(etags, 1))
    body = f"<CompleteMultipartUpload>{rows}</CompleteMultipartUpload>".encode()
    complete = sign(
        "POST",
        Target(bucket, "big", (("uploadId", upload),)),
        sha256(body).hexdigest(),
        [("Content-Length", str(len(body)))],
    )
    assert raw.ask(complete.head + body).status == 200
    assert minio.client().head_object(Bucket=bucket, Key="big")["ContentLength"] == (5 << 20) + 10


def _signatures(body: bytes) -> set[bytes]:
    found = {piece[:64] for piece in body.split(b"chunk-signature=")[1:]}
    return found | {piece[:64] for piece in body.split(b"x-amz-trailer-signature:")[1:]}


def _without_signatures(body: bytes) -> bytes:
    first, *rest = body.split(b"chunk-signature=")
    return first + b"".join(piece[64:] for piece in rest)
