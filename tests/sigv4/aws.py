"""SigV4 from AWS's text with hmac and hashlib only: a client and a checker that share no code with the gateway.

Everything is written as the documentation spells it. Canonical URI and query are the target's own unless given, so
targets in tests stand in canonical form or say what theirs is.
"""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from s3gateway.sigv4.model import CredentialScope, RequestHead

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data/aws-examples.json").read_text())
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

Pairs = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Key:
    """An access key at one moment in one region."""

    access_key_id: str
    secret: str
    timestamp: str = "20240229T120000Z"
    region: str = "us-east-1"

    @property
    def now(self) -> datetime:
        return datetime.strptime(self.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)

    @property
    def scope(self) -> CredentialScope:
        return CredentialScope(self.timestamp[:8], self.region)

    @property
    def scope_text(self) -> str:
        return f"{self.timestamp[:8]}/{self.region}/s3/aws4_request"

    @property
    def signing_key(self) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for step in (self.timestamp[:8], self.region, "s3", "aws4_request"):
            key = hmac.new(key, step.encode(), sha256).digest()
        return key

    def sign(self, text: bytes) -> str:
        return hmac.new(self.signing_key, text, sha256).hexdigest()

    def at(self, timestamp: str) -> "Key":
        return replace(self, timestamp=timestamp)


CLIENT = Key("SPARKKEY", "the/client+secret=of-the-tests")
GATEWAY = Key("GATEWAYKEY", "the-gateway's own secret", "20240229T120001Z")
EXAMPLE = Key(VECTORS["access_key"], VECTORS["secret_key"], VECTORS["amz_date"])


def canonical_request(
    method: bytes, uri: bytes, query: bytes, headers: Pairs, signed: Sequence[bytes], payload: bytes
) -> bytes:
    """Build the six parts; ``headers`` values are trimmed and folded, duplicates joined with a comma."""
    lines = b""
    for name in signed:
        values = [b" ".join(v.split()) for n, v in headers if n.lower() == name]
        lines += name + b":" + b",".join(values) + b"\n"
    return b"\n".join((method, uri, query, lines, b";".join(signed), payload))


def canonical_query(query: bytes) -> bytes:
    """Sort by name, then value, and give a parameter without ``=`` an empty value; the encoding stays."""
    pairs = sorted((name, value) for name, _, value in (piece.partition(b"=") for piece in query.split(b"&") if piece))
    return b"&".join(name + b"=" + value for name, value in pairs)


def string_to_sign(key: Key, request: bytes) -> bytes:
    return f"AWS4-HMAC-SHA256\n{key.timestamp}\n{key.scope_text}\n{sha256(request).hexdigest()}".encode()


def authorized(  # one argument for each part of the canonical request
    method: str,
    target: str,
    headers: Iterable[tuple[str, str | bytes]] = (),
    *,
    payload: str = EMPTY,
    key: Key = CLIENT,
    unsigned: Iterable[str] = (),
    uri: str | None = None,
    query: str | None = None,
    host: str = "gateway.example:8000",
    date: str = "",
) -> RequestHead:
    """Sign in the Authorization header, over every header but the ``unsigned`` ones, which come last on the wire.

    With ``date`` there is a ``Date`` of that text and no ``x-amz-date``.
    """
    pairs = [(name.encode(), value if isinstance(value, bytes) else value.encode()) for name, value in headers]
    all_pairs = [
        (b"Host", host.encode()),
        (b"date", date.encode()) if date else (b"x-amz-date", key.timestamp.encode()),
        (b"x-amz-content-sha256", payload.encode()),
        *pairs,
    ]
    bare = {name.encode().lower() for name in unsigned}
    signed = sorted({name.lower() for name, _ in all_pairs} - bare)
    path, _, wire_query = target.partition("?")
    request = canonical_request(
        method.encode(),
        (uri or path).encode(),
        canonical_query((wire_query if query is None else query).encode()),
        all_pairs,
        signed,
        payload.encode(),
    )
    value = (
        f"AWS4-HMAC-SHA256 Credential={key.access_key_id}/{key.scope_text}, "
        f"SignedHeaders={b';'.join(signed).decode()}, Signature={key.sign(string_to_sign(key, request))}"
    )
    return RequestHead(method.encode(), target.encode(), (*all_pairs, (b"Authorization", value.encode())))


def presigned(
    method: str,
    target: str,
    headers: Iterable[tuple[str, str]] = (),
    *,
    key: Key = CLIENT,
    expires: str = "600",
    host: str = "gateway.example:8000",
    parameters: Sequence[tuple[str, str]] = (),
    payload: str = UNSIGNED,
    unsigned: Iterable[str] = (),
) -> RequestHead:
    """Presign; ``parameters`` are further query parameters in their encoded form."""
    pairs = [(b"Host", host.encode()), *((name.encode(), value.encode()) for name, value in headers)]
    bare = {name.encode().lower() for name in unsigned}
    signed = sorted({name.lower() for name, _ in pairs} - bare)
    path, _, query = target.partition("?")
    credential = f"{key.access_key_id}/{key.scope_text}".replace("/", "%2F")
    pieces = [
        *(p for p in query.split("&") if p),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        f"X-Amz-Credential={credential}",
        f"X-Amz-Date={key.timestamp}",
        f"X-Amz-Expires={expires}",
        f"X-Amz-SignedHeaders={'%3B'.join(name.decode() for name in signed)}",
        *(f"{name}={value}" for name, value in parameters),
    ]
    text = "&".join(pieces)
    request = canonical_request(
        method.encode(), path.encode(), canonical_query(text.encode()), pairs, signed, payload.encode()
    )
    signature = key.sign(string_to_sign(key, request))
    return RequestHead(method.encode(), f"{path}?{text}&X-Amz-Signature={signature}".encode(), tuple(pairs))


def signed_by(head: RequestHead, key: Key, *, uri: str, query: str) -> bool:
    """Check the Authorization header of a request as a receiver would that knows the canonical target."""
    value = dict(head.headers)[b"Authorization"].decode()
    algorithm, _, rest = value.partition(" ")
    parts = dict(piece.strip().split("=", 1) for piece in rest.split(","))
    names = [name.encode() for name in parts["SignedHeaders"].split(";")]
    present = {name.lower(): text for name, text in head.headers}
    assert (algorithm, parts["Credential"]) == ("AWS4-HMAC-SHA256", f"{key.access_key_id}/{key.scope_text}")
    assert names == sorted(set(names))
    assert set(names) <= set(present)
    request = canonical_request(
        head.method, uri.encode(), query.encode(), head.headers, names, present[b"x-amz-content-sha256"]
    )
    return parts["Signature"] == key.sign(string_to_sign(key, request))
