"""What the head of an aws-chunked upload tells of its body."""

import re
from dataclasses import dataclass

from s3gateway import errors
from s3gateway.sigv4.checksums import PREFIX, Checksum, announced, checksums_in
from s3gateway.sigv4.model import Headers, PayloadMode, RequestHead

_OWN_TRAILER = PREFIX + b"crc64nvme"
_CONTENT_LENGTH = re.compile(rb"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Announced:
    """What the head tells of an aws-chunked body: bytes of data in it, and the checksum in its trailer.

    With ``adds_trailer`` the upload has no checksum, though its mode has a trailer. AWS takes that, and computes this
    one itself. MinIO waits for a trailer, so the gateway adds it.
    """

    decoded: int
    checksum: Checksum | None
    adds_trailer: bool = False


def read_announced(mode: PayloadMode, head: RequestHead) -> Announced:
    """Read ``x-amz-decoded-content-length`` and ``x-amz-trailer``."""
    decoded = head.first(b"x-amz-decoded-content-length")
    if decoded is None or not _CONTENT_LENGTH.fullmatch(decoded):
        raise errors.S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
    names = [name.strip().lower() for value in head.all(b"x-amz-trailer") for name in value.split(b",")]
    is_unsigned, in_head = mode is PayloadMode.STREAMING_UNSIGNED_TRAILER, checksums_in(head)
    if mode.has_trailer is not any(names) and not is_unsigned:
        raise errors.malformed_trailer()
    if is_unsigned and not any(names) and not in_head:
        return Announced(int(decoded), Checksum(_OWN_TRAILER), adds_trailer=True)
    return Announced(int(decoded), announced([name for name in names if name], in_head))


def own_trailer(told: Announced | None) -> Headers:
    """Announce the trailer that the gateway adds, if it does."""
    return ((b"X-Amz-Trailer", _OWN_TRAILER),) if told and told.adds_trailer else ()
