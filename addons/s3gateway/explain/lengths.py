"""Lengths that a request may have said of its body: of the data, of the body, and of the data in aws-chunks."""

from collections.abc import Iterator

from s3gateway.sigv4.model import RequestHead

_CHUNK_SIZES = (8192, 65536, 131072, 262144, 524288, 1048576, 16777216)
_CHUNK_LINE = len(";chunk-signature=") + 64 + 4


def candidates(head: RequestHead) -> Iterator[bytes]:
    """The length of the data, of the body, and what aws-chunks of the usual sizes would make of it."""
    for known in (b"content-length", b"x-amz-decoded-content-length"):
        yield from (value.strip() for value in head.all(known))
    decoded = (head.first(b"x-amz-decoded-content-length") or b"").strip()
    if decoded.isdigit() and len(decoded) < 18:  # noqa: PLR2004 - a length, not an attack on int()
        for size in _CHUNK_SIZES:
            whole, rest = divmod(int(decoded), size)
            framed = whole * _framed(size) + (_framed(rest) if rest else 0) + _framed(0)
            yield str(framed).encode()


def _framed(size: int) -> int:
    return len(f"{size:x}") + _CHUNK_LINE + size
