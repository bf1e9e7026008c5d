"""AWS's published examples, step by step: canonical request, string to sign, key, signature, chunks."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from s3gateway.bodies.announced import read_announced
from s3gateway.bodies.chunked import chunked_body
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import CredentialScope, PayloadMode, RequestHead, Secret, Signature
from s3gateway.sigv4.verify import verify
from tests.admission import CONFIG
from tests.sigv4 import streams
from tests.sigv4.aws import EXAMPLE, VECTORS, string_to_sign

SECRET = Secret(EXAMPLE.secret)
SCOPE = CredentialScope("20130524", "us-east-1")
NOW = datetime(2013, 5, 24, tzinfo=UTC)
HEADER = [*VECTORS["header"], *VECTORS["streaming"]]
STREAM = VECTORS["streaming"][0]
PRESIGNED = VECTORS["presigned"][0]

by_name = pytest.mark.parametrize("vector", HEADER, ids=lambda vector: vector["name"])


def head_of(vector: dict[str, Any]) -> RequestHead:
    """The vector's request with the Authorization header that AWS prints."""
    value = (
        f"AWS4-HMAC-SHA256 Credential={EXAMPLE.access_key_id}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={vector['signed_headers']},Signature={vector.get('signature') or vector['seed_signature']}"
    )
    headers = [*vector["headers"], ["Authorization", value]]
    pairs = tuple((name.encode(), text.encode()) for name, text in headers)
    return RequestHead(vector["method"].encode(), vector["target"].encode(), pairs)


def canonical_of(vector: dict[str, Any]) -> bytes:
    head = head_of(vector)
    signed = tuple(vector["signed_headers"].encode().split(b";"))
    return canonical.canonical_request(
        head.method,
        canonical.canonical_uri(head.path),
        canonical.canonical_query(head.query),
        canonical.canonical_headers(head, signed),
        signed,
        (head.first(b"x-amz-content-sha256") or b"").decode(),
    )


@by_name
def test_canonical_request(vector: dict[str, Any]) -> None:
    """The canonical request has the SHA-256 that AWS prints in its string to sign."""
    assert vector["canonical_request_sha256"] == sha256(canonical_of(vector)).hexdigest()


def test_canonical_headers_are_sorted() -> None:
    """By name, as AWS's text has it, whatever the order in which they are listed and stand on the wire."""
    head = RequestHead(b"GET", b"/", ((b"X-B", b"2"), (b"Host", b"h"), (b"x-a", b"1")))
    assert canonical.canonical_headers(head, (b"x-b", b"x-a", b"host")) == b"host:h\nx-a:1\nx-b:2\n"


@by_name
def test_string_to_sign(vector: dict[str, Any]) -> None:
    """The string to sign is AWS's four lines."""
    expected = (
        f"AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n{vector['canonical_request_sha256']}"
    )
    assert expected.encode() == canonical.string_to_sign("20130524T000000Z", SCOPE, canonical_of(vector))


def test_signing_key() -> None:
    """The derived key is the one that AWS's secret gives for the day, region and service."""
    assert VECTORS["signing_key_hex"] == canonical.signing_key(SECRET, SCOPE).hex()


@by_name
def test_signature(vector: dict[str, Any]) -> None:
    """The signature is the one AWS prints."""
    key = bytes.fromhex(VECTORS["signing_key_hex"])
    text = canonical.string_to_sign("20130524T000000Z", SCOPE, canonical_of(vector))
    assert (vector.get("signature") or vector["seed_signature"]) == canonical.sign(key, text).hex


@by_name
def test_verifies(vector: dict[str, Any]) -> None:
    """The example request as a whole verifies, and gives what a chunk chain starts from."""
    head = head_of(vector)
    verified = verify(read_claim(head), head, SECRET, NOW)
    assert (bytes.fromhex(VECTORS["signing_key_hex"]), SCOPE, "20130524T000000Z") == (
        verified.signing_key,
        verified.scope,
        verified.timestamp,
    )


def test_presigned() -> None:
    """The example presigned URL verifies until it expires, and its canonical request is AWS's."""
    head = RequestHead(b"GET", PRESIGNED["target"].encode(), ((b"Host", PRESIGNED["host"].encode()),))
    verified = verify(read_claim(head), head, SECRET, datetime(2013, 5, 25, tzinfo=UTC))
    request = canonical.canonical_request(
        b"GET",
        verified.uri,
        verified.query,
        canonical.canonical_headers(head, (b"host",)),
        (b"host",),
        verified.payload.text,
    )
    assert PRESIGNED["canonical_request_sha256"] == sha256(request).hexdigest()
    assert PRESIGNED["target"].endswith(canonical.sign(verified.signing_key, string_to_sign(EXAMPLE, request)).hex)


def test_chunk_signatures() -> None:
    """Each chunk of the upload example gets the signature that AWS prints."""
    chain = ChunkChain(
        bytes.fromhex(VECTORS["signing_key_hex"]), SCOPE, "20130524T000000Z", Signature(STREAM["seed_signature"])
    )
    for chunk in STREAM["chunks"]:
        assert chunk["signature"] == chain.chunk(sha256(b"a" * chunk["size"]).hexdigest()).hex


def test_chunked_upload() -> None:
    """The body on the wire has AWS's length and hash, and passes through the gateway's transformer whole."""
    chunks = [b"a" * chunk["size"] for chunk in STREAM["chunks"] if chunk["size"]]
    stream = streams.signed("aws", chunks, key=EXAMPLE, seed=STREAM["seed_signature"])
    assert STREAM["wire_body_length"] == len(stream.body)
    assert STREAM["wire_body_sha256"] == sha256(stream.body).hexdigest()
    head = head_of(STREAM)
    verified = verify(read_claim(head), head, SECRET, NOW)
    inbound, outbound = (
        ChunkChain(verified.signing_key, verified.scope, verified.timestamp, verified.seed) for _ in range(2)
    )
    body = chunked_body(
        PayloadMode.STREAMING, (inbound, outbound), read_announced(PayloadMode.STREAMING, head), CONFIG.limits
    )
    assert stream.body == b"".join((*body.feed(stream.body), *body.finish()))
