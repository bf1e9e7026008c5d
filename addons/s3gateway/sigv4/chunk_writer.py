"""aws-chunked written anew: data, chunk size and a chain of signatures in, a body out. The reader is in ``chunks.py``.

Where the data of a signed upload has been edited, its old chunks prove nothing any more. Kept, it needs none.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

from s3gateway.sigv4.chunk_reader import TRAILER_SIGNATURE
from s3gateway.sigv4.chunk_signatures import ChunkChain

_SIGNED_FRAME = re.compile(rb"([0-9A-Fa-f]{1,16});chunk-signature=([0-9a-f]{64})\r\n")
_SIGNED_TRAILER = re.compile(re.escape(TRAILER_SIGNATURE) + rb":[ \t]*([0-9a-f]{64})", re.IGNORECASE)
_MASK = b"0" * 64


def rechunk(data: bytes, size: int, chain: ChunkChain | None, trailer: tuple[bytes, bytes] | None) -> bytes:
    """Frame ``data`` in chunks of ``size`` bytes and the final one, signed if there is a ``chain``.

    ``trailer`` is the (lower-case name, value) of the one field that follows the final chunk.
    """
    frames = [_frame(piece, chain) for piece in _pieces(data, size)]
    if trailer is None:
        return b"".join((*frames, b"\r\n"))
    frames.append(b"%b:%b\r\n" % trailer)
    if chain:
        frames.append(b"%b:%b\r\n" % (TRAILER_SIGNATURE, chain.trailer([trailer]).hex.encode()))
    return b"".join((*frames, b"\r\n"))


def _pieces(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]
    yield b""


def _frame(piece: bytes, chain: ChunkChain | None) -> bytes:
    """A chunk; the final one without its line end, for the trailer or the end of the body bring it."""
    signature = b";chunk-signature=" + chain.chunk(sha256(piece).hexdigest()).hex.encode() if chain else b""
    return b"%x%b\r\n%b" % (len(piece), signature, piece + b"\r\n" if piece else b"")


def masked(body: bytes) -> bytes:
    """Write zeros for the signatures of a signed body that is kept: they would complete a chain whose start is known.

    Frames and length stay, and data that looks like a signature; from the first byte that is no frame, all stays.
    """
    out, at = bytearray(body), 0
    while frame := _SIGNED_FRAME.match(body, at):
        out[frame.start(2) : frame.end(2)] = _MASK
        size = int(frame[1], 16)
        at = frame.end() + (size + 2 if size else 0)
        if not size:
            for trailer in _SIGNED_TRAILER.finditer(body, at):
                out[trailer.start(1) : trailer.end(1)] = _MASK
            break
    return bytes(out)
