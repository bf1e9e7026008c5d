"""Method + target + headers -> S3 operation, bucket, key; and what is no S3 operation at all is refused.

Names are AWS's (Amazon S3 API Reference, "Actions"). A sub-resource that is not in the table is
forwarded under the plain name, which is what a backend does that does not know it either; what is *refused* are the
targets behind which a backend does something other than S3: MinIO's own API, STS, browser forms.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from s3gateway import errors
from s3gateway.sigv4.canonical import query_pairs
from s3gateway.sigv4.model import RequestHead

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
"""3 to 63 characters: AWS's naming rules plus what older buckets may hold. No slash, no percent, no dots alone."""

_HOST_LABELS = re.compile(rb"[a-z0-9._-]+")
_FORBIDDEN = re.compile(rb"[\x00-\x20\x7f#]|%(?![0-9A-Fa-f]{2})")
_COPY_SOURCE = b"x-amz-copy-source"
_SNOWBALL = b"x-amz-meta-snowball-auto-extract"
_METHODS = frozenset((b"GET", b"HEAD", b"PUT", b"POST", b"DELETE"))

# Sub-resource -> operation names by method, in the order in which S3 looks for them.
_OBJECT_SUBRESOURCES: tuple[tuple[bytes, dict[bytes, str]], ...] = (
    (
        b"uploadId",
        {
            b"PUT": "UploadPart",
            b"POST": "CompleteMultipartUpload",
            b"DELETE": "AbortMultipartUpload",
            b"GET": "ListParts",
        },
    ),
    (b"uploads", {b"POST": "CreateMultipartUpload"}),
    (b"tagging", {b"GET": "GetObjectTagging", b"PUT": "PutObjectTagging", b"DELETE": "DeleteObjectTagging"}),
    (b"acl", {b"GET": "GetObjectAcl", b"PUT": "PutObjectAcl"}),
    (b"retention", {b"GET": "GetObjectRetention", b"PUT": "PutObjectRetention"}),
    (b"legal-hold", {b"GET": "GetObjectLegalHold", b"PUT": "PutObjectLegalHold"}),
    (b"attributes", {b"GET": "GetObjectAttributes"}),
    (b"torrent", {b"GET": "GetObjectTorrent"}),
    (b"restore", {b"POST": "RestoreObject"}),
    (b"select", {b"POST": "SelectObjectContent"}),
)
_BUCKET_SUBRESOURCES: tuple[tuple[bytes, dict[bytes, str]], ...] = (
    (b"delete", {b"POST": "DeleteObjects"}),
    (b"uploads", {b"GET": "ListMultipartUploads"}),
    (b"versions", {b"GET": "ListObjectVersions"}),
    (b"location", {b"GET": "GetBucketLocation"}),
    *(
        (sub.encode(), {b"GET": f"Get{name}", b"PUT": f"Put{name}", b"DELETE": f"Delete{name}"})
        for sub, name in (
            ("accelerate", "BucketAccelerateConfiguration"),
            ("acl", "BucketAcl"),
            ("analytics", "BucketAnalyticsConfiguration"),
            ("cors", "BucketCors"),
            ("encryption", "BucketEncryption"),
            ("intelligent-tiering", "BucketIntelligentTieringConfiguration"),
            ("inventory", "BucketInventoryConfiguration"),
            ("lifecycle", "BucketLifecycleConfiguration"),
            ("logging", "BucketLogging"),
            ("metrics", "BucketMetricsConfiguration"),
            ("notification", "BucketNotificationConfiguration"),
            ("object-lock", "ObjectLockConfiguration"),
            ("ownershipControls", "BucketOwnershipControls"),
            ("policy", "BucketPolicy"),
            ("policyStatus", "BucketPolicyStatus"),
            ("publicAccessBlock", "PublicAccessBlock"),
            ("replication", "BucketReplication"),
            ("requestPayment", "BucketRequestPayment"),
            ("tagging", "BucketTagging"),
            ("versioning", "BucketVersioning"),
            ("website", "BucketWebsite"),
        )
    ),
)
_PLAIN = {
    "service": {b"GET": "ListBuckets"},
    "bucket": {b"GET": "ListObjects", b"PUT": "CreateBucket", b"HEAD": "HeadBucket", b"DELETE": "DeleteBucket"},
    "object": {b"GET": "GetObject", b"PUT": "PutObject", b"HEAD": "HeadObject", b"DELETE": "DeleteObject"},
}
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
NAMES = tuple(
    sorted(
        {
            *_COPIES.values(),
            "ListObjectsV2",
            *(name for names in _PLAIN.values() for name in names.values()),
            *(name for _, names in (*_OBJECT_SUBRESOURCES, *_BUCKET_SUBRESOURCES) for name in names.values()),
        }
    )
)
"""Every name that an operation can have here, for rules that name operations."""

