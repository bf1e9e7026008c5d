"""What a capture must say, from what independent readers saw on the wire: secrets masked, signatures proven."""

import hmac
import re
from collections.abc import Iterable
from hashlib import sha256

from s3gateway.observed.capture import Exchange, Head, Pairs

_SECRET = re.compile(rb"(?<=Signature=)[0-9a-f]{64}")
_MASK = b"<redacted>"
_HIDDEN = {
    b"x-amz-security-token",
    b"x-amz-server-side-encryption-customer-key",
    b"x-amz-copy-source-server-side-encryption-customer-key",
}


def masked(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """Header pairs from the wire as a capture has them: order, case and duplicates kept, secrets masked."""
    shown = ((n, _MASK if n.lower() in _HIDDEN else _SECRET.sub(_MASK, v)) for n, v in headers)
    return tuple((n.decode(), v.decode("utf-8", "surrogateescape")) for n, v in shown)


def masked_target(target: bytes) -> str:
    """A target from the wire as a capture has it."""
    return re.sub(
        r"((?:X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token)=)[^&]*", r"\1<redacted>", target.decode()
    )


def check_signature(head: Head, secret: str, signature: str) -> None:
    """The string to sign is the one that was signed, and the canonical request the one that it hashes."""
    _, timestamp, scope, digest = head.string_to_sign.split("\n")
    key = f"AWS4{secret}".encode()
    for step in scope.split("/"):
        key = hmac.digest(key, step.encode(), "sha256")
    assert timestamp[:8] == scope[:8]
    assert hmac.digest(key, head.string_to_sign.encode(), "sha256").hex() == signature
    if "<redacted>" not in head.canonical_request:
        assert sha256(head.canonical_request.encode("utf-8", "surrogateescape")).hexdigest() == digest
    assert head.canonical_request.split("\n")[-2] == ";".join(head.signed_headers)


def only(exchanges: Iterable[Exchange], operation: str, key: str) -> Exchange:
    """The one exchange of this operation and key."""
    (found,) = (each for each in exchanges if (each.operation, each.key) == (operation, key))
    return found
