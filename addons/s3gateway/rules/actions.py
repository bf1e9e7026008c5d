"""The S3 operations: which method and sub-resource make which, and the query parameters that each of them takes.

Names are AWS's (Amazon S3 API Reference, "Actions"). What is not in the table is refused, because nobody here can
know what a backend makes of it. MinIO takes bucket sub-resources behind a key as well (``POST /bucket/key?delete``
deletes whatever its body names), runs the plain operation where it has no route (``PUT /bucket?website`` creates the
bucket) or where a value holds a line feed (``GET /bucket?location=%0A`` lists it), has extensions of its own
(``GET /?events=`` tells of all buckets), and reads headers from the query (``x-minio-*``, ``versionId`` on a PUT).
"""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from s3gateway import errors


@dataclass(frozen=True, slots=True)
class Action:
    """One operation: its name, the parameters it cannot do without, and all that it takes."""

    name: str
    required: frozenset[bytes]
    parameters: frozenset[bytes]


_BUCKETS: Final = "prefix max-buckets continuation-token bucket-region"
_LISTING: Final = (
    "prefix delimiter marker max-keys encoding-type continuation-token start-after fetch-owner key-marker "
    "version-id-marker max-uploads upload-id-marker metadata"  # the last one is MinIO's, and mc's
)
_READING: Final = (
    "versionId partNumber response-cache-control response-content-disposition response-content-encoding "
    "response-content-language response-content-type response-expires"
)

# Method, sub-resource with what it requires ("-": none), name, other parameters; by what the path names.
_TABLE: Final = {
    "service": f"""
        GET    -                    ListBuckets                         {_BUCKETS}
    """,
    "bucket": f"""
        HEAD   -                    HeadBucket
        PUT    -                    CreateBucket
        DELETE -                    DeleteBucket
        GET    -                    ListObjects                         {_LISTING}
        GET    list-type            ListObjectsV2                       {_LISTING}
        GET    versions             ListObjectVersions                  {_LISTING}
        GET    uploads              ListMultipartUploads                {_LISTING}
        POST   delete               DeleteObjects
        GET    location             GetBucketLocation
        GET    accelerate           GetBucketAccelerateConfiguration
        GET    acl                  GetBucketAcl
        PUT    acl                  PutBucketAcl
        GET    cors                 GetBucketCors
        PUT    cors                 PutBucketCors
        DELETE cors                 DeleteBucketCors
        GET    encryption           GetBucketEncryption
        PUT    encryption           PutBucketEncryption
        DELETE encryption           DeleteBucketEncryption
        GET    lifecycle            GetBucketLifecycleConfiguration     withUpdatedAt
        PUT    lifecycle            PutBucketLifecycleConfiguration
        DELETE lifecycle            DeleteBucketLifecycle
        GET    logging              GetBucketLogging
        GET    notification         GetBucketNotificationConfiguration
        PUT    notification         PutBucketNotificationConfiguration
        GET    object-lock          GetObjectLockConfiguration
        PUT    object-lock          PutObjectLockConfiguration
        GET    policy               GetBucketPolicy
        PUT    policy               PutBucketPolicy
        DELETE policy               DeleteBucketPolicy
        GET    policyStatus         GetBucketPolicyStatus
        GET    replication          GetBucketReplication
        PUT    replication          PutBucketReplication
        DELETE replication          DeleteBucketReplication
        GET    requestPayment       GetBucketRequestPayment
        GET    tagging              GetBucketTagging
        PUT    tagging              PutBucketTagging
        DELETE tagging              DeleteBucketTagging
        GET    versioning           GetBucketVersioning
        PUT    versioning           PutBucketVersioning
        GET    website              GetBucketWebsite
        DELETE website              DeleteBucketWebsite
    """,
    "object": f"""
        HEAD   -                    HeadObject                          {_READING}
        GET    -                    GetObject                           {_READING}
        PUT    -                    PutObject
        DELETE -                    DeleteObject                        versionId
        GET    acl                  GetObjectAcl                        versionId
        PUT    acl                  PutObjectAcl                        versionId
        GET    attributes           GetObjectAttributes                 versionId
        GET    legal-hold           GetObjectLegalHold                  versionId
        PUT    legal-hold           PutObjectLegalHold                  versionId
        POST   restore              RestoreObject                       versionId
        GET    retention            GetObjectRetention                  versionId
        PUT    retention            PutObjectRetention                  versionId
        POST   select+select-type   SelectObjectContent                 versionId
        GET    tagging              GetObjectTagging                    versionId
        PUT    tagging              PutObjectTagging                    versionId
        DELETE tagging              DeleteObjectTagging                 versionId
        POST   uploads              CreateMultipartUpload
        PUT    uploadId+partNumber  UploadPart
        POST   uploadId             CompleteMultipartUpload
        DELETE uploadId             AbortMultipartUpload
        GET    uploadId             ListParts                           max-parts part-number-marker encoding-type
    """,
}
_NOT_ROUTED: Final = frozenset(
    b"analytics intelligent-tiering inventory metrics ownershipControls publicAccessBlock torrent "  # AWS's
    b"events lambdaArn replication-reset replication-reset-status replication-metrics replication-check".split()
)
_FEATURES: Final = {
    (b"POST", b"lambdaArn"): "PromptObject (lambdaArn)",
    (b"GET", b"lambdaArn"): "Object Lambda (lambdaArn)",
}
"""What AIStor and MinIO call some of them."""

