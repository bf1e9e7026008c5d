"""Which requests may run twice at the backend without anybody seeing a difference."""

from typing import Final

from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import RequestHead

_READING: Final = frozenset((b"GET", b"HEAD"))


def is_repeatable(operation: Operation, head: RequestHead) -> bool:
    """Tell whether the operation may run twice: what reads, the deletion of one version, the copy of a part.

    Not PutObject and CopyObject (a versioned bucket would get two versions), CreateMultipartUpload, Complete... and
    DeleteObjects: the first attempt may have run, and the second would answer otherwise.
    """
    if head.method in _READING or operation.name == "UploadPartCopy":
        return True
    return operation.name == "DeleteObject" and any(name == b"versionId" for name, _ in head.parameters)
