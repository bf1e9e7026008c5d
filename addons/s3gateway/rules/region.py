"""The region that answers tell: the one that clients sign for, whatever the backend calls its own.

SDKs sign anew for the region of ``x-amz-bucket-region`` (boto3, Java SDK v2), of a GetBucketLocation document
(minio-go), or of an error's ``<Region>``. Named must be one that the gateway takes.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Final

from s3gateway.errors import BUCKET_REGION
from s3gateway.rules.answer_head import AnswerHead
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


def of_answer(answer: AnswerHead, operation: str, region: str) -> AnswerHead:
    """Give a backend's answer this region, where it told one or should: of a bucket that is not there, nobody does."""
    if BUCKET_REGION in answer.lower_names or (operation in _ASKING and answer.status != _NOT_FOUND):
        return answer.with_headers(replaced(answer.headers, (BUCKET_REGION, region.encode())))
    return answer


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
