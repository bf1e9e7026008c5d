"""Chunk and trailer signatures: the fault of data is told from that of the chain, in uploads signed by hand."""

import re
from collections.abc import Callable
from hashlib import sha256

import pytest

from s3gateway import errors
from s3gateway.bodies.announced import read_announced
from s3gateway.bodies.chunked import ChunkedBody, chunked_body
from s3gateway.bodies.verified import BadSignature
from s3gateway.explain.chain import explain_chunk
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.chunk_signatures import ChunkChain
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead, Secret
from s3gateway.sigv4.verify import Verified, signed_at, verify
from tests.admission import CONFIG
from tests.real.sdkv1 import EMPTY, STREAMING, STREAMING_TRAILER, Key, Target, Upload, put_chunked, sign
from tests.sigv4.aws import CLIENT

KEY = Key(CLIENT.access_key_id, CLIENT.secret)
PAYLOAD = "AWS4-HMAC-SHA256-PAYLOAD"
Sign = Callable[[list[str], bytes], str]
"""Signatures so far (the seed first) and a chunk's data -> the chunk's signature."""


def chunk_text(previous: str, data: bytes) -> str:
    return KEY.sign(PAYLOAD, previous, EMPTY, sha256(data).hexdigest())


def upload(signer: Sign, *, pieces: tuple[bytes, ...] = (b"a" * 8192, b"b" * 8192, b"c" * 100, b"")) -> Upload:
    """Build an upload whose chunks the client signs in a way of its own."""
    length = sum(map(len, pieces))
    sizes = [("x-amz-decoded-content-length", str(length))]
    request = sign("PUT", Target("bucket", "key"), STREAMING, sizes, key=KEY)
    chain, frames = [request.signature], []
    for piece in pieces:
        chain.append(signer(chain, piece))
        frames.append(f"{len(piece):x};chunk-signature={chain[-1]}\r\n".encode() + piece + b"\r\n")
    return Upload(request, tuple(frames))


def faulty(sent: Upload) -> tuple[BadSignature, Verified]:
    """Let the gateway verify it; give what it found."""
    head = RequestHead(b"PUT", sent.request.target, tuple(sent.request.headers))
    claim = read_claim(head)
    verified = verify(claim, head, Secret(CLIENT.secret), signed_at(claim))
    chains = [ChunkChain(verified.signing_key, verified.scope, verified.timestamp, verified.seed) for _ in range(2)]
    body: ChunkedBody = chunked_body(
        verified.payload.mode, (chains[0], chains[1]), read_announced(verified.payload.mode, head), CONFIG.limits
    )
    with pytest.raises(errors.S3Error) as raised:
        body.feed(sent.body)
    assert raised.value.code == "SignatureDoesNotMatch"
    assert body.bad_signature
    return body.bad_signature, verified


def told(sent: Upload) -> Explanation:
    why = explain_chunk(*faulty(sent))
    assert CLIENT.secret not in why.sentence
    assert not any(text in why.sentence for text in _signatures(sent))
    return why


def _signatures(sent: Upload) -> list[str]:
    return [sent.request.signature, *re.findall(r"[0-9a-f]{64}", b"".join(sent.frames).decode())]


SIGNERS: tuple[tuple[str, Sign, str, str], ...] = (
    (
        "every chunk over the seed",
        lambda chain, data: chunk_text(chain[0], data),
        "chunk-chain",
        "chunk 2 (8192 bytes): its signature covers the request's signature again",
    ),
    (
        "over the chunk before the last",
        lambda chain, data: chunk_text(chain[-2] if len(chain) > 2 else chain[-1], data),
        "chunk-chain",
        "chunk 3",
    ),
    ("no previous signature", lambda _, data: chunk_text("", data), "chunk-chain", "no previous signature at all"),
    (
        "the line end as well",
        lambda chain, data: chunk_text(chain[-1], data + b"\r\n"),
        "chunk-framing",
        "its data with the line end after it",
    ),
    (
        "size line and data",
        lambda chain, data: chunk_text(chain[-1], b"%x\r\n%b" % (len(data), data)),
        "chunk-framing",
        "chunk 1 (8192 bytes): its signature covers its size line and its data",
    ),
    (
        "half of the data: re-chunked",
        lambda chain, data: chunk_text(chain[-1], data[:4096]),
        "chunk-rechunked",
        "only the first 4096 bytes",
    ),
    (
        "the request's algorithm line",
        lambda chain, data: KEY.sign("AWS4-HMAC-SHA256", chain[-1], EMPTY, sha256(data).hexdigest()),
        "chunk-string-to-sign",
        "in another form than S3's",
    ),
    (
        "without the hash of nothing",
        lambda chain, data: KEY.sign(PAYLOAD, chain[-1], sha256(data).hexdigest()),
        "chunk-string-to-sign",
        "hash of nothing",
    ),
)


