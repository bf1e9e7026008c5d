"""Feed a body transformer as the network would, and note what it lets out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from s3gateway.bodies.announced import read_announced
from s3gateway.bodies.chunked import ChunkedBody, chunked_body
from s3gateway.bodies.whole import Body, Piece
from s3gateway.errors import S3Error
from s3gateway.rules.limits import Limits
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.model import PayloadMode, RequestHead, Signature
from tests.admission import CONFIG
from tests.sigv4.aws import CLIENT, GATEWAY, STREAMING_UNSIGNED_TRAILER
from tests.sigv4.streams import OUT_SEED, SEED, Stream

LIMITS = replace(CONFIG.limits, aws_chunk=1 << 20, aws_chunk_min=1)


@dataclass(frozen=True)
class Passage:
    """What left before the end, what left at the end, and the fault if there was one."""

    released: bytes
    finished: bytes = b""
    fault: S3Error | None = None

    @property
    def code(self) -> str:
        """The fault's S3 code; empty for none."""
        return self.fault.code if self.fault else ""


def transformer(
    stream: Stream, *, decoded: bytes | None = b"?", announced: bytes | None = None, limits: Limits = LIMITS
) -> ChunkedBody:
    """Build the transformer of a stream; ``decoded`` and ``announced`` default to what is in the stream.

    The smallest chunk allowed is one byte unless ``limits`` say otherwise, so that tests can take every split.
    """
    chains = None
    if stream.mode != STREAMING_UNSIGNED_TRAILER:
        chains = (
            ChunkChain(CLIENT.signing_key, CLIENT.scope, CLIENT.timestamp, Signature(SEED)),
            ChunkChain(GATEWAY.signing_key, GATEWAY.scope, GATEWAY.timestamp, Signature(OUT_SEED)),
        )
    fields = [
        (b"x-amz-decoded-content-length", stream.decoded if decoded == b"?" else decoded),
        (b"x-amz-trailer", stream.announced if announced is None else announced),
    ]
    head = RequestHead(b"PUT", b"/bucket/key", tuple((name, value) for name, value in fields if value is not None))
    mode = PayloadMode(stream.mode)
    return chunked_body(mode, chains, read_announced(mode, head), limits)


def joined(pieces: Iterable[Piece]) -> bytes:
    """Give the bytes of some pieces."""
    return b"".join(pieces)


def passage(body: Body, reads: Iterable[bytes]) -> Passage:
    """Feed every read, then finish; stop at the first fault."""
    released = b""
    try:
        for data in reads:
            released += joined(body.feed(data))
        return Passage(released, joined(body.finish()))
    except S3Error as error:
        return Passage(released, fault=error)
