"""Who may call what. A client reaches what its configuration names, and nothing by default.

Four questions, each answered from the operation alone: is the bucket one of the client's, is the key below one of its
prefixes, is it a read, is the operation listed. A copy is asked for its source as well, as the read that it is, and
headers that do what another operation does (a lock, tags) for that one. With prefixes, a request that concerns a
whole bucket is refused, except for the few that tell nothing, and a listing must name a prefix. DeleteObjects names
its keys in the body: :mod:`s3gateway.rules.deletion` looks at them there.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from s3gateway import errors
from s3gateway.rules.operations import Operation, has_dots, is_alias
from s3gateway.sigv4.canonical import query_pairs

_READS = ("Get", "Head", "List", "SelectObjectContent")
_HARMLESS = frozenset(("HeadBucket", "GetBucketLocation", "DeleteObjects"))
"""Operations on a bucket that a client with prefixes may use: the last one is held to them by its body."""

_LISTS = frozenset(("ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"))


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

    def allows_key(self, key: str) -> bool:
        """Whether a key is below one of the prefixes; a key that could be read as another one is not."""
        if not self.prefixes:
            return True
        return key.startswith(self.prefixes) and not has_dots(key) and not is_alias(key)


ALL = Access(("*",), list_buckets=True)


def check_access(access: Access, operation: Operation, query: bytes = b"") -> None:
    """Refuse with AccessDenied what the client may not do. ``query`` is the request's, for a listing's prefix."""
    if not _is_allowed(access, operation, query):
        raise errors.access_denied()


def _is_allowed(access: Access, operation: Operation, query: bytes) -> bool:
    if not all(_operation(access, name) for name in (operation.name, *operation.also)):
        return False
    if not operation.bucket:
        return access.list_buckets
    if not _bucket(access, operation.bucket) or (operation.name == "RestoreObject" and _is_confined(access)):
        return False
    if operation.source:
        bucket, key = operation.source
        if not (_operation(access, "GetObject") and _bucket(access, bucket) and access.allows_key(key)):
            return False
    if not access.prefixes:
        return True
    if operation.key:
        return access.allows_key(operation.key)
    return operation.name in _HARMLESS or (operation.name in _LISTS and _lists_below_a_prefix(access, query))


def _operation(access: Access, name: str) -> bool:
    if access.read_only and not name.startswith(_READS):
        return False
    return not access.operations or any(fnmatchcase(name, pattern) for pattern in access.operations)


def _bucket(access: Access, bucket: str) -> bool:
    return "*" in access.buckets or any(fnmatchcase(bucket, pattern) for pattern in access.buckets)


def _is_confined(access: Access) -> bool:
    """Whether anything is out of reach: the body of a RestoreObject may name any bucket and prefix to write to."""
    return bool(access.prefixes) or "*" not in access.buckets


def _lists_below_a_prefix(access: Access, query: bytes) -> bool:
    prefixes = [value.decode("utf-8", "surrogateescape") for name, value in query_pairs(query) if name == b"prefix"]
    return len(prefixes) == 1 and access.allows_key(prefixes[0])
