"""Canonical forms and signatures, one function per step of the AWS text.

Source: AWS "Signature Calculations for the Authorization Header" (sig-v4-header-based-auth) and "Authenticating
Requests: Using Query Parameters" (sigv4-query-string-auth). One canonicaliser serves the header and the query
mechanism, and both directions: what the client signed and what the backend will check.

The wire form of a target is not its canonical form: SDKs differ in what they percent-encode (``*``, ``~``, ``+``,
``/`` as ``%2F``). Hence canonical = encode(decode(wire)), and the wire form itself is forwarded untouched.
"""

import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from s3gateway.sigv4.model import ALGORITHM, TERMINATOR, CredentialScope, RequestHead, Secret, Signature
from s3gateway.sigv4.query import query_pairs

if TYPE_CHECKING:
    import hashlib

_WIDE_SPACES = re.compile(
    rb"(?:[\t-\r ]|\xc2[\x85\xa0]|\xe1\x9a\x80|\xe2\x80[\x80-\x8a\xa8\xa9\xaf]|\xe2\x81\x9f|\xe3\x80\x80)+"
)
"""What Go's ``strings.Fields`` takes for white space in UTF-8: Unicode's, no-break and ideographic spaces included."""

_BLOCK = 64
"""Bytes in a block of SHA-256."""

_INSIDE, _OUTSIDE = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))


def canonical_uri(path: bytes) -> str:
    """UriEncode the decoded path, keeping ``/``; S3 neither normalises dots nor collapses slashes."""
    return quote_from_bytes(unquote_to_bytes(path), safe="/~") or "/"


def canonical_query(query: bytes, *, without: bytes = b"") -> str:
    """Encode, sort by name then value and join; ``without`` names the one parameter to leave out."""
    return canonical_pairs(query_pairs(query), without=without) if query else ""


def canonical_pairs(pairs: Iterable[tuple[bytes, bytes]], *, without: bytes = b"") -> str:
    """As :func:`canonical_query`, of a query that is decoded already."""
    return "&".join(
        f"{name}={value}"
        for name, value in sorted(
            (quote_from_bytes(name, safe="~"), quote_from_bytes(value, safe="~"))
            for name, value in pairs
            if not without or name != without
        )
    )


def canonical_header_value(values: Iterable[bytes], *, wide: bool = False) -> bytes:
    """Trim, fold runs of white space (line folding included) to one space, join duplicates with a comma.

    White space is ASCII's to AWS's SDKs; ``wide`` is how MinIO and minio-go (mc) fold, whose is Unicode's.
    """
    return b",".join([_folded_wide(value) if wide else b" ".join(value.split()) for value in values])


def _folded_wide(value: bytes) -> bytes:
    return b" ".join(value.split()) if value.isascii() else _WIDE_SPACES.sub(b" ", value).strip(b" ")


def canonical_headers(head: RequestHead, signed_headers: Iterable[bytes], *, wide: bool = False) -> bytes:
    """One ``name:value`` line for each signed header, sorted; a name that is absent on the wire counts as empty."""
    return b"".join([b"%b:%b\n" % (name, _value(head, name, wide=wide)) for name in sorted(signed_headers)])


def _value(head: RequestHead, name: bytes, *, wide: bool) -> bytes:
    value = head.folded(name)
    return canonical_header_value(head.all(name), wide=True) if wide and not value.isascii() else value


def canonical_headers_of_clients(head: RequestHead, signed_headers: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Give the forms that a client may have signed: AWS's, and behind it MinIO's if there it is another one."""
    narrow = canonical_headers(head, signed_headers)
    if narrow.isascii():
        return (narrow,)
    return tuple(dict.fromkeys((narrow, canonical_headers(head, signed_headers, wide=True))))


def canonical_request(
    method: bytes, uri: str, query: str, headers: bytes, signed_headers: Iterable[bytes], payload: str
) -> bytes:
    """Join the six parts of the AWS definition; ``headers`` already ends with its line feed."""
    return b"\n".join((method, uri.encode(), query.encode(), headers, b";".join(signed_headers), payload.encode()))


def string_to_sign(timestamp: str, scope: CredentialScope, request: bytes) -> bytes:
    """Build the string to sign from an ISO 8601 basic timestamp, the scope and the canonical request."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{sha256(request).hexdigest()}".encode()


def amz_date(moment: datetime) -> str:
    """Write a moment (UTC) as ``X-Amz-Date`` has it: ``20261129T051500Z``."""
    return _amz_date(int(moment.timestamp()))


@lru_cache(maxsize=8)
def _amz_date(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y%m%dT%H%M%SZ}"


@lru_cache(maxsize=1024)
def signing_key(secret: Secret, scope: CredentialScope) -> bytes:
    """Derive the 32-byte signing key; it holds for a day and a scope, so it is derived once for them.

    Only known access keys with a scope of today's date get here, so strangers cannot flood the cache.
    """
    return derive_key(secret, scope)


def derive_key(secret: Secret, scope: CredentialScope) -> bytes:
    """Derive a signing key without keeping it: for one that is only being tried."""
    key = b"AWS4" + secret.reveal()
    for step in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, step.encode(), "sha256")
    return key


def sign_once(key: bytes, text: bytes) -> Signature:
    """HMAC-SHA256 (RFC 2104) as hex digits; nothing of the key is kept: for one that is only being tried."""
    return Signature(hmac.digest(key, text, "sha256").hex())


def sign(key: bytes, text: bytes) -> Signature:
    """As :func:`sign_once`, for a key that signs again. ``key`` has at most 64 bytes."""
    inside, outside = _padded(key)
    inner, outer = inside.copy(), outside.copy()
    inner.update(text)
    outer.update(inner.digest())
    return Signature(outer.hexdigest())


@lru_cache(maxsize=1024)
def _padded(key: bytes) -> tuple["hashlib._Hash", "hashlib._Hash"]:
    """Hash what a key begins with, inside and outside: kept, an HMAC costs a third of what OpenSSL's own takes."""
    block = key.ljust(_BLOCK, b"\0")
    return sha256(block.translate(_INSIDE)), sha256(block.translate(_OUTSIDE))
