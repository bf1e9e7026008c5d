"""A request that is here whole, so that an operator may edit it: proven as it came, then sent as it is now.

``hold`` runs the client's bytes through the same transformer as a streamed upload, and raises where that does; until
then nobody gets to edit anything. ``release`` sends the client's own bytes again through it. If they have been edited
it first writes the body that the client would have sent (hash, chunks under the client's key, lengths, checksums), so
that nothing leaves on another way than the one that verifies.
"""

from base64 import b64encode
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import md5, sha256

from s3gateway import errors
from s3gateway.bodies.whole import Body
from s3gateway.config.model import Config
from s3gateway.gateway import Admitted, Outgoing, forward
from s3gateway.rules.headers import removed, replaced
from s3gateway.rules.limits import Limits
from s3gateway.signer import Signer
from s3gateway.sigv4.checksums import checksum_of, checksums_in
from s3gateway.sigv4.chunk_reader import ChunkData, ChunkReader
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.chunk_writer import rechunk
from s3gateway.sigv4.model import Headers, Payload, PayloadMode, RequestHead

_CHUNK = 128 * 1024
"""Bytes of data in a chunk that is written anew, unless the limits say otherwise: what SDK v1 writes."""


@dataclass(frozen=True, slots=True)
class Held:
    """A proven body: the bytes on the ``wire``, and the ``content`` in them, without chunk framing."""

    wire: bytes = field(repr=False)
    content: bytes = field(repr=False)
    chunks: int


NOTHING_HELD = Held(b"", b"", 0)
"""Of a request without a body."""


def hold(admitted: Admitted, wire: bytes, config: Config, signer: Signer, now: datetime) -> Held:
    """Verify the whole body of an admitted request; raise :class:`~s3gateway.errors.S3Error` at its first fault."""
    body = forward(admitted, admitted.head, config, signer, now).body
    if body is None:
        return NOTHING_HELD
    _through(body, wire)
    return Held(wire, _content(admitted, wire, config.limits), body.chunks)


def release(
    admitted: Admitted, held: Held, head: RequestHead, content: bytes, config: Config, signer: Signer, now: datetime
) -> tuple[Outgoing, bytes]:
    """Build and sign the outgoing request and its whole body. ``head`` and ``content`` may have been edited."""
    wire = held.wire
    if content != held.content:
        admitted, wire = _as_the_client(admitted, head, content, config.limits)
        fields = replaced(admitted.head.headers, (b"Content-Length", str(len(wire)).encode()))
        head = RequestHead(head.method, head.target, fields)
    elif head is not admitted.head and admitted.arrival.has_body:  # mitmproxy counts the bytes that it shows
        fields = replaced(head.headers, (b"Content-Length", str(len(wire)).encode()))
        head = RequestHead(head.method, head.target, removed(fields, b"transfer-encoding"))
    outgoing = forward(admitted, head, config, signer, now)
    return outgoing, _through(outgoing.body, wire) if outgoing.body else b""


def _through(body: Body, wire: bytes) -> bytes:
    return b"".join((*(body.feed(wire) if wire else ()), *body.finish()))


def _content(admitted: Admitted, wire: bytes, limits: Limits) -> bytes:
    """Take the chunk framing off a body that was verified."""
    mode = admitted.verified.payload.mode
    if not mode.is_streaming:
        return wire
    reader = ChunkReader(
        signed=mode is not PayloadMode.STREAMING_UNSIGNED_TRAILER,
        trailer=mode.has_trailer,
        max_chunk=len(wire),
        max_trailer=limits.trailer,
    )
    return b"".join(event.data for event in reader.feed(wire) if isinstance(event, ChunkData))


def _as_the_client(admitted: Admitted, head: RequestHead, content: bytes, limits: Limits) -> tuple[Admitted, bytes]:
    """Give the request as its client would have sent it with this content: admitted as before, and its body."""
    verified, wire = admitted.verified, content
    fields = _recomputed(admitted.head, head, content)
    match verified.payload.mode:
        case PayloadMode.SHA256:
            payload = Payload(PayloadMode.SHA256, sha256(content).hexdigest())
            verified = replace(verified, payload=payload)
        case PayloadMode.UNSIGNED:
            pass
        case mode:
            fields = replaced(fields, (b"x-amz-decoded-content-length", str(len(content)).encode()))
            chain = None
            if mode is not PayloadMode.STREAMING_UNSIGNED_TRAILER:
                chain = ChunkChain(verified.signing_key, verified.scope, verified.timestamp, verified.seed)
            size = max(limits.aws_chunk_min, min(_CHUNK, limits.aws_chunk))
            wire = rechunk(content, size, chain, _trailer(mode, head, content))
    as_signed = RequestHead(admitted.head.method, admitted.head.target, fields)
    arrival = replace(admitted.arrival, has_body=bool(wire))
    return replace(admitted, head=as_signed, verified=verified, arrival=arrival), wire


def _trailer(mode: PayloadMode, head: RequestHead, content: bytes) -> tuple[bytes, bytes] | None:
    if not mode.has_trailer:
        return None
    name = (head.first(b"x-amz-trailer") or b"").strip().lower()
    if not name and mode is PayloadMode.STREAMING_UNSIGNED_TRAILER:
        return None
    value = checksum_of(name, content)
    if value is None:
        raise errors.malformed_trailer()
    return name, value


def _recomputed(admitted: RequestHead, head: RequestHead, content: bytes) -> Headers:
    """Let digests of the content follow it, unless the operator has set another; restore what mitmproxy drops."""
    fields = removed(head.headers, b"transfer-encoding")
    coding = admitted.first(b"content-encoding")
    if coding and b"aws-chunked" in coding and not head.all(b"content-encoding"):
        fields = (*fields, (b"Content-Encoding", coding))  # it goes when content is set in a coding mitmproxy has not
    for name in (b"content-md5", *checksums_in(head)):
        value = b64encode(md5(content, usedforsecurity=False).digest()) if name == b"content-md5" else None
        value = value or checksum_of(name, content)
        if value and head.all(name) and head.all(name) == admitted.all(name):
            fields = replaced(fields, (name, value))
    return fields
