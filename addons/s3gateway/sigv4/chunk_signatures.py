r"""Chunk and trailer signatures: each covers its data and the signature before it, starting from the seed.

    "AWS4-HMAC-SHA256-PAYLOAD"  \n timestamp \n scope \n previous \n SHA256("") \n SHA256(chunk data)
    "AWS4-HMAC-SHA256-TRAILER"  \n timestamp \n scope \n previous \n SHA256("name:value\n" ...)

Source: AWS "Transferring Payload in Multiple Chunks (Chunked Upload)" and "... (Including Trailing Headers)". The
same class checks the client's chain and grows the gateway's own: the data is hashed once for both.
"""

from collections.abc import Iterable
from hashlib import sha256

from s3gateway.sigv4.canonical import sign
from s3gateway.sigv4.model import EMPTY_SHA256, CredentialScope, Signature


class ChunkChain:
    """One upload's chain of signatures under one key. The only state is the signature that comes last."""

    __slots__ = ("_chunk_prefix", "_key", "_last", "_trailer_prefix")

    def __init__(self, key: bytes, scope: CredentialScope, timestamp: str, seed: Signature) -> None:
        self._key = key
        self._chunk_prefix = f"AWS4-HMAC-SHA256-PAYLOAD\n{timestamp}\n{scope}\n"
        self._trailer_prefix = f"AWS4-HMAC-SHA256-TRAILER\n{timestamp}\n{scope}\n"
        self._last = seed

    def __repr__(self) -> str:
        return "ChunkChain(<redacted>)"

    def chunk(self, data_sha256: str) -> Signature:
        """Sign the next chunk, given its data's SHA-256 in hex."""
        text = f"{self._chunk_prefix}{self._last.hex}\n{EMPTY_SHA256}\n{data_sha256}"
        self._last = sign(self._key, text.encode())
        return self._last

    def trailer(self, fields: Iterable[tuple[bytes, bytes]]) -> Signature:
        """Sign the trailer's (lower-case name, value) pairs, which close the chain."""
        canonical = b"".join(b"%b:%b\n" % field for field in fields)
        text = f"{self._trailer_prefix}{self._last.hex}\n{sha256(canonical).hexdigest()}"
        self._last = sign(self._key, text.encode())
        return self._last
