"""A draft: one guess at what the client signed. Field for field what enters a signature, and its arithmetic.

The first draft is the request as it was received; every other differs from it by what a suspect says a hop or the
client did. Nothing here is shown without :meth:`Draft.shown`, which hides keys, tokens and cookies.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from hashlib import sha256

from s3gateway.observed.redaction import payload_text
from s3gateway.rules.headers import redacted_canonical_request, redacted_target
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.claim import Claim
from s3gateway.sigv4.model import CredentialScope, Headers, RequestHead, Secret, Signature
from s3gateway.sigv4.verify import signed_at


@dataclass(frozen=True, slots=True)
class Draft:
    """The six parts of a canonical request, and the time, scope and key it is signed with.

    ``fields`` are canonical (name, value) pairs in the order of their lines. ``scope`` is the one written into the
    string to sign, ``key_scope`` the one the key is derived for; they differ only where a client confuses them.
    """

    method: bytes
    uri: bytes
    query: bytes = field(repr=False)
    fields: Headers = field(repr=False)
    signed_headers: tuple[bytes, ...]
    payload: bytes
    timestamp: str
    scope: CredentialScope
    key_scope: CredentialScope
    secret: Secret

    @property
    def presigned(self) -> bool:
        """Whether the signature stands in the query."""
        return b"X-Amz-Algorithm=" in self.query

    def canonical_request(self) -> bytes:
        """Join the parts; unlike a received request's, they need not be in canonical form."""
        lines = b"".join([b"%b:%b\n" % pair for pair in self.fields])
        return b"\n".join((self.method, self.uri, self.query, lines, b";".join(self.signed_headers), self.payload))

    def signature(self, key: bytes) -> Signature:
        """Sign with a key derived from ``secret`` and ``key_scope``."""
        return canonical.sign_once(key, canonical.string_to_sign(self.timestamp, self.scope, self.canonical_request()))

    def signer(self, name: bytes, key: bytes) -> Callable[[bytes], Signature]:
        """Give a function that signs this draft with other values of one header: what comes before is kept."""
        at = next(i for i, (known, _) in enumerate(self.fields) if known == name)
        lines = [b"%b:%b\n" % pair for pair in self.fields]
        before = b"\n".join((self.method, self.uri, self.query, b"".join(lines[:at]) + name + b":"))
        after = b"\n".join((b"\n" + b"".join(lines[at + 1 :]), b";".join(self.signed_headers), self.payload))
        begun = sha256(before)
        text = canonical.string_to_sign(self.timestamp, self.scope, b"").rpartition(b"\n")[0] + b"\n"

        def sign(value: bytes) -> Signature:
            hashed = begun.copy()
            hashed.update(value + after)
            return canonical.sign_once(key, text + hashed.hexdigest().encode())

        return sign

    def shown(self) -> str:
        """Give the canonical request for people: secret values hidden, bytes that are no UTF-8 as surrogates."""
        # A query as it stood on the wire may hide a parameter's name behind escapes.
        hidden = replace(self, query=redacted_target(b"?" + self.query)[1:])
        return redacted_canonical_request(hidden.canonical_request()).decode("utf-8", "surrogateescape")

    def value(self, name: bytes) -> bytes:
        """The canonical value of a signed header; empty when it is not signed."""
        return next((value for known, value in self.fields if known == name), b"")

    def with_field(self, name: bytes, value: bytes) -> "Draft":
        """Give a signed header another value."""
        fields = tuple((known, value if known == name else old) for known, old in self.fields)
        return replace(self, fields=fields)


def received(claim: Claim, head: RequestHead, secret: Secret) -> Draft:
    """Draft what should have been signed if nothing changed on the way. Raises ``S3Error`` for an unreadable date."""
    timestamp = f"{signed_at(claim):%Y%m%dT%H%M%SZ}"
    names = sorted(claim.signed_headers)
    return Draft(
        method=head.method,
        uri=canonical.canonical_uri(head.path).encode(),
        query=canonical.canonical_query(head.query, without=b"X-Amz-Signature" if claim.presigned else b"").encode(),
        fields=tuple((name, canonical.canonical_header_value(head.all(name))) for name in names),
        signed_headers=claim.signed_headers,
        payload=payload_text(claim).encode(),
        timestamp=timestamp,
        scope=claim.scope,
        key_scope=claim.scope,
        secret=secret,
    )


def folded_wide(base: Draft, head: RequestHead) -> Draft | None:
    """Draft what MinIO's clients sign, to whom more is white space; None where that is the same."""
    fields = tuple((name, canonical.canonical_header_value(head.all(name), wide=True)) for name, _ in base.fields)
    return replace(base, fields=fields) if fields != base.fields else None
