"""Method, target and headers -> operation, bucket and key; and the targets that are refused."""

import base64
from urllib.parse import quote

import pytest

from s3gateway.errors import S3Error
from tests.rules.targets import operation, refused

OPERATIONS = """
GET    /                                        ListBuckets
GET    /?x-id=ListBuckets                       ListBuckets
PUT    /bucket                                  CreateBucket
PUT    /bucket/                                 CreateBucket
HEAD   /bucket                                  HeadBucket
DELETE /bucket                                  DeleteBucket
GET    /bucket                                  ListObjects
GET    /bucket?prefix=a                         ListObjects
GET    /bucket?list-type=2                      ListObjectsV2
GET    /bucket/?list-type=2&prefix=             ListObjectsV2
GET    /bucket?uploads                          ListMultipartUploads
GET    /bucket?uploads=                         ListMultipartUploads
GET    /bucket?versions                         ListObjectVersions
GET    /bucket?location                         GetBucketLocation
POST   /bucket?delete                           DeleteObjects
GET    /bucket?policy                           GetBucketPolicy
PUT    /bucket?policy                           PutBucketPolicy
DELETE /bucket?policy                           DeleteBucketPolicy
PUT    /bucket?encryption                       PutBucketEncryption
GET    /bucket?object-lock                      GetObjectLockConfiguration
PUT    /bucket?versioning                       PutBucketVersioning
PUT    /bucket?lifecycle                        PutBucketLifecycleConfiguration
GET    /bucket/key                              GetObject
GET    /bucket/key?versionId=1                  GetObject
GET    /bucket/key?partNumber=1                 GetObject
GET    /bucket/key?response-content-type=a      GetObject
HEAD   /bucket/key                              HeadObject
PUT    /bucket/key                              PutObject
PUT    /bucket/key?x-id=PutObject               PutObject
DELETE /bucket/key                              DeleteObject
POST   /bucket/key?uploads                      CreateMultipartUpload
POST   /bucket/key?uploads=                     CreateMultipartUpload
PUT    /bucket/key?partNumber=1&uploadId=a      UploadPart
PUT    /bucket/key?uploadId=a&partNumber=1      UploadPart
POST   /bucket/key?uploadId=a                   CompleteMultipartUpload
DELETE /bucket/key?uploadId=a                   AbortMultipartUpload
GET    /bucket/key?uploadId=a                   ListParts
GET    /bucket/key?tagging                      GetObjectTagging
PUT    /bucket/key?tagging                      PutObjectTagging
DELETE /bucket/key?tagging                      DeleteObjectTagging
GET    /bucket/key?acl                          GetObjectAcl
PUT    /bucket/key?acl                          PutObjectAcl
PUT    /bucket/key?retention                    PutObjectRetention
PUT    /bucket/key?legal-hold                   PutObjectLegalHold
GET    /bucket/key?attributes                   GetObjectAttributes
POST   /bucket/key?restore                      RestoreObject
POST   /bucket/key?select&select-type=2         SelectObjectContent
"""
TABLE = [tuple(line.split()) for line in OPERATIONS.strip().splitlines()]

