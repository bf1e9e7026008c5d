"""Which refusals of a backend are about the gateway's own signature."""

import pytest

from s3gateway.rules.at_fault import blames_gateway, blames_rule
from s3gateway.sigv4.model import Headers, RequestHead

HEADERS = ((b"Host", b"h"), (b"x-amz-meta-a", b"a\tb"))


@pytest.mark.parametrize("code", ["InvalidAccessKeyId", "InvalidTokenId", "ExpiredToken", "RequestTimeTooSkewed"])
def test_codes_about_the_key_the_clock_and_the_region(code: str) -> None:
    """No request changes them: the backend has seen nothing of the client's key."""
    assert blames_gateway(code, RequestHead(b"GET", b"/b/\xff", HEADERS))


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchKey", "InvalidArgument", "", "SlowDown"])
def test_other_codes_are_the_clients_affair(code: str) -> None:
    """So is a policy that keeps the gateway from a bucket: it may be meant."""
    assert not blames_gateway(code, RequestHead(b"GET", b"/b/k", HEADERS))


@pytest.mark.parametrize(
    ("target", "headers", "ours"),
    [
        (b"/b/k?prefix=a%2Fb", HEADERS, True),
        (b"/b/%C3%A9", HEADERS, True),
        (b"/b/a;b", HEADERS, True),
        (b"/b/%FF", HEADERS, False),
        (b"/b/\xc3\xa9", HEADERS, False),
        (b"/b?prefix=%ff", HEADERS, False),
        (b"/b?x-a~=1&x-B.0=%5B2", HEADERS, True),
        (b"/b?x-a=1&x-%5B=2", HEADERS, False),
        (b"/b?x-a=1&x-{=2", HEADERS, False),
        (b"/b?x-%C3%A9=1", HEADERS, False),
        (b"/b/k?X-Amz-SignedHeaders=host;x-amz-meta-a", HEADERS, True),
        (b"/b/k", (*HEADERS, (b"x-amz-meta-b", b"\xe9")), False),
    ],
)
def test_a_mismatch_may_come_from_an_odd_request(target: bytes, headers: Headers, ours: bool) -> None:
    """MinIO builds another canonical request than AWS of what is no UTF-8, and of names that are escaped."""
    assert blames_gateway("SignatureDoesNotMatch", RequestHead(b"GET", target, headers)) is ours


def test_encryption_that_the_backend_cannot_do() -> None:
    """Is the rule's affair where a rule asked for it, and the client's where the client did."""
    for cause in ("backend-without-kms", "kms-key-unknown"):
        assert blames_rule(cause, 0)
        assert not blames_rule(cause, None)
    assert not blames_rule("no-such-bucket", 0)
