"""How large a request's parts may be. Each limit has its reason in :data:`s3gateway.config.keys.KEYS`.

What concerns the head is held to here, before anything of it is parsed: work and memory are bounded for a stranger too.
"""

from dataclasses import dataclass

from s3gateway import errors
from s3gateway.sigv4.model import RequestHead

_METADATA = b"x-amz-meta-"


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, ``headers`` a number of fields, times in seconds, ``request_rate`` in requests a second."""

    aws_chunk: int
    aws_chunk_min: int
    spool: int
    trailer: int
    headers: int
    header_bytes: int
    target: int
    metadata: int
    refusal_linger: float
    head_timeout: float
    keep_alive: float
    body_timeout: float
    connect_timeout: float
    backend_timeout: float
    connections: int
    connections_per_address: int
    request_rate: float

    @property
    def unread_head(self) -> int:
        """Bytes that a head which is within the limits can have on the wire, with generous white space."""
        return self.header_bytes + self.target + 8 * self.headers + 64


def check_head(head: RequestHead, limits: Limits) -> None:
    """Refuse a head over a limit (AWS "Error responses": RequestHeaderSectionTooLarge covers header and query)."""
    size = 0
    for name, value in head.headers:
        size += len(name) + len(value)
    for what, found, allowed in (
        ("header fields", len(head.headers), limits.headers),
        ("bytes of header fields", size, limits.header_bytes),
        ("bytes of request target", len(head.target), limits.target),
    ):
        if found > allowed:
            raise errors.head_too_large(what, found, allowed)


def check_metadata(head: RequestHead, limits: Limits) -> None:
    """Refuse more user metadata than S3 stores: names without ``x-amz-meta-`` and values (AWS "Working with metadata").

    The backend may count the prefix as well; what AWS stores is not refused here.
    """
    size = 0
    for name in head.names:
        if name.startswith(_METADATA):
            size += len(name) - len(_METADATA) + sum(map(len, head.all(name)))
    for name, value in head.parameters:  # SDKs move it there when they presign
        if name.lower().startswith(_METADATA):
            size += len(name) - len(_METADATA) + len(value)
    if size > limits.metadata:
        raise errors.metadata_too_large(size, limits.metadata)