REFUSED = """
PUT    /bucket/key?uploads                      405 MethodNotAllowed
PUT    /bucket/key?attributes                   405 MethodNotAllowed
PUT    /bucket/key?restore                      405 MethodNotAllowed
PUT    /bucket/key?versions                     405 MethodNotAllowed
PUT    /bucket/key?policy                       405 MethodNotAllowed
PUT    /bucket/key?uploadId=a                   405 MethodNotAllowed
PUT    /bucket/key?partNumber=1                 400 InvalidArgument
PUT    /bucket/key?uploadId=&partNumber=1       404 NoSuchUpload
PUT    /bucket/key?uploadId=a&partNumber=       400 InvalidArgument
PUT    /bucket/key?uploadId=a&partNumber=%0A    400 InvalidArgument
PUT    /bucket/key?uploadId=%0A&partNumber=1    404 NoSuchUpload
PUT    /bucket/key?uploadId=a%0d%0a&partNumber=1 404 NoSuchUpload
PUT    /bucket/key?uploadId=a&uploads           400 InvalidArgument
PUT    /bucket/key?versionId=1                  400 InvalidArgument
PUT    /bucket/key?other                        400 InvalidArgument
PUT    /bucket/key?=1                           400 InvalidArgument
PUT    /bucket/key?content-type=text/html       400 InvalidArgument
PUT    /bucket/key?x-amz-copy-source=other/key  400 InvalidArgument
PUT    /bucket/key?x-amz-server-side-encryption=AES256 400 InvalidArgument
PUT    /bucket/key?x-amz-object-lock-mode=GOVERNANCE   400 InvalidArgument
PUT    /bucket/key?x-amz-bypass-governance-retention=true 400 InvalidArgument
PUT    /bucket/key?x-amz-replication-status=REPLICA 403 AccessDenied
PUT    /bucket/key?X-Minio-Replication-Encrypted-Multipart= 403 AccessDenied
PUT    /bucket/key?%78-minio-extract=true       403 AccessDenied
PUT    /bucket/key?X-Amz-Meta-Snowball-Auto-Extract=true 501 NotImplemented
PUT    /bucket/key?tagging=1                    400 InvalidArgument
PUT    /bucket/key?tagging=%0A                  400 InvalidArgument
PUT    /bucket/key?acl=%0D%0A                   400 InvalidArgument
PUT    /bucket/key?tagging&tagging              400 InvalidArgument
PUT    /bucket/key?tagging&acl                  400 InvalidArgument
PUT    /bucket/key?%74agging&acl                400 InvalidArgument
POST   /bucket/key                              405 MethodNotAllowed
POST   /bucket/key?delete                       405 MethodNotAllowed
POST   /bucket/key?select&delete                400 InvalidArgument
POST   /bucket/key?select&select-type=2&delete  400 InvalidArgument
POST   /bucket/key?select                       400 InvalidArgument
POST   /bucket/key?select&select-type=1         400 InvalidArgument
POST   /bucket/key?select&select-type=2%0A      400 InvalidArgument
POST   /bucket/key?uploads&delete               400 InvalidArgument
POST   /bucket/key?restore=%0A                  400 InvalidArgument
GET    /bucket/key?torrent                      501 NotImplemented
GET    /bucket/key?lambdaArn=a                  501 NotImplemented
GET    /bucket/key?acl=%0A                      400 InvalidArgument
GET    /bucket/key?versionId=1&versionId=2      400 InvalidArgument
GET    /bucket/key?versionId=1&x-a=1&X-A=2      400 InvalidArgument
DELETE /bucket/key?tagging=%0A                  400 InvalidArgument
DELETE /bucket/key?acl                          405 MethodNotAllowed
HEAD   /bucket/key?tagging                      405 MethodNotAllowed
GET    /bucket?location=%0A                     400 InvalidArgument
GET    /bucket?list-type=1                      400 InvalidArgument
GET    /bucket?list-type=2&versions             400 InvalidArgument
GET    /bucket?list-type=2&metadata=false       400 InvalidArgument
GET    /bucket?Prefix=a                         400 InvalidArgument
GET    /bucket?prefix=a&prefix=b                400 InvalidArgument
GET    /bucket?events=                          501 NotImplemented
GET    /bucket?analytics                        501 NotImplemented
GET    /bucket?replication-metrics=2            501 NotImplemented
GET    /bucket?replication-reset-status         501 NotImplemented
PUT    /bucket?replication-reset                501 NotImplemented
PUT    /bucket?website                          405 MethodNotAllowed
PUT    /bucket?publicAccessBlock                501 NotImplemented
PUT    /bucket?logging                          405 MethodNotAllowed
PUT    /bucket?policyStatus                     405 MethodNotAllowed
PUT    /bucket?policy=%0A                       400 InvalidArgument
PUT    /bucket?other                            400 InvalidArgument
DELETE /bucket?object-lock                      405 MethodNotAllowed
DELETE /bucket?versioning                       405 MethodNotAllowed
DELETE /bucket?policy=%0A                       400 InvalidArgument
POST   /bucket                                  405 MethodNotAllowed
POST   /bucket?delete=1                         400 InvalidArgument
HEAD   /bucket?acl                              405 MethodNotAllowed
GET    /?events=s3:ObjectCreated:*              501 NotImplemented
GET    /?location                               405 MethodNotAllowed
GET    /?other                                  400 InvalidArgument
GET    /bucket//key                             400 InvalidArgument
PUT    /bucket/%2Fkey                           400 InvalidArgument
PUT    /bucket/key__XLDIR__                     400 InvalidArgument
PUT    /bucket/key__XLDIR__/a                   400 InvalidArgument
"""
NOT_FOUND = [tuple(line.split()) for line in REFUSED.strip().splitlines()]

