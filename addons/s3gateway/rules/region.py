"""The region that answers tell: the one that clients sign for, whatever the backend calls its own.

SDKs sign anew for the region of ``x-amz-bucket-region`` (boto3, Java SDK v2), of a GetBucketLocation document
(minio-go), or of an error's ``<Region>``. Named must be one that the gateway takes.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from s3gateway.errors import BUCKET_REGION
from s3gateway.rules.headers import replaced
from s3gateway.sigv4.model import Headers

_ASKING: Final = frozenset(("HeadBucket", "GetBucketLocation"))
"""The operations by which clients ask where a bucket is. AWS tells it with a refusal, too."""

_NOT_FOUND: Final = 404
_LOCATION: Final = re.compile(rb"<LocationConstraint[^>]*?(?:/>|>\s*([^<]*?)\s*</LocationConstraint>)")
_DEFAULT: Final = b"us-east-1"
"""The region that a location without a name means."""


def of_refusal(told: Headers, operation: str, region: str) -> Headers:
    """Give the fields of a refusal of the gateway's own; ``told`` are those that the refusal has already."""
    return told or (((BUCKET_REGION, region.encode()),) if operation in _ASKING else ())


def of_answer(headers: Headers, status: int, operation: str, region: str) -> Headers:
    """Give a backend's answer this region, where it told one or should: of a bucket that is not there, nobody does."""
    is_told = any(name.lower() == BUCKET_REGION for name, _ in headers)
    if is_told or (operation in _ASKING and status != _NOT_FOUND):
        return replaced(headers, (BUCKET_REGION, region.encode()))
    return headers


def in_location(document: bytes, accepted: Iterable[str], region: str) -> bytes:
    """Give a GetBucketLocation document this region, if clients may not sign for the one that it names."""
    found = _LOCATION.search(document)
    if found is None:
        return document
    named = (found[1] or _DEFAULT).decode("utf-8", "replace")
    if any(fnmatchcase(named, pattern) for pattern in accepted):
        return document
    location = b'<LocationConstraint xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%b</LocationConstraint>'
    return document[: found.start()] + location % region.encode() + document[found.end() :]
