"""Signature Version 4 from AWS's text, with hmac and hashlib: signs as the demo's client, checks as the backend would.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and `sigv4-streaming.html` beside it.
Keys and queries of the demo hold only characters that every encoder leaves alone or that boto3 has encoded, so the
path on the wire is the canonical one.
"""

import hashlib
import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lab.backends import Backend
from lab.wire import RecordedRequest

STREAMING: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_CHUNK_ALGORITHM: Final = "AWS4-HMAC-SHA256-PAYLOAD"
_TRAILER_ALGORITHM: Final = "AWS4-HMAC-SHA256-TRAILER"
_EMPTY: Final = hashlib.sha256(b"").hexdigest()

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """What a signature covers of a request."""

    method: str
    target: bytes
    headers: Headers
    payload: str


@dataclass(frozen=True, slots=True)
class Signer:
    """One key pair at one moment. `moment` is as in X-Amz-Date: 20130524T000000Z."""

    access_key: str
    secret_key: str
    region: str
    moment: str

    @classmethod
    def of_backend(cls, backend: Backend, moment: str) -> "Signer":
        """With the backend's own keys: what the gateway has to sign with."""
        return cls(backend.access_key, backend.secret_key, backend.region, moment)

    @property
    def scope(self) -> str:
        """Date, region, service and terminator."""
        return f"{self.moment[:8]}/{self.region}/s3/aws4_request"

    def authorization(self, head: Head, names: Sequence[str]) -> tuple[str, str]:
        """The Authorization header over the headers `names`, and the signature in it."""
        signed = ";".join(sorted(names))
        signature = self._sign(_ALGORITHM, _sha256(_canonical_request(head, signed.split(";"))))
        credential = f"{self.access_key}/{self.scope}"
        return f"{_ALGORITHM} Credential={credential}, SignedHeaders={signed}, Signature={signature}", signature

    def chunk(self, previous: str, data: bytes) -> str:
        """The signature of the chunk that follows the one (or the request) with the signature `previous`."""
        return self._sign(_CHUNK_ALGORITHM, f"{previous}\n{_EMPTY}\n{hashlib.sha256(data).hexdigest()}")

    def trailer(self, previous: str, lines: str) -> str:
        """The signature of the trailer, `name:value` and a line feed each, after the final chunk's."""
        return self._sign(_TRAILER_ALGORITHM, f"{previous}\n{_sha256(lines)}")

    def _sign(self, algorithm: str, rest: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in self.scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = f"{algorithm}\n{self.moment}\n{self.scope}\n{rest}"
        return hmac.digest(key, text.encode(), "sha256").hex()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk as it stood in a body."""

    data: bytes
    signature: str


def split_chunks(body: bytes) -> list[Chunk]:
    """The chunks of an aws-chunked body, the final empty one too; of a body that was cut off, the whole ones."""
    return list(_chunks(body))


def signature_in(request: RecordedRequest) -> str:
    """The signature in the Authorization header."""
    return (request.header("authorization") or b"").decode().rpartition("Signature=")[2]


def head_holds(request: RecordedRequest, backend: Backend) -> bool:
    """Whether the request is signed as `backend` has to be spoken to: with its key, over headers that are there."""
    signed = request.signed_headers()
    payload = (request.header("x-amz-content-sha256") or b"").decode()
    head = Head(request.method, request.target, request.headers, payload)
    expected, _ = _signer(request, backend).authorization(head, signed)
    there = {name.lower().decode() for name, _ in request.headers}
    return set(signed) <= there and expected.encode() == request.header("authorization")


def chunks_hold(request: RecordedRequest, backend: Backend) -> list[bool]:
    """For each chunk of the body, whether its signature continues the chain."""
    signer, previous = _signer(request, backend), signature_in(request)
    verdicts = []
    for chunk in split_chunks(request.body):
        verdicts.append(signer.chunk(previous, chunk.data) == chunk.signature)
        previous = chunk.signature
    return verdicts


def _signer(request: RecordedRequest, backend: Backend) -> Signer:
    return Signer.of_backend(backend, (request.header("x-amz-date") or b"").decode())


def _chunks(body: bytes) -> Iterator[Chunk]:
    at = 0
    while (end := body.find(b"\r\n", at)) >= 0:
        size, _, extension = body[at:end].partition(b";")
        start, stop = end + 2, end + 2 + int(size, 16)
        if len(body) < stop + 2:
            return
        yield Chunk(body[start:stop], extension.removeprefix(b"chunk-signature=").decode())
        at = stop + 2


def _canonical_request(head: Head, names: Sequence[str]) -> str:
    path, _, query = head.target.decode().partition("?")
    pairs = sorted(part if "=" in part else f"{part}=" for part in query.split("&") if part)
    lines = [f"{name}:{_canonical_value(head.headers, name)}\n" for name in names]
    return "\n".join([head.method, path, "&".join(pairs), "".join(lines), ";".join(names), head.payload])


def _canonical_value(headers: Headers, name: str) -> str:
    values = [value for key, value in headers if key.lower() == name.encode()]
    return ",".join(" ".join(value.decode().split()) for value in values)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