TAKEN = """
GET    /bucket/key?x-id=GetObject&X-Amz-Expires=1&X-Amz-Checksum-Mode=ENABLED GetObject
GET    /bucket/key?x-user=a%0Ab                 GetObject
GET    /bucket/key?response-content-disposition=a%0A GetObject
GET    /bucket?prefix=a%0A                      ListObjects
GET    /bucket?list-type=2&metadata=true        ListObjectsV2
GET    /bucket?lifecycle&withUpdatedAt=true     GetBucketLifecycleConfiguration
PUT    /bucket/key?x-amz-meta-a=b&x-amz-acl=private&x-amz-sdk-checksum-algorithm=CRC32 PutObject
GET    /bucket/key?&&acl=&                      GetObjectAcl
"""


@pytest.mark.parametrize(("method", "target", "name"), TABLE, ids=lambda part: part)
def test_names(method: str, target: str, name: str) -> None:
    """Operations have the names of the S3 API Reference."""
    found = operation(method, target)
    assert (found.name, found.bucket) == (name, "" if target.startswith(("/?", "/ ")) or target == "/" else "bucket")
    assert found.key == ("key" if target.startswith("/bucket/key") else "")
    assert found.takes_chunks is (name in {"PutObject", "UploadPart"})


@pytest.mark.parametrize(("method", "target", "status", "code"), NOT_FOUND, ids=lambda part: part)
def test_what_is_no_operation(method: str, target: str, status: str, code: str) -> None:
    """A query that a backend may take for another operation, or that this one does not have."""
    assert refused(method, target) == (int(status), code)


@pytest.mark.parametrize(("method", "target", "name"), [tuple(line.split()) for line in TAKEN.strip().splitlines()])
def test_what_any_operation_may_have(method: str, target: str, name: str) -> None:
    """What SDKs move into the query, what is for the access log, and any bytes where no operation hangs on them."""
    assert operation(method, target).name == name


@pytest.mark.parametrize(
    ("method", "target", "header", "also"),
    [
        ("PUT", "/bucket/key", "x-amz-object-lock-mode", ("PutObjectRetention",)),
        ("PUT", "/bucket/key", "X-Amz-Object-Lock-Retain-Until-Date", ("PutObjectRetention",)),
        ("POST", "/bucket/key?uploads", "x-amz-object-lock-legal-hold", ("PutObjectLegalHold",)),
        ("DELETE", "/bucket/key", "x-amz-bypass-governance-retention", ("BypassGovernanceRetention",)),
        ("POST", "/bucket?delete", "x-amz-bypass-governance-retention", ("BypassGovernanceRetention",)),
        ("PUT", "/bucket/key", "x-amz-tagging", ("PutObjectTagging",)),
        ("PUT", "/bucket/key?x-amz-tagging=a%3Db", "x-a", ("PutObjectTagging",)),
        ("PUT", "/bucket/key", "x-amz-acl", ("PutObjectAcl",)),
        ("PUT", "/bucket/key", "x-amz-grant-read", ("PutObjectAcl",)),
        ("PUT", "/bucket", "x-amz-acl", ("PutBucketAcl",)),
        ("PUT", "/bucket", "x-amz-grant-write", ("PutBucketAcl",)),
        ("PUT", "/bucket?acl", "x-amz-acl", ("PutBucketAcl",)),
        ("PUT", "/bucket", "x-amz-bucket-object-lock-enabled", ("PutObjectLockConfiguration", "PutBucketVersioning")),
        ("PUT", "/bucket/key", "x-amz-tagging-directive", ()),
        ("PUT", "/bucket/key", "x-amz-meta-x-amz-acl", ()),
        ("GET", "/bucket/key", "x-amz-acl", ()),
        ("GET", "/bucket/key", "x-amz-tagging-directive", ("GetObjectTagging",)),
        ("HEAD", "/bucket/key", "X-Amz-Tagging-Directive", ("GetObjectTagging",)),
        ("GET", "/bucket?list-type=2&metadata=true", "x-a", ("HeadObject", "GetObjectTagging")),
        ("GET", "/bucket?versions&metadata=true", "x-a", ("HeadObject", "GetObjectTagging")),
    ],
)
def test_what_headers_amount_to(method: str, target: str, header: str, also: tuple[str, ...]) -> None:
    """AWS asks for the permission of the operation that would do the same."""
    assert operation(method, target, (header.encode(), b"1")).also == also


