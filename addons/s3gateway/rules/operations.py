"""Method + target + headers -> S3 operation, bucket, key; and what is no S3 operation at all is refused.

Which operation it is says :mod:`s3gateway.rules.actions`. Refused are also the targets and headers behind which a
backend does something other than S3 (MinIO's own API, STS), and keys that it takes for others.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from s3gateway import errors
from s3gateway.rules import actions
from s3gateway.rules.parameter_names import IGNORING, is_unknown
from s3gateway.sigv4.model import RequestHead

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]")
"""3 to 63 characters: AWS's naming rules plus what older buckets may hold. No slash, no percent, no dots alone."""

_HOST_LABELS = re.compile(rb"[a-z0-9._-]+")
_FORBIDDEN = re.compile(rb"[\x00-\x20\x7f#]|%(?![0-9A-Fa-f]{2})")
_COPY_SOURCE = b"x-amz-copy-source"
_IS_COPY = re.compile(rb"/|%2F")  # by this MinIO knows a copy; with %2f it would store the body, and not copy
_COPIES_ANOTHER = re.compile(rb"[\x00-\x1f\x7f#]|%(?![0-9A-Fa-f]{2})")
"""In a copy source. MinIO reads it as a URL: it drops what follows a ``#``, and unescapes nothing where it cannot."""

_SNOWBALL = b"x-amz-meta-snowball-auto-extract"
_REPLICATION_STATUS = b"x-amz-replication-status"
_INTERNAL = b"x-minio-*"
_OF_STS = b"application/x-www-form-urlencoded"
_ALIAS = "The backend would take this key for another one: it begins with a slash, or a part of it ends with __XLDIR__."
_READING_METHODS = frozenset((b"GET", b"HEAD"))
_METHODS = frozenset((b"GET", b"HEAD", b"PUT", b"POST", b"DELETE"))

_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}
_FOR_HEADERS = (
    (re.compile(rb"x-amz-object-lock-(mode|retain-until-date)"), "PutObjectRetention"),
    (re.compile(rb"x-amz-object-lock-legal-hold"), "PutObjectLegalHold"),
    (re.compile(rb"x-amz-bypass-governance-retention"), "BypassGovernanceRetention"),
    (re.compile(rb"x-amz-tagging"), "PutObjectTagging"),
    (re.compile(rb"x-amz-acl|x-amz-grant-.*"), "PutObjectAcl"),
    (re.compile(rb"x-amz-bucket-object-lock-enabled"), "PutObjectLockConfiguration"),
    (re.compile(rb"x-amz-bucket-object-lock-enabled"), "PutBucketVersioning"),  # a lock needs it, and switches it on
)
"""What a header does besides the operation that it comes with: AWS asks for that permission too, and MinIO."""

_FOR_BUCKETS = {"PutObjectAcl": "PutBucketAcl"}
"""What those headers do where no key is named."""

NAMES = tuple(sorted({*actions.NAMES, *_COPIES.values(), *(name for _, name in _FOR_HEADERS)}))
"""Every name that an operation can have here, for rules that name operations."""

_LISTED_BY_MINIO = ("HeadObject", "GetObjectTagging")
"""What MinIO's own way to list tells of each key besides: its metadata and its tags."""

_TAGGING_DIRECTIVE = b"x-amz-tagging-directive"
"""With ``ACCESS`` MinIO answers a GET or HEAD with the tags as well, and asks for no permission to read them."""

_STREAMED_BY_CHUNKS = frozenset(("PutObject", "UploadPart"))


@dataclass(frozen=True, slots=True)
class Operation:
    """What a request asks for. ``bucket`` and ``key`` are decoded; ``source`` is the (bucket, key) copied from.

    ``also`` names the operations that its headers amount to. With ``ignores`` its query has parameters that no server
    knows (:mod:`~s3gateway.rules.parameter_names`), which do not travel. ``of_version`` says that the
    source is named with a version.
    """

    name: str
    bucket: str
    key: str
    path: bytes
    source: tuple[str, str] | None = None
    also: tuple[str, ...] = ()
    ignores: bool = False
    of_version: bool = False

    @property
    def takes_chunks(self) -> bool:
        """Whether S3 accepts an aws-chunked body here; other operations hash their body as a whole."""
        return self.name in _STREAMED_BY_CHUNKS


def check_target(head: RequestHead, methods: frozenset[bytes] = _METHODS) -> None:
    """Refuse targets that two servers could read in two ways: the one verified must be the one executed."""
    if head.method not in methods:
        raise errors.method_not_allowed()
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
    path, bucket, key = read_resource(head, domains)
    if is_alias(key):
        raise errors.invalid_argument(_ALIAS, "key", "")
    query = head.parameters
    _check_foreign(head, bucket, query)
    source = _copy_source(head)
    level = "object" if key else "bucket" if bucket else "service"
    unknown = [name for name, value in query if is_unknown(name, value)] if query else []
    name = actions.find(level, head.method, [pair for pair in query if not is_unknown(*pair)] if unknown else query)
    if source:
        if name not in _COPIES:
            raise errors.invalid_argument(
                "You can only specify a copy source header for copy requests.", "x-amz-copy-source", ""
            )
        name = _COPIES[name]
    if unknown and name not in IGNORING:
        raise actions.no_such_parameter(unknown[0])
    also = _also(head, key, query)
    return Operation(name, bucket, key, path, source, also, ignores=bool(unknown), of_version=_of_version(head, source))


