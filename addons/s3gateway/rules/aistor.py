"""AIStor's own requests on the S3 port: which of them pass, and what the others are told.

Append (``x-amz-write-offset-bytes``) is S3 Express One Zone's as well. MinIO does not know it, and would write a whole
object in the place of the one that is to grow. With RDMA the payload goes from memory to memory, round the gateway.
"""

import re
from typing import Final

from s3gateway import errors
from s3gateway.rules.operations import Operation
from s3gateway.sigv4.model import RequestHead

AISTOR: Final = "aistor"
MINIO: Final = "minio"

_RDMA: Final = b"x-amz-rdma-token"
_RDMA_REPLY: Final = (b"x-amz-rdma-reply", b"501")
"""By this AIStor's clients know that they have to send the payload with the request."""

_OFFSET: Final = b"x-amz-write-offset-bytes"
_BYTES: Final = re.compile(rb"[0-9]{1,18}")
_TABLES: Final = re.compile(rb"/_iceberg(?:[/?]|$)")


def check_target(head: RequestHead) -> None:
    """Refuse AIStor Tables, whose requests are signed for a service of their own, before the signature is read."""
    if _TABLES.match(head.target):
        raise errors.not_implemented("AIStor Tables (the Iceberg catalog, /_iceberg) is not available here.")


def check(operation: Operation, head: RequestHead, backend_type: str) -> None:
    """Refuse RDMA, and an append that ``backend.type`` does not know or that has no offset."""
    if head.all(_RDMA):
        raise errors.not_implemented("S3 over RDMA is not available through this gateway.", _RDMA_REPLY)
    offsets = head.all(_OFFSET)
    if not offsets or operation.name != "PutObject":
        return
    if backend_type != AISTOR:
        raise errors.not_implemented(
            "Append (x-amz-write-offset-bytes) is not available: the backend would overwrite the object. With AIStor "
            "behind the gateway, set backend.type: aistor."
        )
    if len(offsets) > 1 or not _BYTES.fullmatch(offsets[0].strip()):
        message = "x-amz-write-offset-bytes must be a number of bytes that is not negative."
        raise errors.invalid_argument(message, _OFFSET.decode(), offsets[0].decode("utf-8", "replace"))