@pytest.mark.parametrize(
    "upload",
    [b"x.../../../other/key", b"x.a/../../../../other/key", b"x...", b"x.a/..", b"../x.a", b"a/../x.a", b"x.../\xff"],
)
def test_upload_ids_that_are_paths(upload: bytes) -> None:
    """MinIO decodes them, and looks there: the parts of another object are listed, and written."""
    target = f"/bucket/key?uploadId={base64.urlsafe_b64encode(upload).decode().rstrip('=')}"
    for method in ("GET", "POST", "DELETE"):
        assert refused(method, target) == (404, "NoSuchUpload")
    assert refused("PUT", f"{target}&partNumber=1") == (404, "NoSuchUpload")
    if b".." in upload.split(b"/"):
        assert refused("GET", f"/bucket/key?uploadId={quote(upload, safe='')}") == (404, "NoSuchUpload")


@pytest.mark.parametrize(
    "upload",
    [
        "MDRhYzZhYjItOTkxMi00NzM2LTkxNWMtOTA0OGY1MTFhYzFjLjk1YmY5NTYzLWQ0NjctNDNlMi1iMzhmLTlkYWExZGNhYmYyZXgxNzYz",
        "dfRtDYU0WWCCcH43C3WFbkRONycyCpTJJvxu2i5GYkZljF.Yxwh6XG7WfS2vC4to6HiV6Yjlx.cph0gtNBtJ8P3URCSbB7rjxI5iEwVDmgaXZOGgk",
        "x..",
        "..x",
    ],
)
def test_upload_ids(upload: str) -> None:
    """MinIO's own, and one of AWS's documentation."""
    assert operation("GET", f"/bucket/key?uploadId={upload}").name == "ListParts"


def test_a_replicas_header() -> None:
    """MinIO overwrites locked versions for who says that it is a replica."""
    assert refused("PUT", "/bucket/key", (b"X-Amz-Replication-Status", b"REPLICA")) == (403, "AccessDenied")


@pytest.mark.parametrize("target", ["/bucket/key?uploadId=a&partNumber=1", "/bucket/key"])
def test_copies(target: str) -> None:
    """A copy source makes a copy of it."""
    found = operation("PUT", target, (b"X-Amz-Copy-Source", b"/other/a%20b"))
    assert found.name == ("UploadPartCopy" if "uploadId" in target else "CopyObject")
    assert (found.source, found.takes_chunks) == (("other", "a b"), False)


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (b"other/key", ("other", "key")),
        (b"/other/key", ("other", "key")),
        (b"other/key?versionId=1", ("other", "key")),
        (b"other/a%3Fb", ("other", "a?b")),
        (b"other%2Fkey", ("other", "key")),
        (b"other/dir/", ("other", "dir/")),
        (b"other/a+b", ("other", "a+b")),
        (b"other/%C3%A9", ("other", "é")),
    ],
)
def test_copy_sources(value: bytes, source: tuple[str, str]) -> None:
    """A copy source is percent-encoded, with or without its first slash."""
    assert operation("PUT", "/bucket/key", (b"x-amz-copy-source", value)).source == source


@pytest.mark.parametrize(
    "value",
    (
        b" / other other/ /other/ //key ../other/key other/../secret/key other/./key other/%2e%2e/key o/key "
        b"other//key other/%2Fkey other/a__XLDIR__ other%2fkey"
    ).split(b" "),
)
def test_refused_copy_sources(value: bytes) -> None:
    """A copy source without bucket and key, or with dots in its path, is refused."""
    assert refused("PUT", "/bucket/key", (b"x-amz-copy-source", value)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "value",
    [
        b"other/team#1/key",  # MinIO: team
        b"other/key?versionId=1#",  # MinIO: another version, or the latest
        b"other/key?versionId=%zz1",
        b"other/te%61m/100%",  # MinIO: the key te%61m/100%, letter by letter
        b"other/te%61m/%4",
        b"other/te%61m/a\tb",
        b"other/te%61m/a\r\n b",
    ],
)
def test_copy_sources_that_minio_reads_as_others(value: bytes) -> None:
    """It takes them for URLs (Go's ``url.Parse``): cut at a fragment, and raw if they are none."""
    assert refused("PUT", "/bucket/key", (b"x-amz-copy-source", value)) == (400, "InvalidArgument")


