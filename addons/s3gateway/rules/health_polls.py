"""MinIO's health paths, which `mc ready`, its SDKs and load balancers ask for without a signature, again and again.

None is passed on. What they are answered says that the gateway serves, and nothing of its backend.
"""

from typing import Final

from s3gateway import errors
from s3gateway.sigv4.claim import is_anonymous
from s3gateway.sigv4.model import RequestHead

_METHODS: Final = frozenset((b"GET", b"HEAD"))
_PATHS: Final = frozenset(
    (b"/minio/health/live", b"/minio/health/ready", b"/minio/health/cluster", b"/minio/health/cluster/read")
)
_OK: Final = 200


def is_poll(head: RequestHead) -> bool:
    """Whether this is such a question. One with a signature is a request like any other."""
    return head.path in _PATHS and head.method in _METHODS and is_anonymous(head)


def answer(status: int) -> errors.S3Error:
    """Give the answer: the configured ``status``, 200 or 403."""
    return errors.healthy() if status == _OK else errors.access_denied(reason="a health poll")
