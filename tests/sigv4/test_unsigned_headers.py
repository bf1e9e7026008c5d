"""An ``x-amz-*`` header that nobody signed could have been added by anybody: refused in every mechanism and mode."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.sigv4.model import RequestHead
from tests.admission import admitted, edited
from tests.sigv4 import aws
from tests.sigv4.aws import authorized, presigned

NAMES = [
    "x-amz-acl",
    "x-amz-bypass-governance-retention",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-grant-full-control",
    "x-amz-meta-a",
    "x-amz-metadata-directive",
    "x-amz-object-lock-mode",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-trailer",
    "x-amz-website-redirect-location",
    "X-AMZ-ACL",
    "x-amz-",
]
VALUE = "/other/secret"
MODES = [aws.EMPTY, aws.UNSIGNED, aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER]


def refused(head: RequestHead, name: str) -> None:
    with pytest.raises(S3Error) as raised:
        admitted(head)
    error = raised.value
    assert (error.status, error.code) == (403, "AccessDenied")
    assert error.message == "There were headers present in the request which were not signed"
    assert error.fields == (("HeadersNotSigned", name.lower()),)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("payload", MODES)
def test_added_to_a_signed_request(payload: str, name: str) -> None:
    """A header added to a signed request is named in the refusal."""
    if name == "x-amz-date":
        head = authorized("PUT", "/bucket/key", payload=payload, unsigned=[name])
    else:
        signed = authorized("PUT", "/bucket/key", payload=payload)
        head = edited(signed, headers=(*signed.headers, (name.encode(), VALUE.encode())))
    refused(head, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_added_to_a_presigned_request(method: str, name: str) -> None:
    """A header added to a presigned request is named in the refusal."""
    signed = presigned(method, "/bucket/key")
    refused(edited(signed, headers=(*signed.headers, (name.encode(), VALUE.encode()))), name)


@pytest.mark.parametrize("payload", MODES)
def test_the_payload_hash_may_be_unsigned(payload: str) -> None:
    """x-amz-content-sha256 stands in the canonical request by itself."""
    head = authorized("PUT", "/bucket/key", payload=payload, unsigned=["x-amz-content-sha256"])
    assert admitted(head).verified.payload.text == payload


@pytest.mark.parametrize("name", ["content-type", "content-length", "amz-sdk-retry", "x-amzn-trace-id", "user-agent"])
def test_other_headers_may_be_unsigned(name: str) -> None:
    """SDKs leave these out; AWS does not ask for them."""
    head = authorized("PUT", "/bucket/key", [(name, "1")], unsigned=[name])
    assert admitted(head).signed_headers == (b"host", b"x-amz-content-sha256", b"x-amz-date")


def test_a_name_that_is_no_text() -> None:
    """A header name with bytes beyond ASCII is refused like any other."""
    signed = authorized("PUT", "/bucket/key")
    refused(edited(signed, headers=(*signed.headers, (b"x-amz-\xff", b"1"))), "x-amz-\ufffd")
