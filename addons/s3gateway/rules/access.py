"""Who may call what. A client reaches the buckets that its configuration names, and none by default."""

from fnmatch import fnmatchcase

from s3gateway import errors
from s3gateway.rules.operations import Operation


def check_access(buckets: tuple[str, ...], operation: Operation) -> None:
    """Refuse a bucket, or a copy source, outside the client's patterns; listing all buckets needs ``*``."""
    if "*" in buckets:
        return
    wanted = [operation.bucket] if operation.bucket else []
    if operation.source:
        wanted.append(operation.source[0])
    if not all(any(fnmatchcase(bucket, pattern) for pattern in buckets) for bucket in wanted):
        raise errors.access_denied()
    if not wanted:
        raise errors.access_denied()
