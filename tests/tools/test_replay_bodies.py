"""Bodies that are made up for requests captured without: of the captured length, in the client's own chunks."""

import base64
import zlib
from hashlib import sha256

import pytest

from lab import CHECKOUT
from replaying.bodies import made_up
from replaying.golden import read_golden
from s3gateway.config.model import KeyPair
from s3gateway.observed.capture import Exchange
from s3gateway.observed.resign import captured_request, resign
from s3gateway.rules.deletion import read_keys
from s3gateway.sigv4.model import Secret
from tests.sigv4 import streams
from tests.sigv4.aws import CLIENT

FOLDER = CHECKOUT / "tests" / "captures"
STREAMING = ("boto3", "mc", "spark-3.5", "spark-4.0")
"""Clients that stream in each mode."""


def uploads(name: str, operations: set[str]) -> list[Exchange]:
    golden = read_golden(FOLDER / f"{name}.json")
    assert golden is not None
    return [exchange for exchange in golden.exchanges if exchange.operation in operations]


@pytest.mark.parametrize("name", STREAMING)
def test_an_upload_keeps_length_and_chunks(name: str) -> None:
    """Every streamed upload of these real clients: its length to the byte, and signatures that AWS's text accepts."""
    found = 0
    for exchange in uploads(name, {"PutObject", "UploadPart"}):
        head, body = made_up(exchange, captured_request(exchange.incoming), {})
        length = int(head.first(b"content-length") or b"0")
        assert len(body) == length or b"chunked" in head.all(b"transfer-encoding"), exchange.id
        keys = KeyPair(CLIENT.access_key_id, Secret(CLIENT.secret))
        again = resign(head, keys, body=body, at=CLIENT.now, region="us-east-1")
        assert again.body is not None
        if not exchange.payload.startswith("STREAMING"):
            assert len(again.body) == length
            continue
        found += 1
        seed = (again.head.first(b"authorization") or b"").decode()[-64:]
        checked = streams.check(again.body, exchange.payload, CLIENT, seed)
        assert str(len(checked.data)).encode() == head.first(b"x-amz-decoded-content-length")
        assert exchange.chunks is not None
        assert len(checked.sizes) == exchange.chunks.count, exchange.id
    assert found


def test_what_the_head_says_of_the_body_is_made_up_too() -> None:
    """boto3 sends a checksum in the head: it is that of the made-up data, which a server will check."""
    (exchange,) = [one for one in uploads("boto3", {"PutObject"}) if one.id == "PutObject-1"]
    head, body = made_up(exchange, captured_request(exchange.incoming), {})
    assert head.all(b"x-amz-checksum-crc32") == [_crc32(body)]
    signed = resign(head, KeyPair("KEY", Secret("secret")), body=body, region="us-east-1").head
    assert signed.first(b"x-amz-content-sha256") == sha256(body).hexdigest().encode()


def test_documents_are_made_up_too() -> None:
    """A delete of a key that is not there, as long as the captured; a completion of the parts there are."""
    (delete, *_) = uploads("spark-3.5", {"DeleteObjects"})
    head, body = made_up(delete, captured_request(delete.incoming), {})
    assert len(body) == int(head.first(b"content-length") or b"0")
    assert len(list(read_keys(body))) == 1
    (complete, *_) = uploads("spark-3.5", {"CompleteMultipartUpload"})
    _, body = made_up(complete, captured_request(complete.incoming), {2: "<ETag>b</ETag>", 1: "<ETag>a</ETag>"})
    assert body == (
        b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>"
        b"<Part><PartNumber>2</PartNumber><ETag>b</ETag></Part></CompleteMultipartUpload>"
    )


def _crc32(data: bytes) -> bytes:

    return base64.b64encode(zlib.crc32(data).to_bytes(4))
