"""Who may call what. A client reaches what its configuration names, and nothing by default.

Four questions, each answered from the operation alone: is the bucket one of the client's, is the key below one of its
prefixes, is it a read, is the operation listed. A copy is asked for its source as well, as the read that it is, and
headers that do what another operation does (a lock, tags) for that one. With prefixes, a request that concerns a
whole bucket is refused, except for the few that tell nothing, and a listing must name a prefix. DeleteObjects names
its keys in the body: :mod:`s3gateway.rules.deletion` looks at them there. And what an answer tells besides is taken off
for those who may not ask for it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import chain

from s3gateway import errors
from s3gateway.rules.operations import Operation, has_dots, is_alias
from s3gateway.sigv4.model import Headers
from s3gateway.sigv4.query import query_pairs

_READS = ("Get", "Head", "List", "SelectObjectContent")
_HARMLESS = frozenset(("HeadBucket", "GetBucketLocation", "DeleteObjects"))
"""Operations on a bucket that a client with prefixes may use: the last one is held to them by its body."""

_LISTS = frozenset(("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"))

_TOLD_BY = {
    b"x-amz-object-lock-mode": "GetObjectRetention",
    b"x-amz-object-lock-retain-until-date": "GetObjectRetention",
    b"x-amz-object-lock-legal-hold": "GetObjectLegalHold",
    b"x-amz-tagging-count": "GetObjectTagging",
}
"""Fields of an answer to GetObject and HeadObject, and the operation whose permission AWS asks for to give them."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one client may do. Patterns know ``*`` and ``?``; prefixes are literal; an empty tuple allows all.

    Except for ``buckets``: an empty tuple there allows nothing.
    """

    buckets: tuple[str, ...]
    prefixes: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    read_only: bool = False
    list_buckets: bool = False

    def allows_operation(self, name: str) -> bool:
        """Whether an operation is one of those listed."""
        return not self.operations or any(fnmatchcase(name, pattern) for pattern in self.operations)

    def allows_bucket(self, name: str) -> bool:
        """Whether a bucket is one of those that are open to the client."""
        return "*" in self.buckets or any(fnmatchcase(name, pattern) for pattern in self.buckets)

    def allows_key(self, key: str) -> bool:
        """Whether a key is below one of the prefixes; a key that could be read as another one is not."""
        if not self.prefixes:
            return True
        return key.startswith(self.prefixes) and not has_dots(key) and not is_alias(key)


def is_read(name: str) -> bool:
    """Whether an operation only reads."""
    return name.startswith(_READS)


ALL = Access(("*",), list_buckets=True)


def check_access(access: Access, operation: Operation, query: bytes = b"") -> None:
    """Refuse with AccessDenied what the client may not do. ``query`` is the request's, for a listing's prefix."""
    reasons = (_operations, _buckets, _keys)
    for reason in chain.from_iterable(find(access, operation, query) for find in reasons):
        raise errors.access_denied(reason=reason)


def hide_fields(access: Access, headers: Headers) -> Headers:
    """Take off an answer what the client may not ask for by its own operation, as AWS and MinIO do for their keys.

    The backend gave it, as the gateway's key may.
    """
    hidden = {field for field, operation in _TOLD_BY.items() if not access.allows_operation(operation)}
    return tuple(pair for pair in headers if pair[0].lower() not in hidden) if hidden else headers


def _operations(access: Access, operation: Operation, query: bytes) -> Iterator[str]:
    del query
    for name in (operation.name, *operation.also, *(["GetObject"] if operation.source else [])):
        if access.read_only and not is_read(name):
            yield f"{name} writes, and the client is read_only"
        if not access.allows_operation(name):
            yield f"{name} is not one of the client's operations"


def _buckets(access: Access, operation: Operation, query: bytes) -> Iterator[str]:
    del query
    if not operation.bucket and not access.list_buckets:
        yield "the client's list_buckets is false"
    for bucket in filter(None, (operation.bucket, operation.source and operation.source[0])):
        if not access.allows_bucket(bucket):
            yield f"{bucket} is not one of the client's buckets"
    if operation.name == "RestoreObject" and (access.prefixes or "*" not in access.buckets):
        yield "the body of a RestoreObject may name any bucket and prefix to write to, and not all are the client's"


def _keys(access: Access, operation: Operation, query: bytes) -> Iterator[str]:
    for key in filter(None, (operation.key, operation.source and operation.source[1])):
        if not access.allows_key(key):
            yield f"{key} is below none of the client's prefixes"
    if not access.prefixes or operation.key or not operation.bucket or operation.name in _HARMLESS:
        return
    if operation.name not in _LISTS:
        yield f"{operation.name} concerns a whole bucket, and the client has prefixes"
    elif not _lists_below_a_prefix(access, query):
        yield "the listing is below none of the client's prefixes"


def _lists_below_a_prefix(access: Access, query: bytes) -> bool:
    prefixes = [value.decode("utf-8", "surrogateescape") for name, value in query_pairs(query) if name == b"prefix"]
    return len(prefixes) == 1 and access.allows_key(prefixes[0])
