"""Heads as they are kept: what was signed as AWS prints it, and nothing by which a request could be made again."""

from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3gateway.observed import redaction
from s3gateway.sigv4.model import RequestHead
from tests.admission import with_header
from tests.sigv4.aws import CLIENT, EMPTY, EXAMPLE, VECTORS, authorized, canonical_request, presigned, string_to_sign

HEADER = [*VECTORS["header"], *VECTORS["streaming"]]


@pytest.mark.parametrize("vector", HEADER, ids=lambda vector: vector["name"])
def test_aws_examples(vector: dict[str, Any]) -> None:
    """The canonical request has the hash that AWS prints, and the string to sign gives AWS's signature."""
    signature = vector.get("signature") or vector["seed_signature"]
    value = (
        f"AWS4-HMAC-SHA256 Credential={EXAMPLE.access_key_id}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={vector['signed_headers']},Signature={signature}"
    )
    pairs = [(name.encode(), text.encode()) for name, text in (*vector["headers"], ("Authorization", value))]
    head = redaction.captured_head(RequestHead(vector["method"].encode(), vector["target"].encode(), tuple(pairs)))
    assert (head.method, head.target) == (vector["method"], vector["target"])
    assert ";".join(head.signed_headers) == vector["signed_headers"]
    assert sha256(head.canonical_request.encode()).hexdigest() == vector["canonical_request_sha256"]
    assert EXAMPLE.sign(head.string_to_sign.encode()) == signature
    assert head.headers[:-1] == tuple((name, text) for name, text in vector["headers"])
    assert head.headers[-1] == ("Authorization", value.replace(signature, "<redacted>"))


def test_a_presigned_url() -> None:
    """Its canonical request has no signature in it, its target has a redacted one."""
    request = presigned("GET", "/bucket/key?a=1", parameters=[("X-Amz-Security-Token", "T0K3N")])
    head = redaction.captured_head(request)
    signature = request.target.rpartition(b"=")[2].decode()
    assert CLIENT.sign(head.string_to_sign.encode()) == signature
    assert head.target.endswith("&X-Amz-Security-Token=<redacted>&X-Amz-Signature=<redacted>")
    assert "&X-Amz-Security-Token=<redacted>&" in head.canonical_request
    assert "T0K3N" not in repr(head)
    assert signature not in repr(head)


def test_secret_headers_that_are_signed() -> None:
    """Their names stay in the canonical request, their values do not; the string to sign is the real one."""
    secrets = [("x-amz-security-token", "T0K3N"), ("x-amz-server-side-encryption-customer-key", "K3Y==")]
    request = authorized("PUT", "/bucket/key", secrets, payload=EMPTY)
    head = redaction.captured_head(request)
    whole = canonical_request(
        b"PUT", b"/bucket/key", b"", request.headers, [n.encode() for n in head.signed_headers], EMPTY.encode()
    )
    assert head.string_to_sign.encode() == string_to_sign(CLIENT, whole)
    shown = whole.replace(b"T0K3N", b"<redacted>").replace(b"K3Y==", b"<redacted>")
    assert head.canonical_request.encode() == shown


@pytest.mark.parametrize(
    ("date", "expected"), [(b"junk", False), (b"20240229T120000Z", True)], ids=["unreadable", "readable"]
)
def test_a_date_that_cannot_be_read(date: bytes, *, expected: bool) -> None:
    """There is a canonical request all the same, but nothing to sign."""
    head = redaction.captured_head(with_header(authorized("GET", "/bucket/key"), b"x-amz-date", date))
    assert head.canonical_request
    assert bool(head.string_to_sign) is expected


@pytest.mark.parametrize("value", [b"", b"junk", b"AWS K:S", b"AWS4-HMAC-SHA256 Credential=K, Signature=5e47"])
def test_authentication_that_cannot_be_read(value: bytes) -> None:
    """The head is kept, without it."""
    head = redaction.captured_head(with_header(authorized("GET", "/bucket/key"), b"authorization", value))
    assert (head.signed_headers, head.canonical_request, head.string_to_sign) == ((), "", "")
    assert head.headers[-1][1] in {"<redacted>", "AWS4-HMAC-SHA256 Credential=K, Signature=<redacted>"}


def test_payload() -> None:
    """What the head claims of its body, readable or not; a presigned URL's is unsigned unless it says otherwise."""
    assert redaction.payload_of(authorized("GET", "/b/k")) == EMPTY
    assert redaction.payload_of(presigned("GET", "/b/k")) == "UNSIGNED-PAYLOAD"
    assert redaction.payload_of(RequestHead(b"GET", b"/", ((b"x-amz-content-sha256", b"\xff"),))) == "\udcff"
    assert redaction.payload_of(RequestHead(b"GET", b"/", ())) == ""


NAMES = st.sampled_from([b"Host", b"Authorization", b"x-amz-date", b"x-amz-content-sha256", b"X-Other"]) | st.binary()
PAIRS = st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=6)


@given(st.binary(max_size=8), st.binary(max_size=60), PAIRS)
def test_any_head_can_be_kept(method: bytes, target: bytes, pairs: list[tuple[bytes, bytes]]) -> None:
    """Whatever bytes came in: they are kept, and can be had back where they are no secret."""
    head = redaction.captured_head(RequestHead(method, target, tuple(pairs)))
    assert head.method.encode("utf-8", "surrogateescape") == method
    assert [name.encode("utf-8", "surrogateescape") for name, _ in head.headers] == [name for name, _ in pairs]
    for (_, shown), (name, value) in zip(head.headers, pairs, strict=True):
        if name.lower() not in {b"authorization", b"cookie", b"proxy-authorization", b"referer"}:
            assert shown.encode("utf-8", "surrogateescape") == value
