"""Heads and answers as they are kept: raw bytes -> :mod:`~s3gateway.observed.capture`'s values, redacted. Pure.

What was signed is read from the head itself, so one function serves what a client sent, what the gateway sends, and
what a proxy of somebody else's let through. Nothing here proves a signature, and no secret is needed.
"""

from contextlib import suppress
from datetime import UTC, datetime

from s3gateway.errors import S3Error
from s3gateway.observed.capture import Head, Pairs, Response
from s3gateway.rules.headers import redacted, redacted_canonical_request, redacted_target
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import Claim, read_claim
from s3gateway.sigv4.model import Headers, RequestHead
from s3gateway.sigv4.verify import signed_at


def captured_head(head: RequestHead) -> Head:
    """Keep a head: redacted, with SignedHeaders and the canonical texts as far as its authentication can be read."""
    signed: tuple[bytes, ...] = ()
    request = to_sign = b""
    with suppress(S3Error):
        claim = read_claim(head)
        signed = claim.signed_headers
        request = received_request(claim, head)
        to_sign = canonical.string_to_sign(f"{signed_at(claim):%Y%m%dT%H%M%SZ}", claim.scope, request)
    return Head(
        method=text(head.method),
        target=text(redacted_target(head.target)),
        headers=captured_pairs(head.headers),
        signed_headers=tuple(map(text, signed)),
        canonical_request=text(redacted_canonical_request(request)),
        string_to_sign=text(to_sign),
    )


def received_request(claim: Claim, head: RequestHead) -> bytes:
    """Build the canonical request of a head as it arrived, with nothing redacted: what its signature should cover."""
    return canonical.canonical_request(
        head.method,
        canonical.canonical_uri(head.path),
        canonical.canonical_query(head.query, without=b"X-Amz-Signature" if claim.presigned else b""),
        canonical.canonical_headers(head, claim.signed_headers),
        claim.signed_headers,
        payload_text(claim),
    )


def payload_text(claim: Claim) -> str:
    """What stands for the body in the canonical request; empty where the client left it out and must not."""
    if claim.payload is None:
        return "UNSIGNED-PAYLOAD" if claim.presigned else ""
    return claim.payload.decode("ascii", "replace")


def payload_of(head: RequestHead) -> str:
    """Give the payload mode, or hash, that a head claims; empty where it claims none that can be read."""
    with suppress(S3Error):
        return payload_text(read_claim(head))
    return text(head.first(b"x-amz-content-sha256") or b"")


def captured_response(status: int, headers: Headers) -> Response:
    """Keep an answer's head, redacted."""
    return Response(status, captured_pairs(headers))


def captured_pairs(headers: Headers) -> Pairs:
    """Keep header pairs in order, redacted."""
    return tuple((text(name), text(value)) for name, value in redacted(headers))


def text(raw: bytes) -> str:
    """Bytes as text that can be turned back: what is not UTF-8 becomes lone surrogates."""
    return raw.decode("utf-8", "surrogateescape")


def time_text(seconds: float) -> str:
    """RFC 3339 in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
