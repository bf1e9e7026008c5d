"""A captured request signed anew is the one its client would have signed, as AWS's text written down here says."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.config.model import KeyPair
from s3gateway.errors import S3Error
from s3gateway.observed.capture import Exchange, dump, load
from s3gateway.observed.redaction import captured_head
from s3gateway.observed.resign import captured_request, framed, resign
from s3gateway.sigv4.model import RequestHead, Secret
from tests.real import sdkv1
from tests.sigv4 import streams
from tests.sigv4.aws import CLIENT, STREAMING, Key, authorized, presigned, signed_by

LATER = CLIENT.at("20301231T235959Z")
OTHER = Key("SOMEBODYELSE", "another secret", "20301231T235959Z")
SDK_HEADERS: list[tuple[str, str | bytes]] = [
    ("amz-sdk-invocation-id", "4f0c"),
    ("amz-sdk-retry", "0/0/500"),
    ("User-Agent", "Hadoop 3.3.4,  aws-sdk-java"),
    ("x-amz-meta-bytes", b"\xff\xfe not UTF-8"),
    ("X-Amz-Meta-Twice", "b"),
    ("x-amz-meta-twice", "a"),
]
ODD, ODD_URI = "/bucket/a%20b/%C3%A9~'()?prefix=x+y&list-type=2", "/bucket/a%20b/%C3%A9~%27%28%29"


def keys(key: Key) -> KeyPair:
    return KeyPair(key.access_key_id, Secret(key.secret))


def captured(head: RequestHead) -> RequestHead:
    """Through the schema, as it would be stored and read again."""
    (exchange,) = load(dump([Exchange("id", "2024-02-29T12:00:00.000Z", tls=False, incoming=captured_head(head))]))
    return captured_request(exchange.incoming)


def _authorized(key: Key) -> RequestHead:
    return authorized(
        "GET", ODD, SDK_HEADERS, key=key, unsigned=["amz-sdk-retry"], uri=ODD_URI, query="list-type=2&prefix=x%20y"
    )


def _presigned(key: Key) -> RequestHead:
    return presigned("GET", "/bucket/key?versionId=1", [("x-amz-meta-a", "b")], key=key, unsigned=["expect"])


@pytest.mark.parametrize("build", [_authorized, _presigned], ids=["header", "presigned"])
@pytest.mark.parametrize("key", [CLIENT, LATER, OTHER], ids=["own date", "later", "another client"])
def test_only_what_was_redacted_is_put_back(build: object, key: Key) -> None:
    """Order, case and number of headers, the list of signed ones and the target's bytes are the client's."""
    assert callable(build)
    stored = captured(build(CLIENT))
    assert b"<redacted>" in stored.target + dict(stored.headers).get(b"Authorization", b"")
    at = None if key is CLIENT else key.now
    assert resign(stored, keys(key), at=at, region="us-east-1").head == build(key)


def test_the_region_that_was_signed_stays() -> None:
    """In a header it is known; in a presigned URL it was redacted, and is the one given."""
    there = replace(CLIENT, region="eu-central-1")
    assert resign(captured(_authorized(there)), keys(there), region="us-east-1").head == _authorized(there)
    assert resign(captured(_presigned(there)), keys(there), region="eu-central-1").head == _presigned(there)


@pytest.mark.parametrize("form", ["Wed, 31 Dec 2025 23:59:59 GMT", "20251231T235959Z"])
def test_a_date_header_keeps_its_form(form: str) -> None:
    """A client without X-Amz-Date wrote the date in a form of its own, and signed it so."""
    head = authorized("GET", "/bucket/key", [("Date", form)], key=CLIENT)
    without = RequestHead(
        head.method,
        head.target,
        tuple(
            (n, v.replace(b"x-amz-date;", b"").replace(b";x-amz-date", b""))
            for n, v in head.headers
            if n != b"x-amz-date"
        ),
    )
    new = resign(captured(without), keys(LATER), at=LATER.now, region="us-east-1").head
    date = {"W": b"Tue, 31 Dec 2030 23:59:59 GMT", "2": b"20301231T235959Z"}[form[0]]
    assert dict(new.headers)[b"Date"] == date
    assert signed_by(new, LATER, uri="/bucket/key", query="")


def test_a_sdk_v1_upload_is_whole_again() -> None:
    """Head, seed and each of its 128 KiB chunks, from a body that still has somebody else's chunk signatures."""

    def upload(key: sdkv1.Key) -> sdkv1.Upload:
        return sdkv1.put_chunked(sdkv1.Target("b", "a//b c"), b"x" * (2 * sdkv1.CHUNK + 1), key=key)

    old = upload(sdkv1.Key(at=datetime(2024, 2, 29, tzinfo=UTC)))
    theirs = upload(sdkv1.Key("BACKEND", "of the gateway", at=datetime(2024, 2, 29, tzinfo=UTC))).body
    new = upload(sdkv1.Key("CLIENT", "tested", at=datetime(2030, 12, 31, tzinfo=UTC)))
    head = RequestHead(b"PUT", old.request.target, tuple(old.request.headers))
    again = resign(
        captured(head), KeyPair("CLIENT", Secret("tested")), body=theirs, at=new.request.key.at, region="us-east-1"
    )
    assert again.head.headers == tuple(new.request.headers)
    assert again.body == new.body


