"""A client's rules as a policy of the backend's, for a session there (``backend_identity: session``).

MinIO takes 2048 bytes. A rule that no policy can say, and rules that make a longer one, are refused, never left out.
"""

import json
from typing import Any, Final

from s3gateway.rules.access import Access, is_read
from s3gateway.rules.operations import NAMES

MOST_BYTES: Final = 2048
"""What AWS and MinIO take of a session policy."""

_ARN: Final = "arn:aws:s3:::"
_NOTHING: Final = {"Effect": "Deny", "Action": ["s3:*"], "Resource": [_ARN + "*"]}
_READS: Final = ("s3:Get*", "s3:List*")

_IRREGULAR: Final = {
    "AbortMultipartUpload": ("AbortMultipartUpload",),
    "CompleteMultipartUpload": ("PutObject",),
    "CopyObject": ("PutObject",),
    "CreateMultipartUpload": ("PutObject",),
    "DeleteBucketCors": ("PutBucketCORS",),
    "DeleteBucketEncryption": ("PutEncryptionConfiguration",),
    "DeleteBucketLifecycle": ("PutLifecycleConfiguration",),
    "DeleteBucketReplication": ("PutReplicationConfiguration",),
    "DeleteBucketTagging": ("PutBucketTagging",),
    "DeleteObject": ("DeleteObject", "DeleteObjectVersion"),
    "DeleteObjectTagging": ("DeleteObjectTagging", "DeleteObjectVersionTagging"),
    "DeleteObjects": ("DeleteObject", "DeleteObjectVersion"),
    "GetBucketCors": ("GetBucketCORS",),
    "GetBucketEncryption": ("GetEncryptionConfiguration",),
    "GetBucketLifecycleConfiguration": ("GetLifecycleConfiguration",),
    "GetBucketNotificationConfiguration": ("GetBucketNotification",),
    "GetBucketReplication": ("GetReplicationConfiguration",),
    "GetObject": ("GetObject", "GetObjectVersion"),
    "GetObjectAttributes": ("GetObjectAttributes", "GetObjectVersionAttributes", "GetObject", "GetObjectVersion"),
    "GetObjectLockConfiguration": ("GetBucketObjectLockConfiguration",),
    "GetObjectTagging": ("GetObjectTagging", "GetObjectVersionTagging"),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject", "GetObjectVersion"),
    "ListBuckets": ("ListAllMyBuckets",),
    "ListMultipartUploads": ("ListBucketMultipartUploads",),
    "ListObjectVersions": ("ListBucketVersions",),
    "ListObjects": ("ListBucket",),
    "ListObjectsV2": ("ListBucket",),
    "ListParts": ("ListMultipartUploadParts",),
    "PutBucketCors": ("PutBucketCORS",),
    "PutBucketEncryption": ("PutEncryptionConfiguration",),
    "PutBucketLifecycleConfiguration": ("PutLifecycleConfiguration",),
    "PutBucketNotificationConfiguration": ("PutBucketNotification",),
    "PutBucketReplication": ("PutReplicationConfiguration",),
    "PutObjectLockConfiguration": ("PutBucketObjectLockConfiguration",),
    "PutObjectTagging": ("PutObjectTagging", "PutObjectVersionTagging"),
    "SelectObjectContent": ("GetObject", "GetObjectVersion"),
    "UploadPart": ("PutObject",),
    "UploadPartCopy": ("PutObject",),
}
"""Operations whose actions have other names (AWS Service Authorization Reference, Amazon S3)."""

_LISTS: Final = frozenset(("ListBucket", "ListBucketVersions"))
"""Actions that take ``s3:prefix`` as a condition."""


class PolicyError(ValueError):
    """Rules that no policy, or none that the backend takes, can say; with the remedy."""


def policy_of(*any_of: Access) -> str:
    """Give a policy that allows what one of these does, as JSON, as short as it can be written.

    Raises :class:`PolicyError`.
    """
    statements = [statement for access in any_of for statement in _statements(access)]
    if any(statement["Effect"] == "Allow" for statement in statements):
        statements = [statement for statement in statements if statement["Effect"] == "Allow"]
    document = {"Version": "2012-10-17", "Statement": statements or [_NOTHING]}
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MOST_BYTES:
        raise PolicyError(f"make a policy of {size} bytes, and the backend takes {MOST_BYTES}; name fewer, or patterns")
    return text


def _statements(access: Access) -> list[dict[str, Any]]:
    for bucket in access.buckets:
        if "[" in bucket:
            raise PolicyError(f"hold the pattern {bucket!r}, and a policy knows * and ? only; write it with these")
    for prefix in access.prefixes:
        if "${" in prefix:
            raise PolicyError(f"hold the prefix {prefix!r}, and a policy would fill in ${{...}}; choose another one")
    found = []
    actions = _actions(access)
    buckets = [_ARN + bucket for bucket in access.buckets]
    if access.list_buckets and (actions is None or "ListAllMyBuckets" in actions):
        found.append(_allow(["s3:ListAllMyBuckets"], [_ARN + "*"]))
    if not buckets:
        return found or [_NOTHING]
    if not access.prefixes:
        names = _named(actions, access) if actions is None else [f"s3:{name}" for name in sorted(actions)]
        resources = [_ARN + "*"] if "*" in access.buckets else [*buckets, *(f"{bucket}/*" for bucket in buckets)]
        return [*found, *([_allow(names, resources)] if names else [])]
    return [*found, *_below_prefixes(access, actions, buckets)]


def _below_prefixes(access: Access, actions: set[str] | None, buckets: list[str]) -> list[dict[str, Any]]:
    objects = [f"{bucket}/{prefix}*" for bucket in buckets for prefix in access.prefixes]
    found = []
    if actions is None:
        names = ["s3:GetObject*", "s3:ListMultipartUploadParts"]
        names += [] if access.read_only else ["s3:PutObject*", "s3:DeleteObject*", "s3:AbortMultipartUpload"]
        names += [] if access.read_only else ["s3:BypassGovernanceRetention"]
        actions = {*_LISTS, "ListBucketMultipartUploads", "GetBucketLocation"}
    else:
        names = [f"s3:{name}" for name in sorted(actions) if _is_of_object(name)]
    if names:
        found.append(_allow(names, objects))
    if lists := sorted(actions & _LISTS):
        condition = {"StringLike": {"s3:prefix": [f"{prefix}*" for prefix in access.prefixes]}}
        found.append(_allow([f"s3:{name}" for name in lists], buckets) | {"Condition": condition})
    if others := sorted(actions & {"ListBucketMultipartUploads", "GetBucketLocation"}):
        found.append(_allow([f"s3:{name}" for name in others], buckets))
    return found


def _actions(access: Access) -> set[str] | None:
    """Give the actions, without ``s3:``; None where no operation is named, and so all that fit are meant."""
    if not access.operations:
        return None
    names = [name for name in NAMES if access.allows_operation(name)]
    if access.read_only:
        names = [name for name in names if is_read(name)]
    return {action for name in names for action in _IRREGULAR.get(name, (name,))}


def _named(actions: None, access: Access) -> list[str]:
    del actions
    return list(_READS) if access.read_only else ["s3:*"]


def _is_of_object(action: str) -> bool:
    return ("Object" in action and "Bucket" not in action) or action in {
        "AbortMultipartUpload", "ListMultipartUploadParts", "BypassGovernanceRetention",
    }  # fmt: skip


def _allow(actions: list[str], resources: list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources}
