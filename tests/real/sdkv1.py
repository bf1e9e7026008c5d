"""Requests as AWS SDK for Java v1 (Spark 3's S3A) writes them, signed from AWS's text with hmac and hashlib alone.

The wire form differs from the form that is signed: a query is form-encoded (space ``+``, bare ``*``, ``%7E``), ``//``
in a key travels as ``/%2F``, and ``Connection`` and ``Expect`` are added after signing.
"""

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, quote_plus

STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
UNSIGNED = "UNSIGNED-PAYLOAD"
CHUNK = 128 * 1024
EMPTY = sha256(b"").hexdigest()

Pairs = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Key:
    """A client's key pair, and the moment and region it signs for."""

    access_key_id: str = "SPARKKEY"
    secret: str = "spark-secret-of-the-lab"
    region: str = "us-east-1"
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def timestamp(self) -> str:
        return f"{self.at:%Y%m%dT%H%M%SZ}"

    @property
    def scope(self) -> str:
        return f"{self.at:%Y%m%d}/{self.region}/s3/aws4_request"

    def sign(self, *lines: str) -> str:
        """Sign lines, of which the second and third are made here: date and scope."""
        key = f"AWS4{self.secret}".encode()
        for step in self.scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        text = "\n".join((lines[0], self.timestamp, self.scope, *lines[1:]))
        return hmac.digest(key, text.encode(), "sha256").hex()


@dataclass(frozen=True)
class Target:
    """A bucket, key and query: ``wire`` as SDK v1 sends it, ``uri`` and ``query`` as it signs it."""

    bucket: str
    key: str = ""
    parameters: Sequence[tuple[str, str]] = ()

    @property
    def wire(self) -> bytes:
        path = self.uri.replace("//", "/%2F")
        pieces = [quote_plus(n).replace("~", "%7E").replace("%2A", "*") + "=" + _form(v) for n, v in self.parameters]
        return (path + ("?" + "&".join(pieces) if pieces else "")).encode()

    @property
    def uri(self) -> str:
        return f"/{self.bucket}/{quote(self.key, safe='/~')}" if self.bucket else "/"

    @property
    def query(self) -> str:
        return "&".join(sorted(f"{quote(n, safe='~')}={quote(v, safe='~')}" for n, v in self.parameters))


def _form(value: str) -> str:
    return quote_plus(value).replace("~", "%7E").replace("%2A", "*")


@dataclass(frozen=True)
class Signed:
    """A request head in wire order, and the seed of its chunk chain."""

    method: str
    target: bytes
    headers: Pairs
    key: Key
    signature: str

    @property
    def head(self) -> bytes:
        lines = b"".join(name + b": " + value + b"\r\n" for name, value in self.headers)
        return self.method.encode() + b" " + self.target + b" HTTP/1.1\r\n" + lines + b"\r\n"

    def with_headers(self, *pairs: tuple[str, str]) -> "Signed":
        """Add headers after signing."""
        added = [(name.encode(), value.encode()) for name, value in pairs]
        return Signed(self.method, self.target, [*self.headers, *added], self.key, self.signature)

    def changed(self, name: str, value: str) -> "Signed":
        """Give a header another value after signing."""
        headers = [(n, value.encode() if n.lower() == name.lower().encode() else v) for n, v in self.headers]
        return Signed(self.method, self.target, headers, self.key, self.signature)


