"""A captured request signed anew: its client's key, today's date or its own, the same headers, the same chunks. Pure.

A capture is redacted, so its signature is gone. Only what was taken out is put back, each where it stood: credential,
signature and, if another ``at`` is wanted, the date. List, order and case of the headers, the raw target and the
boundaries of aws-chunks stay the client's, so a request signed again with its own key at its own date is the request
that was captured, byte for byte.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

from s3gateway import errors
from s3gateway.config.model import KeyPair
from s3gateway.observed import capture
from s3gateway.observed.redaction import payload_text, received_request
from s3gateway.rules.headers import replaced
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.checksums import checksum_of
from s3gateway.sigv4.chunk_reader import ChunkData, ChunkEnd, ChunkReader, ChunkStart, Event, Trailer
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.chunk_writer import rechunk
from s3gateway.sigv4.claim import Claim, read_claim
from s3gateway.sigv4.model import ALGORITHM, EMPTY_SHA256, CredentialScope, Headers, RequestHead, Signature
from s3gateway.sigv4.model import PayloadMode as Mode
from s3gateway.sigv4.verify import signed_at

_CHUNK = 128 * 1024
_BLANK = b"0" * 64
"""Stands where the signature will, so that the head can be read as one that has a signature."""

_CREDENTIAL = re.compile(rb"(Credential=)([^,\s]*)")
_SIGNATURE = re.compile(rb"(Signature=)[^,\s]*")
_SHA256 = re.compile(rb"[0-9a-f]{64}")
_ISO_DATE = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_SIGNED_CHUNKS = {mode.value: mode for mode in (Mode.STREAMING, Mode.STREAMING_TRAILER)}


@dataclass(frozen=True, slots=True)
class Resigned:
    """A head that verifies, and its body with every chunk's signature renewed; None where none was given."""

    head: RequestHead
    body: bytes | None = field(repr=False)


def captured_request(head: capture.Head) -> RequestHead:
    """Turn a captured head into raw bytes again."""
    return RequestHead(
        _raw(head.method), _raw(head.target), tuple((_raw(name), _raw(value)) for name, value in head.headers)
    )


def resign(
    head: RequestHead, keys: KeyPair, *, body: bytes | None = None, at: datetime | None = None, region: str
) -> Resigned:
    """Sign as the client that has ``keys``, at the head's own date unless ``at`` (timezone-aware) gives another.

    A ``body`` decides payload hash and length where the head names them. ``region`` counts only where the captured one
    was redacted, in a presigned URL. Raises :class:`~s3gateway.errors.S3Error` for a head that says too little to be
    signed (no SigV4, no date, a malformed credential) and for a body that is not the aws-chunked one it announces.
    """
    if body is not None:
        head = _describing(head, body)
    if at is not None:
        head = _dated(head, at)
    blank = _claiming(head, keys.access_key_id, f"{at:%Y%m%d}" if at else "", region)
    claim = read_claim(blank)
    timestamp = f"{signed_at(claim):%Y%m%dT%H%M%SZ}"
    key = canonical.signing_key(keys.secret, claim.scope)
    seed = canonical.sign(key, canonical.string_to_sign(timestamp, claim.scope, received_request(claim, blank)))
    signed = _signed(blank, claim, seed.hex.encode())
    mode = _SIGNED_CHUNKS.get(payload_text(claim))
    if body is not None and mode is not None:
        body = _resign_chunks(body, ChunkChain(key, claim.scope, timestamp, seed), trailer=mode.has_trailer)
    return Resigned(signed, body)


def framed(head: RequestHead, stored: bytes) -> bytes | None:
    """Give the body that this head was sent with, if what was stored of it is all of it; None if it is not.

    Stored is what left, in the client's own chunks, or, where a body was held to be edited, the data in them. Those
    are chunked anew, by the same rule as SDK v1; a chain of signatures is still to be put in.
    """
    if _describes(head, stored):
        return stored
    mode = next(
        (mode for mode in Mode if mode.is_streaming and mode.value == _text(head, b"x-amz-content-sha256")), None
    )
    if mode is None or _text(head, b"x-amz-decoded-content-length") != str(len(stored)):
        return None
    trailer = None
    if mode.has_trailer:
        name = _text(head, b"x-amz-trailer").strip().lower().encode()
        trailer = (name, checksum_of(name, stored) or b"") if name else None
    blank = ChunkChain(b"", CredentialScope("", ""), "", Signature(_BLANK.decode()))
    return rechunk(stored, _CHUNK, blank if mode.value in _SIGNED_CHUNKS else None, trailer)


def _describes(head: RequestHead, body: bytes) -> bool:
    has_body = bool(head.all(b"transfer-encoding")) or (head.first(b"content-length") or b"0") != b"0"
    return has_body is bool(body) and _describing(head, body) == head


