"""The canary's requests, signed with its client's keys in each way that S3 knows, as bytes for a connection."""

import base64
import zlib
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

from s3gateway.config.model import KeyPair
from s3gateway.http1.head import write_request
from s3gateway.rules.canary import Mode
from s3gateway.signer import Signer
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.chunk_writer import rechunk
from s3gateway.sigv4.model import ALGORITHM, EMPTY_SHA256, CredentialScope, Headers, RequestHead

_CHUNK: Final = 16 * 1024
"""Bytes of a chunk: a signed one that is not the last must have 8 KiB."""

_CHECKSUM: Final = b"x-amz-checksum-crc32"
_EXPIRES: Final = "60"


@dataclass(frozen=True, slots=True)
class Keys:
    """A client's keys, the region that it signs for, the ``Host`` that it names, and the moment."""

    pair: KeyPair
    region: str
    host: bytes
    now: datetime

    def plain(self, method: str, path: str) -> bytes:
        """A request without a body."""
        return self._signed(method, path, EMPTY_SHA256, ())[0]

    def put(self, path: str, data: bytes, mode: Mode) -> bytes:
        """An upload."""
        length = (b"Content-Length", b"%d" % len(data))
        match mode:
            case Mode.HASH:
                return self._signed("PUT", path, sha256(data).hexdigest(), (length,))[0] + data
            case Mode.UNSIGNED:
                return self._signed("PUT", path, mode.payload.value or "", (length,))[0] + data
            case Mode.PRESIGNED:
                return self._presigned("PUT", path, (length,)) + data
        return self._in_chunks(path, data, mode)

    def _in_chunks(self, path: str, data: bytes, mode: Mode) -> bytes:
        payload = mode.payload
        is_signed = mode is not Mode.UNSIGNED_TRAILER
        trailer = (_CHECKSUM, base64.b64encode(zlib.crc32(data).to_bytes(4))) if payload.has_trailer else None
        nothing = CredentialScope("", "")
        blank = ChunkChain(b"", nothing, "", canonical.sign(b"", b"")) if is_signed else None
        length = len(rechunk(data, _CHUNK, blank, trailer))  # signatures are all of one length
        fields: Headers = (
            (b"Content-Encoding", b"aws-chunked"),
            (b"Content-Length", b"%d" % length),
            (b"X-Amz-Decoded-Content-Length", b"%d" % len(data)),
            *(((b"X-Amz-Trailer", _CHECKSUM),) if trailer else ()),
        )
        head, chain = self._signed("PUT", path, payload.value or "", fields)
        return head + rechunk(data, _CHUNK, chain if is_signed else None, trailer)

    def _signed(self, method: str, path: str, payload: str, more: Headers) -> tuple[bytes, ChunkChain]:
        signer = Signer(self.pair, self.region)
        date = (b"X-Amz-Date", canonical.amz_date(self.now).encode())
        fields = ((b"Host", self.host), date, (b"X-Amz-Content-SHA256", payload.encode()), *more)
        head = RequestHead(method.encode(), path.encode(), fields)
        target = canonical.canonical_uri(head.path), canonical.canonical_query(head.query)
        signed = signer.sign(head, head.lower_names, payload, target, self.now)
        key = signer.signing_key(signed.scope)
        chain = ChunkChain(key, signed.scope, signed.timestamp, signed.seed)
        return write_request(head.method, head.target, signed.headers), chain

    def _presigned(self, method: str, path: str, more: Headers) -> bytes:
        """With the signature in the query, over Host alone."""
        timestamp = canonical.amz_date(self.now)
        scope = CredentialScope(timestamp[:8], self.region)
        query = canonical.canonical_pairs([
            (b"X-Amz-Algorithm", ALGORITHM.encode()),
            (b"X-Amz-Credential", f"{self.pair.access_key_id}/{scope}".encode()),
            (b"X-Amz-Date", timestamp.encode()),
            (b"X-Amz-Expires", _EXPIRES.encode()),
            (b"X-Amz-SignedHeaders", b"host"),
        ])  # fmt: skip
        uri, names = canonical.canonical_uri(path.encode()), (b"host",)
        request = canonical.canonical_request(
            method.encode(), uri, query, b"host:%b\n" % self.host, names, "UNSIGNED-PAYLOAD"
        )
        key = canonical.derive_key(self.pair.secret, scope)
        signature = canonical.sign(key, canonical.string_to_sign(timestamp, scope, request)).hex
        target = f"{path}?{query}&X-Amz-Signature={signature}".encode()
        return write_request(method.encode(), target, ((b"Host", self.host), *more))