def sign(
    method: str,
    target: Target,
    payload: str = EMPTY,
    headers: Iterable[tuple[str, str]] = (),
    *,
    key: Key | None = None,
    host: str = "127.0.0.1",
    connection: str = "Keep-Alive",
) -> Signed:
    """Sign every header of SDK v1's set and of ``headers``; add ``Connection`` as the HTTP client does, unsigned."""
    key = key or Key()
    pairs = [
        ("Host", host),
        ("amz-sdk-invocation-id", f"{sha256(str(headers).encode()).hexdigest()[:32]}"),
        ("amz-sdk-request", "attempt=1;max=21"),
        ("amz-sdk-retry", "0/0/500"),
        ("Content-Type", "application/octet-stream"),
        ("User-Agent", "Hadoop 3.3.4, aws-sdk-java/1.12.367 Linux/6.1  OpenJDK_64-Bit_Server_VM/17"),
        ("x-amz-content-sha256", payload),
        ("X-Amz-Date", key.timestamp),
        *headers,
    ]
    names = sorted({name.lower() for name, _ in pairs})
    canonical = "".join(
        f"{name}:{','.join(' '.join(v.split()) for n, v in pairs if n.lower() == name)}\n" for name in names
    )
    request = "\n".join((method, target.uri, target.query, canonical, ";".join(names), payload))
    signature = key.sign("AWS4-HMAC-SHA256", sha256(request.encode()).hexdigest())
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={key.access_key_id}/{key.scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )
    wire = [*pairs[:4], ("Authorization", authorization), *pairs[4:], ("Connection", connection)]
    return Signed(method, target.wire, [(n.encode(), v.encode()) for n, v in wire], key, signature)


@dataclass(frozen=True)
class Upload:
    """A signed head with its body, cut into the frames that it is made of (the final one and the trailer last)."""

    request: Signed
    frames: tuple[bytes, ...]

    @property
    def body(self) -> bytes:
        return b"".join(self.frames)

    @property
    def head(self) -> bytes:
        return self.request.head

    @property
    def wire(self) -> bytes:
        return self.head + self.body

    def tampered(self, frame: int, at: int) -> "Upload":
        """Change one byte of a frame, into a digit, so that a signature still looks like one."""
        frames = list(self.frames)
        changed = bytearray(frames[frame])
        changed[at] = ord("1") if changed[at] == ord("0") else ord("0")
        frames[frame] = bytes(changed)
        return Upload(self.request, tuple(frames))


def put_chunked(
    target: Target,
    data: bytes,
    headers: Sequence[tuple[str, str]] = (),
    *,
    key: Key | None = None,
    chunk: int = CHUNK,
    trailer: tuple[str, str] | None = None,
    host: str = "127.0.0.1",
    method: str = "PUT",
) -> Upload:
    """Build what SDK v1 sends for every PutObject over plain HTTP; with ``trailer``, the signed-trailer mode."""
    pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)] + [b""]
    key = key or Key()
    mode, more = (STREAMING_TRAILER, [("x-amz-trailer", trailer[0])]) if trailer else (STREAMING, [])
    length = sum(len(f"{len(p):x};chunk-signature=") + 64 + 4 + len(p) for p in pieces)
    if trailer:
        length += len(f"{trailer[0]}:{trailer[1]}\r\nx-amz-trailer-signature:") + 64 + 2
    sizes = [("x-amz-decoded-content-length", str(len(data))), ("Content-Length", str(length))]
    request = sign(method, target, mode, [*headers, *more, *sizes], key=key, host=host)
    frames, last = [], request.signature
    for piece in pieces:
        last = key.sign("AWS4-HMAC-SHA256-PAYLOAD", last, EMPTY, sha256(piece).hexdigest())
        frames.append(f"{len(piece):x};chunk-signature={last}\r\n".encode() + piece + b"\r\n")
    if trailer:
        frames[-1] = frames[-1][:-2]
        line = f"{trailer[0]}:{trailer[1]}"
        last = key.sign("AWS4-HMAC-SHA256-TRAILER", last, sha256(f"{line}\n".encode()).hexdigest())
        frames.append(f"{line}\r\nx-amz-trailer-signature:{last}\r\n\r\n".encode())
    assert sum(map(len, frames)) == length
    return Upload(request, tuple(frames))


def put_plain(target: Target, data: bytes, headers: Sequence[tuple[str, str]] = (), **more: Key) -> Upload:
    """A body with its SHA-256, as SDK v1 sends small requests."""
    sizes = [*headers, ("Content-Length", str(len(data)))]
    return Upload(sign("PUT", target, sha256(data).hexdigest(), sizes, key=more.get("key")), (data,))