@pytest.mark.parametrize(("signer", "cause", "words"), [one[1:] for one in SIGNERS], ids=[one[0] for one in SIGNERS])
def test_the_clients_own_way_of_signing(signer: Sign, cause: str, words: str) -> None:
    """The first chunk that differs is named, with what its signature covers."""
    why = told(upload(signer))
    assert why.cause == cause, why.sentence
    assert words in why.sentence


@pytest.mark.parametrize("chunk", [0, 1, 2])
def test_data_that_changed(chunk: int) -> None:
    """A chunk whose predecessors are right and whose data changed: it is the data, and which chunk."""
    why = told(upload(lambda chain, data: chunk_text(chain[-1], data)).tampered(chunk, -10))
    assert why.cause == "chunk-data"
    assert why.sentence.startswith(f"chunk {chunk + 1} (")
    assert "the data changed on its way" in why.sentence


def test_a_large_chunk_is_explained_without_its_data() -> None:
    """More than a megabyte is not kept; the chain can be told all the same."""
    pieces = (b"a" * 8192, b"b" * 1_100_000, b"")
    sent = upload(lambda chain, data: chunk_text(chain[0], data), pieces=pieces)
    bad, _ = faulty(sent)
    assert bad.data is None
    assert told(sent).cause == "chunk-chain"
    assert (
        told(upload(lambda chain, data: chunk_text(chain[-1], data), pieces=pieces).tampered(1, -9)).cause
        == "chunk-data"
    )


def trailer(lines: Callable[[str], str], previous: Callable[[Upload], str] | None = None) -> Upload:
    """Build a signed-trailer upload whose trailer the client signs in a way of its own."""
    crc = ("x-amz-checksum-crc32", "0+daZw==")
    sent = put_chunked(Target("bucket", "key"), b"a" * 9000, key=KEY, chunk=8192, trailer=crc)
    assert dict(sent.request.headers)[b"x-amz-content-sha256"] == STREAMING_TRAILER.encode()
    last = previous(sent) if previous else _signatures(sent)[-2]
    text = lines(f"{crc[0]}:{crc[1]}")
    signature = KEY.sign("AWS4-HMAC-SHA256-TRAILER", last, sha256(text.encode()).hexdigest())
    line = f"{crc[0]}:{crc[1]}\r\nx-amz-trailer-signature:{signature}\r\n\r\n"
    return Upload(sent.request, (*sent.frames[:-1], line.encode()))


@pytest.mark.parametrize(
    ("lines", "previous", "cause", "words"),
    [
        ("{}\r\n".format, None, "trailer-text", "its lines with carriage returns"),
        (str, None, "trailer-text", "its lines without their end"),
        ("{}\n".format, lambda sent: sent.request.signature, "trailer-chain", "the request's signature again"),
        ("{}x\n".format, None, "trailer-changed", "the trailer changed on its way"),
    ],
    ids=["CRLF", "no end", "over the seed", "changed"],
)
def test_trailers(
    lines: Callable[[str], str], previous: Callable[[Upload], str] | None, cause: str, words: str
) -> None:
    """What the trailer's signature covers instead of what it should."""
    why = told(trailer(lines, previous))
    assert why.cause == cause, why.sentence
    assert words in why.sentence


def test_a_bad_chunk_shows_no_signature() -> None:
    """Nor its data: both may be in a traceback."""
    sent = upload(lambda chain, data: chunk_text(chain[0], data))
    bad, _ = faulty(sent)
    assert not any(text in repr(bad) for text in _signatures(sent))
    assert "bbbb" not in repr(bad)
