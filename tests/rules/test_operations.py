"""Method, target and headers -> operation, bucket and key; and the targets that are refused."""

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

# The object is created whatever the query says besides; a rule that encrypts must see it.
CREATES_ALL_THE_SAME = [
    *("uploads", "uploadId=a", "partNumber=1", "attributes", "torrent", "restore", "select", "versions", "other"),
    *("policy", "uploadId", "uploadId=&uploads"),
]


@pytest.mark.parametrize(("method", "target", "name"), TABLE, ids=lambda part: part)
def test_names(method: str, target: str, name: str) -> None:
    """Operations have the names of the S3 API Reference."""
    found = operation(method, target)
    assert (found.name, found.bucket) == (name, "" if target.startswith(("/?", "/ ")) or target == "/" else "bucket")
    assert found.key == ("key" if target.startswith("/bucket/key") else "")
    assert found.takes_chunks is (name in {"PutObject", "UploadPart"})


@pytest.mark.parametrize("query", CREATES_ALL_THE_SAME)
def test_a_query_does_not_hide_a_put(query: str) -> None:
    """A PUT whose query names no PUT operation is PutObject to a backend, so it is here."""
    assert operation("PUT", f"/bucket/key?{query}").name == "PutObject"


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
        (b"other//key", ("other", "/key")),
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
    b" / other other/ /other/ //key ../other/key other/../secret/key other/./key other/%2e%2e/key o/key".split(b" "),
)
def test_refused_copy_sources(value: bytes) -> None:
    """A copy source without bucket and key, or with dots in its path, is refused."""
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
        ("/bucket//a", "/a"),
        ("/bucket/%2Fa", "/a"),
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
        (b"bucket.s3.example.com", "//key", b"/bucket//key", "GetObject"),
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


@pytest.mark.parametrize("bucket", [b"a%2fb", b"a/b", b"a b", b"", b".", b"a?b", b"minio"])
def test_refused_virtual_hosts(bucket: bytes) -> None:
    """A host cannot smuggle anything into the path."""
    with pytest.raises(S3Error) as raised:
        operation("GET", "/key", host=bucket + b".s3.example.com", domains=("s3.example.com",))
    assert raised.value.code == ("AccessDenied" if bucket == b"minio" else "InvalidBucketName")