_DECIDING: Final = {
    b"list-type": re.compile(b"2"),
    b"select-type": re.compile(b"2"),
    b"metadata": re.compile(b"true"),
    b"partNumber": re.compile(rb"[0-9]{1,5}"),
    b"uploadId": re.compile(rb"[!-~]+"),
}
"""The values of what decides about the operation, but for plain sub-resources, which have none."""

_OTHERS: Final = re.compile(
    rb"x-id|"  # AWS's newer SDKs name the operation
    rb"x-amz-(algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256)|"
    # Headers that SDKs move into the query when they presign.
    rb"x-amz-(acl|checksum-[a-z0-9-]+|expected-bucket-owner|meta-.*|request-payer|sdk-checksum-algorithm|storage-class|"
    rb"tagging|user-agent)|"
    rb"x-(?!amz-|minio-).*",  # for the access log: S3 ignores them (AWS "Amazon S3 server access log format")
    re.IGNORECASE | re.DOTALL,
)
"""Parameters that any operation may have."""


def _read_table() -> Iterable[tuple[str, bytes, bytes, Action]]:
    for level, rows in _TABLE.items():
        for row in rows.strip().splitlines():
            method, selector, name, *others = row.split()
            required = frozenset(part.encode() for part in selector.split("+") if part != "-")
            subresource = b"" if selector == "-" else selector.split("+")[0].encode()
            parameters = required | {other.encode() for other in others}
            yield level, method.encode(), subresource, Action(name, required, parameters)


_OF_BUCKETS: Final = {
    b"logging": ("NoLoggingStatusForKey", "There is no such thing as the ?logging sub-resource for a key"),
    b"uploads": ("InvalidRequest", "Key is not expected for the GET method ?uploads subresource"),
    b"versions": ("InvalidRequest", "There is no such thing as the ?versions sub-resource for a key"),
}
"""Code and message of what AWS answers where a key stands before a sub-resource of buckets alone."""

_ACTIONS: Final = {(level, method, sub): action for level, method, sub, action in _read_table()}
_SUBRESOURCES: Final = frozenset(sub for _, _, sub in _ACTIONS if sub) | _NOT_ROUTED
_VALUES: Final = dict.fromkeys(_SUBRESOURCES, re.compile(b"")) | _DECIDING
_NO_BUCKET: Final = (
    "no bucket in the path: a client that has it in the host name needs path style, or its domain in addressing.domains"
)
NAMES: Final = frozenset(action.name for action in _ACTIONS.values())