def _text(head: RequestHead, name: bytes) -> str:
    return (head.first(name) or b"").decode("ascii", "replace")


def _describing(head: RequestHead, body: bytes) -> RequestHead:
    """Make the head's hash and length those of the body; what the head does not say stays unsaid."""
    fields = []
    if _SHA256.fullmatch(head.first(b"x-amz-content-sha256") or b""):
        fields.append((b"x-amz-content-sha256", sha256(body).hexdigest().encode()))
    if head.all(b"content-length"):
        fields.append((b"content-length", str(len(body)).encode()))
    return _with_headers(head, replaced(head.headers, *fields))


def _dated(head: RequestHead, at: datetime) -> RequestHead:
    """Write the date where the client wrote it, in its form."""
    iso = f"{at:%Y%m%dT%H%M%SZ}".encode()
    headers = tuple(
        (name, iso)
        if name.lower() == b"x-amz-date" or (name.lower() == b"date" and _ISO_DATE.fullmatch(value))
        else (name, format_datetime(at, usegmt=True).encode())
        if name.lower() == b"date"
        else (name, value)
        for name, value in head.headers
    )
    return _with_query(_with_headers(head, headers), {b"X-Amz-Date": iso})


def _claiming(head: RequestHead, key_id: str, day: str, region: str) -> RequestHead:
    """Write credential and a blank signature; the scope stays as it was but for the ``day``, if one is given."""

    def credential(match: re.Match[bytes]) -> bytes:
        _, *scope = match[2].split(b"/")
        if scope and day:
            scope[0] = day.encode()
        return match[1] + b"/".join((key_id.encode(), *scope))

    headers = tuple(
        (name, _SIGNATURE.sub(rb"\g<1>" + _BLANK, _CREDENTIAL.sub(credential, value)))
        if name.lower() == b"authorization" and value.startswith(ALGORITHM.encode())
        else (name, value)
        for name, value in head.headers
    )
    dates = [value for name, value in head.parameters if name == b"X-Amz-Date"]
    scope = CredentialScope(day or dates[0][:8].decode("ascii", "replace"), region) if dates else ""
    presigned = {b"X-Amz-Credential": f"{key_id}/{scope}".encode(), b"X-Amz-Signature": _BLANK}
    return _with_query(_with_headers(head, headers), presigned)


def _signed(blank: RequestHead, claim: Claim, signature: bytes) -> RequestHead:
    if claim.presigned:
        return _with_query(blank, {b"X-Amz-Signature": signature})
    headers = tuple(
        (name, _SIGNATURE.sub(rb"\g<1>" + signature, value)) if name.lower() == b"authorization" else (name, value)
        for name, value in blank.headers
    )
    return _with_headers(blank, headers)


def _with_headers(head: RequestHead, headers: Headers) -> RequestHead:
    return RequestHead(head.method, head.target, headers)


def _with_query(head: RequestHead, values: dict[bytes, bytes]) -> RequestHead:
    """Give parameters that are there new values; all other bytes of the target stay."""
    if not head.query:
        return head
    pieces = head.query.split(b"&")
    for at, piece in enumerate(pieces):
        name = piece.partition(b"=")[0]
        value = values.get(unquote_to_bytes(name))
        if value is not None:
            pieces[at] = name + b"=" + quote(value, safe="").encode()
    return RequestHead(head.method, head.path + b"?" + b"&".join(pieces), head.headers)


def _resign_chunks(body: bytes, chain: ChunkChain, *, trailer: bool) -> bytes:
    """Renew the signatures of a whole aws-chunked body, whoever made them; framing and data stay."""
    reader = ChunkReader(signed=True, trailer=trailer, max_chunk=len(body))
    out: list[bytes] = []
    start, data = ChunkStart(0, b"0", None), b""
    for event in _whole(reader, body):
        match event:
            case ChunkStart():
                start, data = event, b""
            case ChunkData(piece):
                data = bytes(piece)
            case ChunkEnd():
                digest = sha256(data).hexdigest() if data else EMPTY_SHA256
                signature = chain.chunk(digest).hex.encode()
                out += (b"%b;chunk-signature=%b\r\n" % (start.text, signature), data)
                out += () if trailer and not start.size else (b"\r\n",)
            case Trailer(fields, raw, _, at):
                signature = chain.trailer(fields).hex.encode()
                out.append(raw[:at] + signature + raw[at + len(signature) :])
    return b"".join(out)


def _whole(reader: ChunkReader, body: bytes) -> list[Event]:
    events = reader.feed(body)
    if not reader.done:
        raise errors.incomplete_body()
    return events


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
