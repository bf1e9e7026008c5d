"""The values SigV4 speaks of. All frozen, all bytes as they were on the wire."""

import hmac
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from s3gateway.sigv4.query import query_pairs

Headers = tuple[tuple[bytes, bytes], ...]
"""Header fields as raw (name, value) pairs, in wire order, duplicates kept."""

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
SERVICE = "s3"

EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
"""SHA-256 of no bytes at all: the payload hash of a request without a body."""


@dataclass(frozen=True, slots=True)
class RequestHead:
    """Method, raw origin-form target and ordered raw header pairs of one request.

    What is asked of it several times on a request's way is worked out once and kept: the parts of the target, the names
    in lower case, the pairs of the query, the canonical values.
    """

    method: bytes
    target: bytes
    headers: Headers
    path: bytes = field(init=False, repr=False, compare=False)
    """The target up to ``?``, still percent-encoded."""

    query: bytes = field(init=False, repr=False, compare=False)
    """The target after ``?``, still encoded; empty when there is none."""

    lower_names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """The name of each of ``headers`` in lower case, duplicates kept."""

    names: tuple[bytes, ...] = field(init=False, repr=False, compare=False)
    """Lower-case header names, each once, in order of first appearance."""

    _index: dict[bytes, list[bytes]] = field(init=False, repr=False, compare=False)
    canonical_values: dict[bytes, bytes] = field(init=False, repr=False, compare=False)
    """What :meth:`folded` has given so far, by lower-case name."""

    _pairs: list[list[tuple[bytes, bytes]]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        path, _, query = self.target.partition(b"?")
        names = []
        index: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            low = name.lower()
            names.append(low)
            if low in index:
                index[low].append(value)
            else:
                index[low] = [value]
        put = object.__setattr__
        put(self, "path", path)
        put(self, "query", query)
        put(self, "lower_names", tuple(names))
        put(self, "names", tuple(index))
        put(self, "_index", index)
        put(self, "canonical_values", {})
        put(self, "_pairs", [])

    def __repr__(self) -> str:
        """Give the method only: target and headers may hold signatures, tokens and SSE-C keys."""
        return f"RequestHead({self.method!r}, ...)"

    @property
    def parameters(self) -> list[tuple[bytes, bytes]]:
        """The decoded (name, value) pairs of the query, in wire order. They are shared: change none."""
        if not self.query:
            return []
        if not self._pairs:
            self._pairs.append(query_pairs(self.query))
        return self._pairs[0]

    def all(self, name: bytes) -> list[bytes]:
        """Every value of the header with this lower-case name, in wire order."""
        return self._index.get(name, [])

    def first(self, name: bytes) -> bytes | None:
        """Return the first value of the header with this lower-case name."""
        values = self._index.get(name)
        return values[0] if values else None

    def folded(self, name: bytes) -> bytes:
        """Give the header's value as it is signed: white space trimmed and folded, duplicates joined with a comma."""
        value = self.canonical_values.get(name)
        if value is None:
            value = self.canonical_values[name] = b",".join([b" ".join(each.split()) for each in self.all(name)])
        return value

    def with_headers(self, target: bytes, headers: Headers, changed: Collection[bytes]) -> "RequestHead":
        """Give a head with other headers; canonical values are kept but for those of the ``changed`` names."""
        head = RequestHead(self.method, target, headers)
        head.canonical_values.update(self.canonical_values)
        for name in changed:
            head.canonical_values.pop(name, None)
        return head


class Secret:
    """Bytes that must never be printed. ``reveal`` is the one way to read them, easy to search for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.encode()

    def reveal(self) -> bytes:
        """Hand out the secret: for an HMAC key or an SSE-C header, for nothing else."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret(<redacted>)"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Access key id, secret and, for temporary credentials, a session token."""

    access_key_id: str
    secret: Secret
    session_token: Secret | None = None


class Signature:
    """64 lower-case hex digits. Compared in constant time by :meth:`matches`, never with ``==``."""

    __slots__ = ("_hex",)

    def __init__(self, hexdigits: str) -> None:
        self._hex = hexdigits

    def matches(self, other: "Signature") -> bool:
        """Compare in constant time; the only place in this project that compares signatures."""
        return hmac.compare_digest(self.hex.encode(), other.hex.encode())

    @property
    def hex(self) -> str:
        """The digits, to be put on the wire."""
        return self._hex

    def __eq__(self, other: object) -> NoReturn:
        message = "signatures are compared with matches(), in constant time"
        raise TypeError(message)

    __hash__ = None  # type: ignore[assignment]  # an unhashable value cannot be looked up in non-constant time

    def __repr__(self) -> str:
        return "Signature(<redacted>)"


@dataclass(frozen=True, slots=True)
class CredentialScope:
    """Date (``YYYYMMDD``), region and service that a signing key is bound to; the terminator is fixed."""

    date: str
    region: str
    service: str = SERVICE

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


class PayloadMode(Enum):
    """What ``x-amz-content-sha256`` promises about the body; the value is the header's text, None for a hash."""

    SHA256 = None
    UNSIGNED = "UNSIGNED-PAYLOAD"
    STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    @property
    def is_streaming(self) -> bool:
        """Whether the body is aws-chunked."""
        return self in (PayloadMode.STREAMING, PayloadMode.STREAMING_TRAILER, PayloadMode.STREAMING_UNSIGNED_TRAILER)

    @property
    def has_trailer(self) -> bool:
        """Whether trailer fields follow the final chunk."""
        return self in (PayloadMode.STREAMING_TRAILER, PayloadMode.STREAMING_UNSIGNED_TRAILER)


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload mode and the literal text that stands for it in the canonical request."""

    mode: PayloadMode
    text: str
