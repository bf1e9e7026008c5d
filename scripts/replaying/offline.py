"""One captured head through the gateway's core: no network, no files, and no clock but the capture's own.

The head is signed again as its client would have, at its own date, for a capture holds no signature; then it is
admitted and forwarded as by a running gateway. What comes of it is an exchange again: verdict, and the outgoing head.
"""

from dataclasses import replace
from datetime import UTC, datetime

from replaying.stand import BACKEND, Stand
from s3gateway.errors import S3Error
from s3gateway.gateway import Arrival, admit, forward
from s3gateway.observed import redaction
from s3gateway.observed.capture import CaptureError, Exchange
from s3gateway.observed.printable import printable
from s3gateway.observed.resign import captured_request, resign
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import RequestHead
from s3gateway.sigv4.verify import verify

NOT_REPLAYED = frozenset(("SignatureDoesNotMatch", "InvalidAccessKeyId"))
"""Refusals that a new signature by a known client takes the reason from."""


def why_not(exchange: Exchange) -> str:
    """Say why an exchange cannot be replayed; empty where it can."""
    if exchange.incoming.method == "OPTIONS":
        return "nobody signs a preflight"
    if exchange.verdict == "refused" and exchange.code in NOT_REPLAYED:
        return f"{exchange.code}: a new signature would mend it"
    return ""


def replay(exchange: Exchange, stand: Stand) -> Exchange:
    """What the gateway makes of the head now; verdict, code, operation, sse and the outgoing head are new.

    Raises :class:`~s3gateway.observed.capture.CaptureError` where the capture has no clock.
    """
    captured = captured_request(exchange.incoming)
    blank = replace(exchange, outgoing=None, verdict="refused", code="", message="", operation="", sse="", rule="")
    now = _clock(exchange)
    client = stand.client(exchange.identity)
    try:
        head = _signed(captured, stand, exchange.identity)
        arrival = Arrival(tls=exchange.tls, has_body=has_body(head))
        admitted = admit(head, arrival, stand.config, now)
        outgoing = forward(admitted, head, stand.config, stand.signer, now)
        sent = on_the_wire(RequestHead(outgoing.method, outgoing.target, outgoing.headers))
    except S3Error as error:
        return replace(blank, code=error.code, message=error.message, identity=client.name)
    try:
        verify(read_claim(sent), sent, BACKEND.secret, now)
    except S3Error as error:
        return replace(blank, verdict="unknown", code=error.code, message="the backend would refuse the signature")
    return replace(
        blank,
        verdict="admitted",
        identity=client.name,
        operation=outgoing.operation.name,
        bucket=outgoing.operation.bucket,
        key=outgoing.operation.key,
        sse=outgoing.sse,
        rule="" if outgoing.rule is None else f"encryption[{outgoing.rule}]",
        outgoing=redaction.captured_head(sent),
    )


def has_body(head: RequestHead) -> bool:
    """Whether a body follows, by the head alone."""
    return bool(head.all(b"transfer-encoding")) or (head.first(b"content-length") or b"0") != b"0"


def on_the_wire(head: RequestHead) -> RequestHead:
    """Without `Expect: 100-continue`, which mitmproxy answers itself and takes off."""
    fields = tuple(pair for pair in head.headers if pair[0].lower() != b"expect")
    return RequestHead(head.method, head.target, fields)


def _clock(exchange: Exchange) -> datetime:
    try:
        now = datetime.fromisoformat(exchange.time)
    except ValueError:
        told = f"exchange {printable(exchange.id)}: time '{printable(exchange.time)}'"
        raise CaptureError(f"{told} is not like 2026-01-31T12:00:00Z") from None
    return now if now.tzinfo else now.replace(tzinfo=UTC)


def _signed(captured: RequestHead, stand: Stand, identity: str) -> RequestHead:
    """A head that says too little to be signed goes in as it is: it is refused for what it lacks."""
    try:
        keys = stand.client(identity).keys
        return resign(captured, keys, region=stand.config.listen.regions[0]).head
    except S3Error:
        return captured
