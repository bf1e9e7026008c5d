"""aws-chunked written anew: data, chunk size and a chain of signatures in, a body out. The reader is in ``chunks.py``.

Where the data of a signed upload has been edited, its old chunks prove nothing any more.
"""

from collections.abc import Iterator
from hashlib import sha256

from s3gateway.sigv4.chain import ChunkChain
from s3gateway.sigv4.chunks import TRAILER_SIGNATURE


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
