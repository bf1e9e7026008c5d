"""Requests that botocore and boto3's real client signed verify, in canonical form and in the forms of other SDKs."""

import base64
import zlib

import pytest

from s3gateway.errors import S3Error
from s3gateway.sigv4.model import PayloadMode, RequestHead
from tests.sigv4 import aws, oracle, streams
from tests.sigv4.oracle import Boto3
from tests.sigv4.targets import KEYS, ODD_KEYS, ODD_TARGETS, ODD_WIRE_FORMS, TARGETS, WIRE_FORMS

HTTP = Boto3("http")
HTTPS = Boto3("https")
QUIET = Boto3("https", request_checksum_calculation="when_required")
BARE = Boto3("https", {"payload_signing_enabled": False}, request_checksum_calculation="when_required")


@pytest.mark.parametrize("target", [*TARGETS, *ODD_TARGETS])
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD", "POST", "DELETE"])
def test_signed_targets(method: str, target: str) -> None:
    """What botocore signed in the Authorization header verifies."""
    assert oracle.verified(oracle.signed(method, target)).payload.mode is PayloadMode.SHA256


@pytest.mark.parametrize("target", [*TARGETS, *ODD_TARGETS])
def test_presigned_targets(target: str) -> None:
    """What botocore presigned verifies."""
    if "&a=1" not in target and "empty=&" not in target:  # botocore's presigner loses repeated parameters
        assert oracle.verified(oracle.presigned("GET", target)).payload.mode is PayloadMode.UNSIGNED


@pytest.mark.parametrize(("canonical", "wire"), [*WIRE_FORMS, *ODD_WIRE_FORMS])
def test_wire_forms(canonical: str, wire: str) -> None:
    """A target that was signed in canonical form verifies in the form that another SDK sends."""
    head = oracle.signed("GET", canonical)
    verified = oracle.verified(RequestHead(head.method, wire.encode(), head.headers))
    assert (verified.uri, verified.query) == (canonical.partition("?")[0], canonical.partition("?")[2])


@pytest.mark.parametrize(("canonical", "wire"), [*WIRE_FORMS, *ODD_WIRE_FORMS])
def test_presigned_wire_forms(canonical: str, wire: str) -> None:
    """The same holds for a presigned URL."""
    if "a=1&a=2" in canonical:
        return
    head = oracle.presigned("GET", canonical)
    _, _, query = head.target.decode().partition("?")
    authentication = query[query.index("X-Amz-Algorithm") :]
    target = wire + ("&" if "?" in wire else "?") + authentication
    assert oracle.verified(RequestHead(head.method, target.encode(), head.headers)).payload.text == "UNSIGNED-PAYLOAD"


@pytest.mark.parametrize(
    "target",
    ["/bucket/a%2520b", "/bucket/a%20%20b", "/bucket/A%20B", "/bucket/a%20b/", "/bucket/a%20b?x=", "/bucket2/a%20b"],
)
def test_another_target_does_not_verify(target: str) -> None:
    """Canonicalisation joins spellings of one target, never two targets."""
    head = oracle.signed("GET", "/bucket/a%20b")
    with pytest.raises(S3Error) as raised:
        oracle.verified(RequestHead(head.method, target.encode(), head.headers))
    assert (raised.value.status, raised.value.code) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("sent", "on_wire"),
    [
        ((("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")), ((b"x-amz-meta-a", b"1"), (b"X-Amz-Meta-A", b"2"))),
        ((("x-amz-meta-a", "1,2"),), ((b"x-amz-meta-a", b"1"), (b"x-amz-meta-a", b"2"))),
        ((("x-amz-meta-a", "a b c"),), ((b"x-amz-meta-a", b"  a   b\tc "),)),
        ((("x-amz-meta-a", "a b"),), ((b"x-amz-meta-a", b"a\r\n  b"),)),
        ((("x-amz-meta-a", ""),), ((b"x-amz-meta-a", b"   "),)),
        ((("x-amz-meta-é", "日本"),), (("x-amz-meta-é".encode(), "日本".encode()),)),
    ],
    ids=["duplicates", "duplicates-as-one", "runs-of-spaces", "obs-fold", "only-spaces", "utf-8"],
)
def test_header_values(sent: tuple[tuple[str, str], ...], on_wire: tuple[tuple[bytes, bytes], ...]) -> None:
    """Duplicates join with a comma, white space folds, whatever the spelling on the wire."""
    if "é" in sent[0][0]:
        sent, on_wire = ((sent[0][0].replace("é", "e"), sent[0][1]),), ((b"x-amz-meta-e", on_wire[0][1]),)
    head = oracle.signed("PUT", "/bucket/k", sent)
    others = tuple(pair for pair in head.headers if not pair[0].lower().startswith(b"x-amz-meta-"))
    assert oracle.verified(RequestHead(head.method, head.target, (*others, *on_wire))).timestamp


