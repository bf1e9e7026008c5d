"""Who reaches what: each kind of rule against each class of operation."""

import pytest

from s3gateway.errors import S3Error
from s3gateway.rules.access import ALL, Access, check_access
from s3gateway.rules.operations import NAMES, Operation
from tests.rules.targets import operation as read

PII = Access(("team-*",), prefixes=("pii/", "tmp/a-"))


def allowed(access: Access, method: str, target: str, source: str = "") -> bool:
    headers = ((b"x-amz-copy-source", source.encode()),) if source else ()
    found, query = read(method, target, *headers), target.partition("?")[2].encode()
    try:
        check_access(access, found, query)
    except S3Error as error:
        if (error.status, error.code, error.fields) == (403, "AccessDenied", ()):
            return False
        raise
    return True


@pytest.mark.parametrize(
    ("access", "method", "target", "source", "reason"),
    [
        (Access(("mine",)), "GET", "/other/k", "", "other is not one of the client's buckets"),
        (Access(("mine",)), "PUT", "/mine/k", "/other/k", "other is not one of the client's buckets"),
        (Access(("mine",)), "GET", "/", "", "the client's list_buckets is false"),
        (Access(("*",), read_only=True), "PUT", "/mine/k", "", "PutObject writes, and the client is read_only"),
        (Access(("*",), operations=("Put*",)), "GET", "/mine/k", "", "GetObject is not one of the client's operations"),
        (PII, "GET", "/team-a/k", "", "k is below none of the client's prefixes"),
        (PII, "PUT", "/team-a/pii/k", "/team-a/k", "k is below none of the client's prefixes"),
        (PII, "GET", "/team-a", "", "the listing is below none of the client's prefixes"),
        (PII, "DELETE", "/team-a", "", "DeleteBucket concerns a whole bucket, and the client has prefixes"),
    ],
)
def test_the_operator_learns_which_rule(access: Access, method: str, target: str, source: str, reason: str) -> None:
    """And the client only that it may not."""
    headers = ((b"x-amz-copy-source", source.encode()),) if source else ()
    with pytest.raises(S3Error, match=r"^AccessDenied: Access Denied\.$") as caught:
        check_access(access, read(method, target, *headers), target.partition("?")[2].encode())
    assert caught.value.detached().reason == reason
    assert reason not in caught.value.to_xml("/", "id").decode()


# Buckets.


@pytest.mark.parametrize(
    ("patterns", "bucket", "source", "expected"),
    [
        (("*",), "any", "other", True),
        (("team-*",), "team-a", "", True),
        (("team-?",), "team-a", "team-b", True),
        (("aaa", "bbb"), "aaa", "bbb", True),
        ((), "any", "", False),
        (("team-*",), "other", "", False),
        (("team-*",), "xteam-a", "", False),
        (("team-*",), "Team-a", "", False),
        (("team-?",), "team-ab", "", False),
        (("aaa",), "aaa", "bbb", False),
        (("bbb",), "aaa", "bbb", False),
        (("a.c",), "abc", "", False),
    ],
)
def test_buckets(patterns: tuple[str, ...], bucket: str, source: str, expected: bool) -> None:
    """A pattern opens the buckets it matches, as targets and as copy sources; no pattern opens nothing."""
    assert allowed(Access(patterns), "PUT", f"/{bucket}/key", f"{source}/key" if source else "") is expected


@pytest.mark.parametrize(
    ("access", "expected"), [(ALL, True), (Access(("*",)), False), (Access((), list_buckets=True), True)]
)
def test_the_list_of_buckets(access: Access, expected: bool) -> None:
    """The names of all buckets are an own permission."""
    assert allowed(access, "GET", "/") is expected


# Read only.


@pytest.mark.parametrize("name", NAMES)
def test_read_only(name: str) -> None:
    """Of all operations, a reader has those that change nothing."""
    writes = ("Put", "Create", "Delete", "Upload", "Complete", "Abort", "Copy", "Restore", "Bypass")
    access = Access(("*",), read_only=True, list_buckets=True)
    bucket, key = ("", "") if name == "ListBuckets" else ("bucket", "key")
    if name.startswith(writes):
        with pytest.raises(S3Error):
            check_access(access, Operation(name, bucket, key, b"/"))
    else:
        check_access(access, Operation(name, bucket, key, b"/"))


# Operations.


@pytest.mark.parametrize(
    ("operations", "method", "target", "source", "expected"),
    [
        (("GetObject",), "GET", "/bucket/key", "", True),
        (("GetObject",), "HEAD", "/bucket/key", "", False),
        (("GetObject",), "GET", "/bucket/key?tagging", "", False),
        (("GetObject",), "GET", "/bucket/key?uploadId=1", "", False),
        (("Get*",), "GET", "/bucket/key?tagging", "", True),
        (("ListObjects*",), "GET", "/bucket?list-type=2", "", True),
        (("ListObjects*",), "GET", "/bucket?versions", "", False),
        (("PutObject",), "PUT", "/bucket/key", "", True),
        (("PutObject",), "PUT", "/bucket/key?acl", "", False),
        (("PutObject",), "PUT", "/bucket/key", "bucket/other", False),
        (("CopyObject",), "PUT", "/bucket/key", "bucket/other", False),
        (("CopyObject", "GetObject"), "PUT", "/bucket/key", "bucket/other", True),
        (("UploadPartCopy", "GetObject"), "PUT", "/bucket/key?uploadId=1&partNumber=1", "bucket/other", True),
        (("UploadPart",), "PUT", "/bucket/key?uploadId=1&partNumber=1", "bucket/other", False),
        (("DeleteObject",), "POST", "/bucket?delete", "", False),
        (("DeleteObject*",), "POST", "/bucket?delete", "", True),
        (("PutBucketPolicy",), "PUT", "/bucket?policy", "", True),
        (("CreateBucket",), "PUT", "/bucket?policy", "", False),
        (("List*",), "GET", "/", "", True),
        (("GetObject",), "GET", "/", "", False),
    ],
)  # fmt: skip
def test_operations(operations: tuple[str, ...], method: str, target: str, source: str, expected: bool) -> None:
    """Only the operations that a pattern names; a copy is also a read of its source."""
    access = Access(("*",), operations=operations, list_buckets=True)
    assert allowed(access, method, target, source) is expected