@pytest.mark.parametrize("query", ["retention", "legal-hold", "tagging", "acl"])
def test_a_copy_source_only_copies(query: str) -> None:
    """MinIO looks for a copy source before ``?retention``: what looks like another operation must not copy."""
    assert refused("PUT", f"/bucket/key?{query}", (b"x-amz-copy-source", b"other/key")) == (400, "InvalidArgument")


def test_two_copy_sources() -> None:
    """Which one a backend reads is not knowable."""
    source = (b"x-amz-copy-source", b"other/key")
    assert refused("PUT", "/bucket/key", source, source) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/bucket/a%20b", "a b"),
        ("/bucket/a+b", "a+b"),
        ("/bucket/a%2Bb", "a+b"),
        ("/bucket/a//b/", "a//b/"),
        ("/bucket/%C3%A9", "é"),
        ("/bucket/%FF", "\udcff"),
        ("/bucket/...", "..."),
        ("/bucket/a..b/.c", "a..b/.c"),
        ("/bucket/%252e%252e/x", "%2e%2e/x"),
        ("/bucket/minio/x", "minio/x"),
        ("/bucket/~'()*=%25", "~'()*=%"),
    ],
)
def test_keys(target: str, key: str) -> None:
    """Keys are decoded once; the path that goes on is the raw one."""
    found = operation("GET", target)
    assert (found.bucket, found.key, found.path) == ("bucket", key, target.encode())


@pytest.mark.parametrize(
    ("host", "target", "path", "name"),
    [
        (b"bucket.s3.example.com", "/key", b"/bucket/key", "GetObject"),
        (b"bucket.s3.example.com:8000", "/a/b?acl", b"/bucket/a/b", "GetObjectAcl"),
        (b"Bucket.S3.Example.COM", "/key", b"/bucket/key", "GetObject"),
        (b"my.bucket.s3.example.com", "/", b"/my.bucket/", "ListObjects"),
        (b"bucket.s3.example.com", "/bucket/key", b"/bucket/bucket/key", "GetObject"),
        (b"bucket.second.example", "/key", b"/bucket/key", "GetObject"),
        (b"s3.example.com", "/bucket/key", b"/bucket/key", "GetObject"),
        (b"xs3.example.com", "/bucket/key", b"/bucket/key", "GetObject"),
        (b"other.example.com", "/bucket/key", b"/bucket/key", "GetObject"),
    ],
)
def test_virtual_hosts(host: bytes, target: str, path: bytes, name: str) -> None:
    """A sub-domain of a configured domain is the bucket, and leaves as the first part of the path."""
    found = operation("GET", target, host=host, domains=("s3.example.com", "second.example"))
    assert (found.path, found.name, found.bucket) == (path, name, path.split(b"/")[1].decode())


@pytest.mark.parametrize(("method", "target"), [("PUT", "/"), ("GET", "/?list-type=2"), ("DELETE", "/")])
def test_a_bucket_in_a_host_name_that_is_not_known(method: str, target: str) -> None:
    """The path has none, and the operator reads what that client needs."""
    with pytest.raises(S3Error) as raised:
        operation(method, target, host=b"bucket.s3.example.com")
    assert raised.value.code == "MethodNotAllowed"
    assert "addressing.domains" in raised.value.reason


@pytest.mark.parametrize("bucket", [b"a%2fb", b"a/b", b"a b", b"", b".", b"a?b", b"minio"])
def test_refused_virtual_hosts(bucket: bytes) -> None:
    """A host cannot smuggle anything into the path."""
    with pytest.raises(S3Error) as raised:
        operation("GET", "/key", host=bucket + b".s3.example.com", domains=("s3.example.com",))
    assert raised.value.code == ("AccessDenied" if bucket == b"minio" else "InvalidBucketName")