@pytest.mark.parametrize("mode", [mode for mode in PayloadMode if mode.value])
def test_payload_modes(mode: PayloadMode) -> None:
    """Each mode's text is what was signed in place of a hash."""
    head = oracle.signed("PUT", "/bucket/k", (("x-amz-decoded-content-length", "3"),), payload=mode.value)
    assert oracle.verified(head).payload.mode is mode


# boto3's real client.


@pytest.mark.parametrize("key", [*KEYS, *ODD_KEYS])
@pytest.mark.parametrize("boto", [HTTP, HTTPS, QUIET], ids=["http", "https", "quiet"])
def test_boto3_keys(boto: Boto3, key: str) -> None:
    """boto3's requests for odd keys verify: get, put, copy and both presigned forms."""
    heads = [
        boto.head("get_object", Bucket="bucket", Key=key, Range="bytes=0-9"),
        boto.head("put_object", Bucket="bucket", Key=key, Body=b"data", Metadata={"a": "b  c"}),
        boto.head("copy_object", Bucket="bucket", Key=key, CopySource={"Bucket": "bucket", "Key": key}),
        boto.head("upload_part", Bucket="bucket", Key=key, UploadId="a+b/c==", PartNumber=1, Body=b"data"),
        boto.url("get_object", Bucket="bucket", Key=key, VersionId="null"),
        boto.url("put_object", Bucket="bucket", Key=key),
    ]
    assert [oracle.verified(head).scope.region for head in heads] == ["us-east-1"] * 6


@pytest.mark.parametrize("prefix", [*KEYS, *ODD_KEYS])
def test_boto3_lists(prefix: str) -> None:
    """boto3's listings with odd prefixes verify."""
    for operation in ("list_objects_v2", "list_objects", "list_multipart_uploads"):
        head = HTTP.head(operation, Bucket="bucket", Prefix=prefix, Delimiter="/")
        assert oracle.verified(head).payload.mode is PayloadMode.SHA256


def test_boto3_delete_objects() -> None:
    """DeleteObjects, whose body is XML with a checksum, verifies."""
    head = HTTP.head("delete_objects", Bucket="bucket", Delete={"Objects": [{"Key": key} for key in KEYS]})
    assert oracle.verified(head).payload.mode is PayloadMode.SHA256


@pytest.mark.parametrize(
    ("boto", "mode"),
    [
        (HTTP, PayloadMode.SHA256),
        (HTTPS, PayloadMode.STREAMING_UNSIGNED_TRAILER),
        (QUIET, PayloadMode.SHA256),
        (BARE, PayloadMode.UNSIGNED),
    ],
    ids=["http", "https", "quiet", "bare"],
)
def test_boto3_upload_modes(boto: Boto3, mode: PayloadMode) -> None:
    """boto3 chooses the payload mode by scheme and checksum setting; each verifies."""
    head = boto.head("put_object", Bucket="bucket", Key="k", Body=b"data")
    assert oracle.verified(head).payload.mode is mode


def test_boto3s_chunked_body() -> None:
    """What boto3 writes in its unsigned-trailer mode is what tests/sigv4/streams.py writes as boto3's form."""
    head = HTTPS.head("put_object", Bucket="bucket", Key="k", Body=b"data", ChecksumAlgorithm="CRC32")
    crc = base64.b64encode(zlib.crc32(b"data").to_bytes(4))
    stream = streams.unsigned("boto3", (b"data",), trailer=((b"x-amz-checksum-crc32", crc),))
    assert (HTTPS.body, head.first(b"x-amz-trailer")) == (stream.body, stream.announced)


@pytest.mark.parametrize("name", ["connection", "amz-sdk-retry", "user-agent", "expect", "content-length", "date"])
def test_the_clients_own_list_of_signed_headers_counts(name: str) -> None:
    """SDKs sign headers that botocore would not: verification follows SignedHeaders, not a list of its own."""
    head = aws.authorized("PUT", "/bucket/k", [(name.title(), "0/0/500")])
    assert oracle.verified(head).timestamp == aws.CLIENT.timestamp


def test_a_signed_header_that_is_absent_counts_as_empty() -> None:
    """As AWS does; the gateway itself never signs such a name."""
    signed = aws.authorized("GET", "/bucket/k", [("x-custom", "")])
    head = RequestHead(b"GET", b"/bucket/k", tuple(pair for pair in signed.headers if pair[0] != b"x-custom"))
    assert oracle.verified(head).timestamp == aws.CLIENT.timestamp
