"""The outgoing signature, checked by others: botocore's own signer, and a receiver written from AWS's text."""

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from s3gateway.bodies.whole import PlainBody
from s3gateway.errors import S3Error
from s3gateway.gateway import forward
from s3gateway.sigv4.model import RequestHead
from tests.admission import CONFIG, SIGNER, TEMPORARY, admitted, assert_outgoing, edited, forwarded, outgoing_head
from tests.sigv4 import oracle
from tests.sigv4.aws import CLIENT, GATEWAY, authorized, presigned, signed_by
from tests.sigv4.targets import KEYS, TARGETS, WIRE_FORMS


@pytest.mark.parametrize("target", [target for target in TARGETS if target != "/"])
def test_botocore_signs_the_same(target: str) -> None:
    """Over the headers that go out, botocore's own S3 signer computes the signature that goes out."""
    head = authorized("GET", target, [("x-amz-meta-a", "a  b"), ("Range", "bytes=0-1"), ("x-amz-meta-a", "é")])
    out = forwarded(head, signer=TEMPORARY)
    request = AWSRequest("GET", f"https://minio.example:9000{out.target.decode()}")
    for name, value in out.headers:
        if name.lower() in out.signed_headers:
            request.headers.add_header(name.decode(), value.decode())
    request.context["timestamp"] = GATEWAY.timestamp
    signer = S3SigV4Auth(Credentials(GATEWAY.access_key_id, GATEWAY.secret), "s3", GATEWAY.region)
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert dict(out.headers)[b"Authorization"].endswith(f"Signature={signature}".encode())


@pytest.mark.parametrize(("canonical", "wire"), WIRE_FORMS)
def test_the_raw_target_goes_out(canonical: str, wire: str) -> None:
    """The target leaves byte for byte, signed in its canonical form."""
    uri, _, query = canonical.partition("?")
    head = authorized("GET", wire, uri=uri, query=query)
    out = forwarded(head)
    assert out.target == wire.encode()
    assert signed_by(outgoing_head(b"GET", out), GATEWAY, uri=uri, query=query)


@pytest.mark.parametrize("key", KEYS)
def test_boto3s_requests_go_out_signed(key: str) -> None:
    """What boto3 sends for odd keys goes out under the gateway's key, every header kept."""
    boto = oracle.Boto3("https")
    for head in (
        boto.head("put_object", Bucket="bucket", Key=key, Body=b"data"),
        boto.head("get_object", Bucket="bucket", Key=key),
    ):
        now = oracle.verified(head).timestamp
        proven = admitted(head, now=CLIENT.at(now).now)
        out = forward(proven, head, CONFIG, SIGNER, GATEWAY.now)
        assert (out.target, out.operation.key) == (head.target, key)
        assert_outgoing(head, out)


def test_non_utf8_values_are_signed_as_they_are() -> None:
    """Bytes that are no text reach the signature unchanged."""
    head = authorized("PUT", "/bucket/key", [("x-amz-meta-a", b"caf\xe9 \xff")])
    assert signed_by(outgoing_head(b"PUT", forwarded(head)), GATEWAY, uri="/bucket/key", query="")


# Presigned, virtual-host, edited.


def test_presigned_requests_are_signed_in_the_header() -> None:
    """The authentication leaves the query, everything else stays byte for byte."""
    head = presigned("GET", "/bucket/a%2Bb?response-content-type=a%20b&versionId=1&x-%2Ay=")
    wire = head.target.replace(b"a%20b&", b"a+b&").replace(b"x-%2Ay=&", b"x-*y&").replace(b"a%2Bb?", b"a+b?")
    out = forwarded(edited(head, target=wire))
    assert out.target == b"/bucket/a+b?response-content-type=a+b&versionId=1&x-*y"
    query = "response-content-type=a%20b&versionId=1&x-%2Ay="
    assert signed_by(outgoing_head(b"GET", out), GATEWAY, uri="/bucket/a%2Bb", query=query)
    assert dict(out.headers)[b"X-Amz-Content-SHA256"] == b"UNSIGNED-PAYLOAD"


def test_a_presigned_put_streams() -> None:
    """A presigned PUT has an unsigned payload, and goes out as one."""
    out = forwarded(presigned("PUT", "/bucket/key", [("x-amz-meta-a", "1")]))
    assert (out.target, type(out.body), b"x-amz-meta-a" in out.signed_headers) == (b"/bucket/key", PlainBody, True)


def test_virtual_hosts_become_paths() -> None:
    """The bucket moves from the host into the path, which is signed so."""
    head = authorized("GET", "/a%20b?acl=", host="bucket.s3.example.com:8000")
    out = forwarded(head)
    assert (out.target, out.operation.bucket) == (b"/bucket/a%20b?acl=", "bucket")
    assert signed_by(outgoing_head(b"GET", out), GATEWAY, uri="/bucket/a%20b", query="acl=")


def test_an_edited_request_is_signed_as_edited() -> None:
    """What an operator changes before it goes is what is signed, and what policy is applied to."""
    proven = admitted(authorized("GET", "/bucket/key"))
    changed = RequestHead(b"GET", b"/bucket/other?versionId=2", (*proven.head.headers, (b"x-amz-new", b"1")))
    out = forward(proven, changed, CONFIG, SIGNER, GATEWAY.now)
    assert (out.target, out.operation.key) == (b"/bucket/other?versionId=2", "other")
    assert signed_by(outgoing_head(b"GET", out), GATEWAY, uri="/bucket/other", query="versionId=2")
    assert b"x-amz-new" in out.signed_headers


@pytest.mark.parametrize("target", [b"/minio/admin/v3/info", b"/bucket/../x", b"//x"])
def test_an_edited_request_is_still_checked(target: bytes) -> None:
    """An edit cannot reach what a client cannot."""
    proven = admitted(authorized("GET", "/bucket/key"))
    with pytest.raises(S3Error):
        forward(proven, edited(proven.head, target=target), CONFIG, SIGNER, GATEWAY.now)