def read_resource(head: RequestHead, domains: tuple[str, ...]) -> tuple[bytes, str, str]:
    """Give the path with the bucket in it, and bucket and key decoded; each of the two may be empty."""
    prefix = _virtual_bucket(head, domains) if domains else b""
    path = b"/" + prefix + head.path if prefix else head.path
    bucket_raw, _, key_raw = path[1:].partition(b"/")
    bucket = unquote_to_bytes(bucket_raw).decode("utf-8", "surrogateescape")
    key = unquote_to_bytes(key_raw).decode("utf-8", "surrogateescape")
    _check_bucket(bucket, path)
    return path, bucket, key


def is_alias(key: str) -> bool:
    """Whether MinIO takes a key for another one: it drops slashes in front, and keeps ``a/`` as ``a__XLDIR__``."""
    return key.startswith("/") or key.endswith("__XLDIR__") or "__XLDIR__/" in key


def has_dots(key: str) -> bool:
    """Whether a part of a key is ``.`` or ``..``, which some servers resolve."""
    return not {".", ".."}.isdisjoint(key.split("/"))


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


def _check_foreign(head: RequestHead, bucket: str, query: list[tuple[bytes, bytes]]) -> None:
    """Refuse what a backend would execute with the gateway's rights although it is no S3 request of a client."""
    parameters = {name for name, _ in query} if query else set()
    content_type = (head.first(b"content-type") or b"").lower()
    if b"Action" in parameters or (not bucket and head.method == b"POST" and content_type.startswith(_OF_STS)):
        raise errors.not_implemented("STS is not available through this gateway.")
    foreign = _foreign(head.lower_names)
    if parameters:  # MinIO reads its own from the query as well
        foreign |= _foreign(tuple(name.lower() for name in parameters))
    if _INTERNAL in foreign:
        raise errors.access_denied("x-minio-* headers are internal to the backend and are not accepted from clients.")
    if _SNOWBALL in foreign:
        # One PUT would become many objects, under keys that no encryption rule and no access rule has seen.
        raise errors.not_implemented("Snowball auto-extract is not available through this gateway.")


@lru_cache(maxsize=128)
def _foreign(names: tuple[bytes, ...]) -> frozenset[bytes]:
    """Which of the names have a meaning to MinIO alone. A client's requests have the same names time after time."""
    found = {_INTERNAL for name in names if name == _REPLICATION_STATUS or name.startswith(b"x-minio-")}
    return frozenset(found | ({_SNOWBALL} & set(names)))


def _copy_source(head: RequestHead) -> tuple[str, str] | None:
    """``x-amz-copy-source: [/]bucket/key[?versionId=...]``, percent-encoded (AWS CopyObject)."""
    values = head.all(_COPY_SOURCE)
    if not values:
        return None
    path = values[0].partition(b"?")[0].removeprefix(b"/")
    decoded = unquote_to_bytes(path).decode("utf-8", "surrogateescape")
    bucket, _, key = decoded.partition("/")
    if is_alias(key):
        raise errors.invalid_argument(_ALIAS, "x-amz-copy-source", "")
    if _COPIES_ANOTHER.search(values[0]):
        raise errors.invalid_argument("Copy Source must be URL-encoded", "x-amz-copy-source", "")
    if len(values) > 1 or not _IS_COPY.search(path) or not _BUCKET.fullmatch(bucket) or not key or has_dots(key):
        raise errors.invalid_argument("Copy Source must mention the source bucket and key", "x-amz-copy-source", "")
    return bucket, key


def _of_version(head: RequestHead, source: tuple[str, str] | None) -> bool:
    return source is not None and bool(head.all(_COPY_SOURCE)[0].partition(b"?")[2])


def _also(head: RequestHead, key: str, query: list[tuple[bytes, bytes]]) -> tuple[str, ...]:
    if head.method in _READING_METHODS:
        if any(name == b"metadata" for name, _ in query):
            return _LISTED_BY_MINIO
        return ("GetObjectTagging",) if head.all(_TAGGING_DIRECTIVE) else ()
    names = [name for name in (*head.names, *(name.lower() for name, _ in query)) if name.startswith(b"x-amz-")]
    found = [also for pattern, also in _FOR_HEADERS if any(map(pattern.fullmatch, names))]
    return tuple(found if key else [_FOR_BUCKETS.get(also, also) for also in found])
