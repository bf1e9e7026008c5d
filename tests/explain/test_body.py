"""A body that is not the one that was signed: what was done to it is proven by the hash that the client sent."""

import gzip
from hashlib import sha256

import pytest

from s3gateway.explain.body import explain_body
from s3gateway.explain.evidence import Evidence, explain_evidence
from s3gateway.sigv4.model import RequestHead
from tests.explain.clients import Keys, botocore, java, sets
from tests.real.sdkv1 import STREAMING, Key, Target, put_chunked
from tests.sigv4.aws import EMPTY

BODY = "a line\nand caf\u00e9\n".encode()


def signed(body: bytes) -> RequestHead:
    return botocore(Keys(), "PUT", "/bucket/key", payload=sha256(body).hexdigest())


@pytest.mark.parametrize(
    ("signed_body", "arrived", "words"),
    [
        (BODY, BODY + b"\n", "a line feed was put behind it"),
        (BODY, BODY[:-1], "the line feed at its end was taken off"),
        (BODY, BODY.replace(b"\n", b"\r\n"), "its LF line ends were made CRLF"),
        (BODY.replace(b"\n", b"\r\n"), BODY, "its CRLF line ends were made LF"),
        (BODY, b"\xef\xbb\xbf" + BODY, "a byte order mark was put before it"),
        (BODY, gzip.compress(BODY, mtime=0), "it was compressed with gzip after signing"),
        (gzip.compress(BODY, 9, mtime=0), BODY, "it was unpacked with gzip after signing"),
        (BODY, BODY.decode().encode("iso-8859-1"), "it was written in ISO-8859-1 in place of UTF-8"),
        (BODY, b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY), "it was put into aws-chunks after signing"),
    ],
)
def test_what_was_done_to_a_body(signed_body: bytes, arrived: bytes, words: str) -> None:
    """Named for certain, since the hash of what was there before fits."""
    told = explain_body(signed(signed_body), arrived)
    assert told
    assert (told.cause, told.certainty) == ("payload-changed", "certain")
    assert words in told.sentence


def test_another_body() -> None:
    """The hash fits nothing: only that is said, and nothing of what the body holds."""
    told = explain_evidence(Evidence(received=signed(b"one"), body=b"s3cret of somebody"))
    assert told
    assert told.cause == "payload-of-another-body"
    assert "s3cret" not in told.sentence


def test_the_hash_of_nothing() -> None:
    """A client that hashes before it has the body."""
    told = explain_body(sets(signed(b"x"), "x-amz-content-sha256", EMPTY), b"x")
    assert told
    assert told.cause == "payload-signed-empty"


def test_a_right_body_says_nothing() -> None:
    """Hashed, unsigned, and in chunks."""
    key = Key()
    upload = put_chunked(Target("bucket", "key"), BODY, key=key, chunk=65536)
    chunked = RequestHead(b"PUT", upload.request.target, tuple(upload.request.headers))
    unsigned = botocore(Keys(), "PUT", "/bucket/key", payload="UNSIGNED-PAYLOAD")
    assert [explain_body(*pair) for pair in ((signed(BODY), BODY), (unsigned, BODY), (chunked, upload.body))] == [
        None
    ] * 3


def test_a_body_whose_chunks_were_taken_out() -> None:
    """A hop has decoded aws-chunked and left the head as it was; or something else begins the body."""
    head = java(Keys(), "PUT", Target("bucket", "key"), [("x-amz-decoded-content-length", str(len(BODY)))], STREAMING)
    told = [explain_body(head, body) for body in (BODY, b"something else")]
    assert [one and one.cause for one in told] == ["chunk-framing-removed", "chunk-framing"]


def test_tokens_that_do_not_belong_to_their_key() -> None:
    """AWS's key ids say of which kind they are."""
    temporary, lasting = Keys("ASIAIOSFODNN7EXAMPLE"), Keys("AKIAIOSFODNN7EXAMPLE")
    token = [("x-amz-security-token", "t0k3n")]
    heads = [botocore(keys, "GET", "/b/k", pairs) for keys in (temporary, lasting, Keys()) for pairs in ([], token)]
    told = [explain_evidence(Evidence(sent=head)) for head in heads]
    wanted = ["session-token-missing", None, None, "session-token-of-another-key", None, None]
    assert [one and one.cause for one in told] == wanted
    assert "t0k3n" not in repr(told)