@pytest.mark.parametrize("more", ["PutObjectTagging", "PutObjectRetention"])
def test_headers_need_their_operations(more: str) -> None:
    """Tags and locks that come with a PUT are not in the permission to put."""
    put = Operation("PutObject", "bucket", "key", b"/", also=(more,))
    with pytest.raises(S3Error):
        check_access(Access(("*",), operations=("PutObject",)), put)
    check_access(Access(("*",), operations=("PutObject", more)), put)
    check_access(Access(("*",)), put)


@pytest.mark.parametrize(
    ("operations", "header", "expected"),
    [
        (("CreateBucket",), b"x-amz-bucket-object-lock-enabled", False),
        (("CreateBucket", "PutObjectLock*"), b"x-amz-bucket-object-lock-enabled", False),
        (("CreateBucket", "PutObjectLock*", "PutBucketVersioning"), b"x-amz-bucket-object-lock-enabled", True),
        (("CreateBucket", "PutObjectAcl"), b"x-amz-acl", False),
        (("CreateBucket", "PutBucketAcl"), b"x-amz-acl", True),
    ],
)
def test_what_a_new_bucket_comes_with(operations: tuple[str, ...], header: bytes, expected: bool) -> None:
    """AWS and MinIO ask for the permissions to lock and to version a bucket that is created with a lock."""
    created = read("PUT", "/bucket", (header, b"true"))
    if expected:
        check_access(Access(("*",), operations=operations), created)
    else:
        with pytest.raises(S3Error, match="AccessDenied"):
            check_access(Access(("*",), operations=operations), created)


@pytest.mark.parametrize(
    ("access", "expected"),
    [(ALL, True), (Access(("bucket",)), False), (Access(("*",), prefixes=("k",)), False)],
)
def test_a_restore_may_write_anywhere(access: Access, expected: bool) -> None:
    """Its body says where to, which nobody here reads."""
    assert allowed(access, "POST", "/bucket/key?restore") is expected


# Prefixes.


@pytest.mark.parametrize(
    ("method", "target", "source", "expected"),
    [
        ("GET", "/team-a/pii/x", "", True),
        ("PUT", "/team-b/tmp/a-1/x", "", True),
        ("DELETE", "/team-a/pii/", "", True),
        ("PUT", "/team-a/pii/x?uploadId=1&partNumber=1", "", True),
        ("GET", "/team-a/p%69i/x", "", True),
        ("GET", "/team-a/pii", "", False),
        ("GET", "/team-a/Pii/x", "", False),
        ("GET", "/team-a/tmp/b", "", False),
        ("DELETE", "/team-a/other", "", False),
        ("GET", "/other/pii/x", "", False),
        ("PUT", "/team-a/pii/x", "team-a/pii/y", True),
        ("PUT", "/team-a/pii/x", "team-b/tmp/a-y?versionId=1", True),
        ("PUT", "/team-a/pii/x", "team-a/secret", False),
        ("PUT", "/team-a/pii/x", "other/pii/y", False),
        ("PUT", "/team-a/pii/x?uploadId=1&partNumber=1", "team-a/secret", False),
        ("HEAD", "/team-a", "", True),
        ("GET", "/team-a?location", "", True),
        ("POST", "/team-a?delete", "", True),  # its keys are checked in the body
        ("PUT", "/team-a", "", False),
        ("DELETE", "/team-a", "", False),
        ("GET", "/team-a?policy", "", False),
        ("PUT", "/team-a?lifecycle", "", False),
        ("GET", "/team-a", "", False),
        ("GET", "/team-a?prefix=", "", False),
        ("GET", "/team-a?prefix=p", "", False),
        ("GET", "/team-a?prefix=pii/", "", True),
        ("GET", "/team-a?prefix=pii%2Fx&delimiter=%2F&max-keys=2&marker=pii/a&encoding-type=url", "", True),
        ("GET", "/team-a?list-type=2&prefix=tmp/a-&continuation-token=x&fetch-owner=true&x-id=L", "", True),
        ("GET", "/team-a?list-type=2&prefix=pii/&X-Amz-Expires=1", "", True),
        ("GET", "/team-a?versions&prefix=pii/", "", True),
        ("GET", "/team-a?uploads&prefix=pii/", "", True),
        ("GET", "/team-a?uploads", "", False),
        ("GET", "/team-a?prefix=pii/../secret", "", False),
    ],
)  # fmt: skip
def test_prefixes(method: str, target: str, source: str, expected: bool) -> None:
    """Keys, copy sources and listings below a prefix; nothing else that concerns a whole bucket."""
    assert allowed(PII, method, target, source) is expected


def test_a_prefix_is_no_pattern() -> None:
    """What stands in ``prefixes`` is literal, as in the encryption rules."""
    assert not allowed(Access(("*",), prefixes=("a*/",)), "GET", "/bucket/ab/x")
    assert allowed(Access(("*",), prefixes=("a*/",)), "GET", "/bucket/a*/x")
