"""Why a chunk's or the trailer's signature does not match, when the request's own does: by its data or its chain.

The request's signature has proven the secret, so only three things are left: the client chains its signatures in
another way, it signs other bytes than the chunk's data, or the data changed on the way. Pure, a few hundred HMACs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from s3gateway.bodies.verified import BadSignature
from s3gateway.explain.cause import Certainty
from s3gateway.observed.capture import Explanation
from s3gateway.sigv4.canonical import sign
from s3gateway.sigv4.model import EMPTY_SHA256, Signature
from s3gateway.sigv4.verify import Verified

_SIZES = (1024, 4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288)
_CHUNK, _TRAILER, _PLAIN = "AWS4-HMAC-SHA256-PAYLOAD", "AWS4-HMAC-SHA256-TRAILER", "AWS4-HMAC-SHA256"
_RECHUNKED = "a proxy in front cuts the upload into other chunks and keeps old signatures; make it pass bodies on"
_CHAIN = "let the client sign each chunk over the signature of the one before it"
_DATA = "the data changed on its way; look for a proxy in front that rewrites or re-encodes bodies"
_OTHERS = (("chunk-string-to-sign", "the client signs chunks in a way of its own that is not known here"),)


@dataclass(frozen=True, slots=True)
class _Text:
    """One guess at a chunk's or trailer's string to sign: its lines after date and scope."""

    cause: str
    sentence: str
    algorithm: str
    lines: tuple[str, ...]


def explain_chunk(bad: BadSignature, verified: Verified) -> Explanation:
    """Name what makes the signature fit, or say that the data changed."""
    search = _Search(bad, verified)
    for text in _trailer_texts(bad, verified) if bad.trailer else _chunk_texts(bad, verified):
        if search.fits(text):
            return Explanation(text.cause, text.sentence, certainty=Certainty.CERTAIN.value)
    return _changed(bad)


class _Search:
    """Compares guesses with the one signature; the key is the proven one."""

    def __init__(self, bad: BadSignature, verified: Verified) -> None:
        self._claimed = bad.signature
        self._verified = verified

    def __repr__(self) -> str:
        return "_Search(<redacted>)"

    def fits(self, text: _Text) -> bool:
        proven = self._verified
        lines = (text.algorithm, proven.timestamp, str(proven.scope), *text.lines)
        return sign(proven.signing_key, "\n".join(lines).encode()).matches(self._claimed)


def _chunk_texts(bad: BadSignature, verified: Verified) -> Iterator[_Text]:
    this = f"chunk {bad.number} ({bad.size} bytes)"
    for chain, previous in _previous(bad, verified):
        for what, digest in _digests(bad):
            cause = "chunk-chain" if chain and not what else "chunk-framing"
            if what.startswith("only"):
                cause = "chunk-rechunked"
            told = " and ".join(filter(None, (chain, what)))
            remedy = {"chunk-chain": _CHAIN, "chunk-rechunked": _RECHUNKED}.get(
                cause, "let the client sign the data alone, without size, line ends and signature"
            )
            sentence = f"{this}: its signature covers {told}; {remedy}"
            yield _Text(cause, sentence, _CHUNK, (previous, EMPTY_SHA256, digest))
            form = f"{this}: the client writes the string to sign of a chunk in another form than S3's "
            form += "(AWS4-HMAC-SHA256-PAYLOAD, date, scope, previous signature, hash of nothing, hash of the data)"
            yield _Text("chunk-string-to-sign", form, _PLAIN, (previous, EMPTY_SHA256, digest))
            yield _Text("chunk-string-to-sign", form, _CHUNK, (previous, digest))
            yield _Text("chunk-string-to-sign", form, _PLAIN, (previous, digest))
            yield _Text("chunk-string-to-sign", form, _CHUNK, (previous, digest, digest))


def _previous(bad: BadSignature, verified: Verified) -> Iterator[tuple[str, str]]:
    """The right previous signature first (with nothing to say of it), then those that clients confuse it with."""
    chain: tuple[Signature, ...] = (verified.seed, *bad.before)
    yield "", chain[-1].hex
    if len(chain) > 1:
        yield "the request's signature again instead of that of the chunk before it", verified.seed.hex
        yield "the signature of the chunk before the last one, as if one in between were missing", chain[-2].hex
    yield "no previous signature at all", ""


def _digests(bad: BadSignature) -> Iterator[tuple[str, str]]:
    yield "", bad.digest
    if bad.data is None:
        return
    data, size = bad.data, bad.size_text
    head = size + b";chunk-signature=" + bad.signature.hex.encode()
    yield "its data with the line end after it", _hash(data + b"\r\n")
    yield "its data with the line feed after it", _hash(data + b"\n")
    yield "its size line and its data", _hash(size + b"\r\n" + data)
    yield "its size line, its data and the line end", _hash(size + b"\r\n" + data + b"\r\n")
    yield "its whole frame, signature and all", _hash(head + b"\r\n" + data + b"\r\n")
    yield "nothing instead of its data", EMPTY_SHA256
    yield "its data's hash in upper case", bad.digest.upper()
    for length in _SIZES:
        if length < len(data):
            yield f"only the first {length} bytes of its data", _hash(data[:length])


def _trailer_texts(bad: BadSignature, verified: Verified) -> Iterator[_Text]:
    for chain, previous in _previous(bad, verified):
        for what, digest in _trailer_digests(bad):
            cause = "trailer-chain" if chain and not what else "trailer-text"
            told = " and ".join(filter(None, (chain, what)))
            remedy = "let the client sign `name:value` and a line feed, name in lower case, over the last chunk's "
            sentence = f"the trailer: its signature covers {told}; {remedy}signature"
            for algorithm in (_TRAILER, _CHUNK):
                yield _Text(cause, sentence, algorithm, (previous, digest))
            yield _Text("trailer-text", sentence, _CHUNK, (previous, EMPTY_SHA256, digest))


def _trailer_digests(bad: BadSignature) -> Iterator[tuple[str, str]]:
    fields = bad.trailer
    lines = [b"%b:%b" % field for field in fields]
    yield "", _hash(b"".join(line + b"\n" for line in lines))
    yield "its lines with carriage returns", _hash(b"".join(line + b"\r\n" for line in lines))
    yield "its lines without their end", _hash(b"\n".join(lines))
    yield "its lines with a space after the colon", _hash(b"".join(b"%b: %b\n" % field for field in fields))
    yield "its lines with the name as it was sent", _hash(b"".join(b"%b:%b\n" % (n.title(), v) for n, v in fields))
    yield "the values alone", _hash(b"".join(value for _, value in fields))
    yield "nothing", EMPTY_SHA256


def _changed(bad: BadSignature) -> Explanation:
    cause = "trailer-changed" if bad.trailer else "chunk-data"
    if bad.trailer:
        sentence = (
            "the trailer's signature fits neither what arrived nor any known confusion of the chain: all chunks before "
            f"it are right, so the trailer changed on its way, or the client signs trailers wrongly; {_DATA}"
        )
    elif bad.number == 1:
        sentence = (
            f"chunk 1 ({bad.size} bytes): its signature fits neither its data nor any known confusion of the chain, "
            f"though the request's own signature is right: {_DATA}, or a client that signs chunks in its own way"
        )
    else:
        sentence = (
            f"chunk {bad.number} ({bad.size} bytes): the chunks before it are right and so is the chain, but this "
            f"one's signature does not fit its data: {_DATA}"
        )
    return Explanation(cause, sentence, certainty=Certainty.LIKELY.value, others=_OTHERS)


def _hash(data: bytes) -> str:
    return sha256(data).hexdigest()