def find(level: str, method: bytes, query: list[tuple[bytes, bytes]]) -> str:
    """Name the operation of a request on a ``service``, ``bucket`` or ``object``, whose query is decoded.

    Raises :class:`~s3gateway.errors.S3Error` for what is no operation, and for a parameter that this one does not have.
    """
    names = [name for name, _ in query]
    found = sorted({name for name in names if name in _SUBRESOURCES}) if names else []
    if len(found) > 1:
        # Which of them counts differs between servers; AWS refuses as well.
        subs = ", ".join(sub.decode() for sub in found)
        raise errors.invalid_argument(f"Conflicting query string parameters: {subs}", "ResourceType", subs)
    action = _ACTIONS.get((level, method, found[0] if found else b""))
    if action is None:
        raise _no_action(level, method, found)
    if action.required and (missing := sorted(action.required.difference(names))):
        if action.name == "UploadPart":
            raise errors.method_not_allowed("the query has uploadId and no partNumber")
        what = missing[0].decode()
        raise errors.invalid_argument(f"This operation needs the query parameter {what}.", what, "")
    if query:
        _check_parameters(action, query)
    return action.name


def _no_action(level: str, method: bytes, found: list[bytes]) -> errors.S3Error:
    """Say that there is no such operation, in AWS's words."""
    subresource = found[0] if found else b""
    if subresource in _NOT_ROUTED:
        feature = _FEATURES.get((method, subresource), subresource.decode())
        return errors.not_implemented(f"{feature} is not available through this gateway.")
    if (level, method) == ("object", b"GET") and subresource in _OF_BUCKETS:
        return errors.S3Error(400, *_OF_BUCKETS[subresource])
    return errors.method_not_allowed(_NO_BUCKET if level == "service" else "")


def _check_parameters(action: Action, query: list[tuple[bytes, bytes]]) -> None:
    seen: set[bytes] = set()
    for name, value in query:
        what = name.decode("utf-8", "replace")
        if (name, action.name) == (b"partNumber", "PutObject"):
            message = "This operation does not accept partNumber without uploadId"
            raise errors.invalid_argument(message, what, value.decode("utf-8", "replace"))
        if name not in action.parameters and not _OTHERS.fullmatch(name):
            raise no_such_parameter(name)
        if name.lower() in seen:
            raise errors.invalid_argument("A query parameter is there twice.", what, "")
        seen.add(name.lower())
        pattern = _VALUES.get(name)
        if (pattern and not pattern.fullmatch(value)) or (name == b"uploadId" and _leaves_its_folder(value)):
            raise _no_such_value(name, value.decode("utf-8", "replace"))


def no_such_parameter(name: bytes) -> errors.S3Error:
    """Refuse a parameter that a backend might take for something else."""
    message = "This operation does not have such a query parameter."
    return errors.invalid_argument(message, name.decode("utf-8", "replace"), "")


def _no_such_value(name: bytes, value: str) -> errors.S3Error:
    match name:
        case b"uploadId":
            return errors.no_such_upload(value)
        case b"partNumber":
            message = "Part number must be an integer between 1 and 10000, inclusive"
            return errors.invalid_argument(message, "partNumber", value)
    return errors.invalid_argument(
        "The query parameter does not have such a value.", name.decode("utf-8", "replace"), ""
    )


def _leaves_its_folder(upload_id: bytes) -> bool:
    """Whether MinIO would take an upload id for a path to something else.

    Its own are the base64 of ``deployment.upload``, and the second half becomes a part of a path, unchecked: with
    ``../`` in it that is an object of anybody's.
    """
    try:
        decoded = base64.b64decode(upload_id + b"=" * (-len(upload_id) % 4), b"-_", validate=True)
    except binascii.Error:
        decoded = b""
    return any(b".." in text.split(b"/") for text in (upload_id, decoded.partition(b".")[2], decoded))
