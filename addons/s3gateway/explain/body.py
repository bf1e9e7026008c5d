"""A body that is not the one that was signed: what somebody did to it, as far as its hash or length can prove that."""

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256

from s3gateway.explain.cause import Certainty
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.model import EMPTY_SHA256, RequestHead

_HASH = re.compile(rb"[0-9a-f]{64}")
_CHUNK_LINE = re.compile(rb"[0-9a-fA-F]{1,16};chunk-signature=[0-9a-f]{64}\r\n")
_BARE_CHUNK_LINE = re.compile(rb"[0-9a-fA-F]{1,16}\r\n")
_MOST = 64 * 1024 * 1024
"""Bytes of a body that is looked at; and what is unpacked of it."""

_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_KEEP = "let the client sign the bytes that it sends, and let no proxy in front rewrite bodies"


def explain_body(head: RequestHead, body: bytes) -> Explanation | None:
    """Compare a body with what its head says of it; None where they agree, or where nothing can be said."""
    stated = (head.first(b"x-amz-content-sha256") or b"").strip()
    if len(body) > _MOST:
        return None
    if stated.startswith(b"STREAMING-"):
        return _framing(head, body, signed=b"UNSIGNED" not in stated)
    if not _HASH.fullmatch(stated) or sha256(body).hexdigest().encode() == stated:
        return None
    for words, other in _others(body):
        if sha256(other).hexdigest().encode() == stated:
            sentence = f"the body that was signed is not the one that arrived: {words}; {_KEEP}"
            return Explanation("payload-changed", sentence, certainty=Certainty.CERTAIN.value)
    if stated == EMPTY_SHA256.encode():
        sentence = (
            f"the client signed an empty body and {len(body)} bytes arrived: it computes the hash before it has the "
            "body, or without it; let it hash the body, or sign UNSIGNED-PAYLOAD"
        )
        return Explanation("payload-signed-empty", sentence, certainty=Certainty.CERTAIN.value)
    return Explanation(
        "payload-of-another-body",
        f"x-amz-content-sha256 is the hash of another body than the one that arrived ({len(body)} bytes): {_KEEP}",
        certainty=Certainty.CERTAIN.value,
        others=(("payload-hash", "the client computes the hash wrongly, or of another object"),),
    )


def _others(body: bytes) -> Iterator[tuple[str, bytes]]:
    """What may have been signed, and what was done to it."""
    yield "a line feed was put behind it", body.removesuffix(b"\n")
    yield "the line feed at its end was taken off", body + b"\n"
    yield "a CRLF was put behind it", body.removesuffix(b"\r\n")
    yield "the CRLF at its end was taken off", body + b"\r\n"
    yield "its CRLF line ends were made LF", body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    yield "its LF line ends were made CRLF", body.replace(b"\r\n", b"\n")
    yield "a byte order mark was put before it", body.removeprefix(_BOM)
    yield "its byte order mark was taken off", _BOM + body
    yield "white space around it was taken off or added", body.strip()
    with suppress(zlib.error):
        yield "it was compressed with gzip after signing", _unpacked(body)
    with suppress(UnicodeDecodeError):
        yield "it was written in UTF-8 in place of ISO-8859-1", body.decode().encode("iso-8859-1", "ignore")
    yield "it was written in ISO-8859-1 in place of UTF-8", body.decode("iso-8859-1").encode()
    for level in (6, 9, 1):
        yield "it was unpacked with gzip after signing", gzip.compress(body, level, mtime=0)
    if match := _CHUNK_LINE.match(body) or _BARE_CHUNK_LINE.match(body):
        size = int(match[0].partition(b"\r\n")[0].partition(b";")[0], 16)
        yield "it was put into aws-chunks after signing", body[match.end() : match.end() + size]


def _unpacked(body: bytes) -> bytes:
    """Unpack gzip, bounded; what is no gzip stays as it is."""
    if not body.startswith(_GZIP):
        return body
    unpacking = zlib.decompressobj(wbits=31)
    return unpacking.decompress(body, _MOST)


def _framing(head: RequestHead, body: bytes, *, signed: bool) -> Explanation | None:
    """A body that should be in aws-chunks and is not."""
    line = _CHUNK_LINE if signed else _BARE_CHUNK_LINE
    if line.match(body):
        return None
    stated = (head.first(b"x-amz-decoded-content-length") or b"").strip()
    if stated.isdigit() and stated.lstrip(b"0") == str(len(body) or "").encode():
        sentence = (
            "the body has the decoded length and no aws-chunks: a proxy in front, or a wrapper around the client, took "
            "the chunks out and left x-amz-content-sha256; make it pass the body on as it came"
        )
        return Explanation("chunk-framing-removed", sentence, certainty=Certainty.CERTAIN.value)
    sentence = (
        f"the head announces aws-chunks and the body does not begin with one ({len(body)} bytes): something "
        "between client and server rewrites the body; make it pass the body on as it came"
    )
    return Explanation("chunk-framing", sentence, certainty=Certainty.CERTAIN.value)
