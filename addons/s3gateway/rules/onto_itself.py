"""Copies of an object onto itself, of which the headers of an encryption rule would make another request.

S3 takes such a copy for what it changes: metadata, tags, storage class, encryption. A rule's headers look like a change
of encryption, so a copy that changes nothing, which S3 refuses, would succeed. And where both sides are SSE-C, MinIO
takes it for a key rotation, whatever else it changes. It then writes metadata without the data, and nobody can read the
object: where the bucket keeps versions, or had kept them, or the source's version is called ``null``.
"""

import re
from typing import Final

from s3gateway import errors
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import Headers, RequestHead
from s3gateway.sigv4.query import query_pairs

_DIRECTIVES: Final = (b"x-amz-metadata-directive", b"x-amz-tagging-directive")
_CHANGES: Final = (b"x-amz-storage-class", b"x-amz-website-redirect-location")
_KEY: Final = b"x-amz-server-side-encryption-customer-key"
_SOURCE_KEY: Final = b"x-amz-copy-source-server-side-encryption-customer-key"
_BOTH_KEYS: Final = (_KEY, _SOURCE_KEY)
_ENCRYPTS: Final = (_KEY, b"x-amz-server-side-encryption")
_NOTHING: Final = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes. The headers of "
    "the rule {} are no such change."
)
_ROTATES: Final = (
    "With the key of the rule {} the backend would take this copy of an object onto itself for a key rotation, by "
    "which it can lose the object's data. Copy to another key, or write the object anew."
)


def check(operation: Operation, head: RequestHead, added: Headers, rule: int | None) -> None:
    """Refuse a copy onto itself that the ``added`` headers of a rule, by its number, would make another request."""
    if rule is None or not _is_onto_itself(operation):
        return
    names = {name for name, _ in added}
    if not names.isdisjoint(_BOTH_KEYS) and all(name in names or head.all(name) for name in _BOTH_KEYS):
        raise errors.invalid_request(_ROTATES.format(f"encryption[{rule}]"))
    if not names.isdisjoint(_ENCRYPTS) and not (_names_version(head) or _changes(head)):
        raise errors.invalid_request(_NOTHING.format(f"encryption[{rule}]"))


def _is_onto_itself(operation: Operation) -> bool:
    """Whether source and target are one object. MinIO takes several slashes for one where it compares them."""
    if operation.name != "CopyObject" or operation.source is None:
        return False
    target = (operation.bucket, operation.key)
    return len({re.sub("/+", "/", "/".join(each)) for each in (operation.source, target)}) == 1


def _names_version(head: RequestHead) -> bool:
    """Whether a version is to be restored, as MinIO reads it: the first, without white space around it."""
    query = (head.first(b"x-amz-copy-source") or b"").partition(b"?")[2]
    readable = b"&".join(piece for piece in query.split(b"&") if b";" not in piece)  # Go drops the others
    versions = [value for name, value in query_pairs(readable) if name == b"versionId"]
    return bool(versions and versions[0].decode("utf-8", "replace").strip())


def _changes(head: RequestHead) -> bool:
    """Whether the client itself asks for a change, as S3 counts them."""
    replaces = any(head.first(name) == b"REPLACE" for name in _DIRECTIVES)
    return replaces or any(head.first(name) for name in _CHANGES)