@pytest.mark.parametrize("stream", streams.FRAMED, ids=lambda stream: stream.name)
def test_chunks_keep_boundaries_and_spelling(stream: streams.Stream) -> None:
    """In every mode: only the signatures of chunks and trailer are new, and an independent receiver accepts them."""
    head = authorized(
        "PUT",
        "/bucket/key",
        [("x-amz-decoded-content-length", stream.decoded.decode()), ("x-amz-trailer", stream.announced.decode())],
        payload=stream.mode,
    )
    again = resign(captured(head), keys(OTHER), body=stream.body, at=OTHER.now, region="us-east-1")
    assert again.body is not None
    seed = dict(again.head.headers)[b"Authorization"].decode()[-64:]
    checked = streams.check(again.body, stream.mode, OTHER, seed)
    assert (checked.data, tuple(checked.trailer)) == (stream.data, tuple(stream.trailer))
    assert checked.sizes == tuple(
        frame.partition(b"\r\n")[0].partition(b";")[0] for frame in stream.frames[: len(checked.sizes)]
    )
    assert len(again.body) == len(stream.body)


def test_a_body_that_was_stored_without_its_chunks_gets_them_back() -> None:
    """As SDK v1 would have cut it: the same upload, to the byte. What is not all of the data is no body at all."""
    key = sdkv1.Key(at=datetime(2024, 2, 29, tzinfo=UTC))
    data = b"x" * (2 * sdkv1.CHUNK + 1)
    upload = sdkv1.put_chunked(sdkv1.Target("b", "k"), data, key=key)
    head = captured(RequestHead(b"PUT", upload.request.target, tuple(upload.request.headers)))
    assert framed(head, upload.body) == upload.body
    body = framed(head, data)
    assert body is not None
    again = resign(head, KeyPair(key.access_key_id, Secret(key.secret)), body=body, region="us-east-1")
    assert (again.head.headers, again.body) == (tuple(upload.request.headers), upload.body)
    for less in (data[:-1], data + b"x", upload.body[:-1], b""):
        assert framed(head, less) is None


@pytest.mark.parametrize(
    ("headers", "payload", "whole"),
    [
        ([("Content-Length", "4")], "UNSIGNED-PAYLOAD", b"body"),
        ([("Content-Length", "4")], sha256(b"body").hexdigest(), b"body"),
        ([("Transfer-Encoding", "chunked")], sha256(b"body").hexdigest(), b"body"),
        ([], sha256(b"").hexdigest(), b""),
        ([("Content-Length", "0")], sha256(b"").hexdigest(), b""),
    ],
)
def test_only_the_whole_body_is_one(headers: list[tuple[str, str]], payload: str, whole: bytes) -> None:
    """What was cut off, or has grown, must not be signed as if it were all of it."""
    head = captured(authorized("PUT", "/b/k", headers, payload=payload))
    assert framed(head, whole) == whole
    for other in {whole[:-1], whole + b"x", b""} - {whole}:
        assert framed(head, other) is None


@given(st.binary(max_size=100))
def test_hash_and_length_are_the_bodys(body: bytes) -> None:
    """Where the head names them; a stored body need not be the one that was captured."""

    def build(data: bytes) -> RequestHead:
        length = [("Content-Length", str(len(data)))]
        return authorized("PUT", "/bucket/key", length, payload=sha256(data).hexdigest())

    again = resign(captured(build(b"as it was")), keys(CLIENT), body=body, region="us-east-1")
    assert (again.head, again.body) == (build(body), body)


def test_an_unsigned_payload_stays_unsigned() -> None:
    """Nothing in the head speaks of the body, so nothing in it changes."""
    head = authorized("PUT", "/bucket/key", payload="UNSIGNED-PAYLOAD")
    assert resign(captured(head), keys(CLIENT), body=b"anything", region="us-east-1").head == head


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ((b"Authorization", b"AWS KEY:c2ln"),),
        ((b"Authorization", b"AWS4-HMAC-SHA256 Credential=KEY, SignedHeaders=host, Signature=<redacted>"),),
        tuple(p for p in authorized("GET", "/b/k").headers if p[0] != b"x-amz-date"),
    ],
    ids=["anonymous", "SigV2", "no scope", "no date"],
)
def test_what_cannot_be_signed_is_said(headers: tuple[tuple[bytes, bytes], ...]) -> None:
    """A head that no SigV4 client could have sent raises the coded error that its refusal had."""
    with pytest.raises(S3Error):
        resign(captured(RequestHead(b"GET", b"/bucket/key", headers)), keys(CLIENT), region="us-east-1")


@pytest.mark.parametrize("body", [b"", b"no chunks", b"1;chunk-signature=" + b"0" * 64 + b"\r\nx\r\n"])
def test_a_body_that_is_not_chunked_is_said(body: bytes) -> None:
    """What was stored is not what the head announces: cut off, or decoded by somebody."""
    with pytest.raises(S3Error):
        resign(captured(authorized("PUT", "/b/k", payload=STREAMING)), keys(CLIENT), body=body, region="us-east-1")


def test_no_secret_shows() -> None:
    """Neither head nor body of the new request is in its repr."""
    again = resign(captured(_authorized(CLIENT)), keys(CLIENT), body=b"the-body", region="us-east-1")
    assert "the-body" not in repr(again)
    assert "Signature" not in repr(again)