_STREAMED_BY_CHUNKS = frozenset(("PutObject", "UploadPart"))


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for. ``bucket`` and ``key`` are decoded; ``source`` is the (bucket, key) copied from."""

    name: str
    bucket: str
    key: str
    path: bytes
    source: tuple[str, str] | None = None

    @property
    def takes_chunks(self) -> bool:
        """Whether S3 accepts an aws-chunked body here; other operations hash their body as a whole."""
        return self.name in _STREAMED_BY_CHUNKS


def check_target(head: RequestHead) -> None:
    """Refuse targets that two servers could read in two ways: the one verified must be the one executed."""
    if head.method not in _METHODS:
        raise errors.S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if not head.target.startswith(b"/") or _FORBIDDEN.search(head.target):
        raise errors.invalid_uri()
    if b";" in head.target and any(
        b";" in piece and not piece.startswith(b"X-Amz-SignedHeaders=") for piece in head.query.split(b"&")
    ):
        # To Go's parser (MinIO's) a parameter with a bare semicolon is not there; SDKs escape it.
        raise errors.invalid_uri()
    path = unquote_to_bytes(head.path)
    if b"\0" in path or any(segment in {b".", b".."} for segment in path.split(b"/")):
        raise errors.invalid_uri()


def read_operation(head: RequestHead, domains: tuple[str, ...]) -> Operation:
    """Name the operation. ``domains`` are those whose sub-domains are buckets (virtual-host style)."""
    prefix = _virtual_bucket(head, domains)
    path = b"/" + prefix + head.path if prefix else head.path
    bucket_raw, _, key_raw = path[1:].partition(b"/")
    bucket = unquote_to_bytes(bucket_raw).decode("utf-8", "surrogateescape")
    key = unquote_to_bytes(key_raw).decode("utf-8", "surrogateescape")
    _check_bucket(bucket, path)
    parameters = {name for name, _ in query_pairs(head.query)} if head.query else set()
    _check_foreign(head, bucket, parameters)
    source = _copy_source(head)
    name = _name(head, bucket, key, parameters)
    if source:
        if name not in _COPIES:
            raise errors.invalid_argument(
                "You can only specify a copy source header for copy requests.", "x-amz-copy-source", ""
            )
        name = _COPIES[name]
    return Operation(name, bucket, key, path, source)


def _virtual_bucket(head: RequestHead, domains: tuple[str, ...]) -> bytes:
    host = (head.first(b"host") or b"").lower()
    name = re.sub(rb":[0-9]*$", b"", host)
    for domain in domains:
        suffix = b"." + domain.encode()
        if name.endswith(suffix):
            bucket = name.removesuffix(suffix)
            # It becomes part of the outgoing target: nothing that could end the path or hide a slash.
            if not _HOST_LABELS.fullmatch(bucket):
                raise errors.S3Error(400, "InvalidBucketName", "The specified bucket is not valid.")
            return bucket
    return b""


def _check_bucket(bucket: str, path: bytes) -> None:
    if path == b"/":
        return
    if bucket == "minio":
        raise errors.access_denied("/minio/ is the backend's own API, not S3; it is not reachable here.")
    if not _BUCKET.fullmatch(bucket):
        raise errors.S3Error(400, "InvalidBucketName", "The specified bucket is not valid.", (("BucketName", bucket),))


def _check_foreign(head: RequestHead, bucket: str, parameters: set[bytes]) -> None:
    """Refuse what a backend would execute with the gateway's rights although it is no S3 request of a client."""
    if b"Action" in parameters or (not bucket and head.method == b"POST"):
        raise errors.not_implemented("STS is not available through this gateway.")
    if any(name.startswith(b"x-minio-") for name in head.names):
        raise errors.access_denied("x-minio-* headers are internal to the backend and are not accepted from clients.")
    if head.all(_SNOWBALL):
        # One PUT would become many objects, under keys that no encryption rule and no access rule has seen.
        raise errors.not_implemented("Snowball auto-extract is not available through this gateway.")
    content_type = (head.first(b"content-type") or b"").lower()
    if head.method == b"POST" and content_type.startswith(b"multipart/form-data"):
        raise errors.not_implemented("POST-policy forms are not available through this gateway.")


def _copy_source(head: RequestHead) -> tuple[str, str] | None:
    """``x-amz-copy-source: [/]bucket/key[?versionId=...]``, percent-encoded (AWS CopyObject)."""
    values = head.all(_COPY_SOURCE)
    if not values:
        return None
    path = values[0].partition(b"?")[0].removeprefix(b"/")
    decoded = unquote_to_bytes(path).decode("utf-8", "surrogateescape")
    bucket, _, key = decoded.partition("/")
    segments = key.split("/")
    if len(values) > 1 or not _BUCKET.fullmatch(bucket) or not key or "." in segments or ".." in segments:
        raise errors.invalid_argument("Copy Source must mention the source bucket and key", "x-amz-copy-source", "")
    return bucket, key


def _name(head: RequestHead, bucket: str, key: str, parameters: set[bytes]) -> str:
    level = "object" if key else "bucket" if bucket else "service"
    table = {"object": _OBJECT_SUBRESOURCES, "bucket": _BUCKET_SUBRESOURCES, "service": ()}[level]
    found = [
        (sub, names[head.method])
        for sub, names in table
        # Where a backend has no such operation it ignores the sub-resource; encryption must see what it then does.
        if sub in parameters and head.method in names
    ]
    found = [pair for pair in found if pair[1] != "UploadPart" or b"partNumber" in parameters]
    if len(found) > 1:
        # Which of them counts differs between servers; AWS refuses as well.
        subs = ", ".join(sub.decode() for sub, _ in found)
        raise errors.invalid_argument(f"Conflicting query string parameters: {subs}", "ResourceType", subs)
    if found:
        return found[0][1]
    if level == "bucket" and b"list-type" in parameters and head.method == b"GET":
        return "ListObjectsV2"
    plain = _PLAIN[level].get(head.method)
    if plain is None:
        raise errors.S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    return plain
