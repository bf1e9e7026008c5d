"""What a client sends, from the gateway's capture: payload modes, chunk sizes, trailers, Expect, signed headers."""

import re
from collections.abc import Iterable, Iterator, Sequence

from matrix.results import Sent
from s3gateway.observed.capture import Exchange

_UPLOADS = frozenset(("PutObject", "UploadPart"))
_HASH = re.compile(r"[0-9a-f]{64}")
_SHORT = {
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD": "S",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER": "S-T",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER": "U-T",
    "UNSIGNED-PAYLOAD": "UP",
}
_UNITS = ((1 << 20, "MiB"), (1 << 10, "KiB"))


def sent(exchanges: Iterable[Exchange]) -> Sent:
    """Tell what uploads look like; what was presigned has no payload mode, and is left out."""
    uploads = [one for one in exchanges if one.operation in _UPLOADS and "X-Amz-Signature" not in one.incoming.target]
    return Sent(
        modes=_each(_mode(one.payload) for one in uploads),
        chunks=_chunk_sizes(uploads),
        trailers=_each(value.lower() for one in uploads for value in _values(one, "x-amz-trailer")),
        expect=_expecting(uploads),
        signed=_signed(uploads),
    )


def _mode(payload: str) -> str:
    return "HASH" if _HASH.fullmatch(payload) else _SHORT.get(payload, payload)


def _chunk_sizes(uploads: Iterable[Exchange]) -> tuple[str, ...]:
    """The size of chunks that others follow; what sends each body as one has none."""
    sizes: set[int] = set()
    one_each = False
    for runs in (one.chunks.runs for one in uploads if one.chunks):
        data = [(size, times) for size, times in runs if size]
        if sum(times for _, times in data) > 1:
            sizes.add(data[0][0])
        else:
            one_each = one_each or bool(data)
    return tuple(map(_size, sorted(sizes))) or (("the whole body",) if one_each else ())


def _size(size: int) -> str:
    return next((f"{size // unit} {name}" for unit, name in _UNITS if size % unit == 0), f"{size} B")


def _expecting(uploads: Sequence[Exchange]) -> str:
    """`all`, `never`, or the smallest body that was announced with it."""
    asked = [_length(one) for one in uploads if list(_values(one, "expect"))]
    bodies = [_length(one) for one in uploads if _length(one)]
    if not asked:
        return "never"
    return "all" if len(asked) >= len(bodies) else f"from {min(asked)} B"


def _length(exchange: Exchange) -> int:
    for name in ("x-amz-decoded-content-length", "content-length"):
        for value in _values(exchange, name):
            return int(value) if value.isdigit() else 0
    return 0


def _signed(uploads: Sequence[Exchange]) -> tuple[str, ...]:
    """Names that every upload signs."""
    lists = [one.incoming.signed_headers for one in uploads]
    return tuple(name for name in (lists[0] if lists else ()) if all(name in other for other in lists))


def _values(exchange: Exchange, wanted: str) -> Iterator[str]:
    return (value for name, value in exchange.incoming.headers if name.lower() == wanted)


def _each(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))
