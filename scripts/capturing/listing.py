"""An exchange as a block of text to read: what was asked and decided, then the heads, what was signed marked."""

from s3gateway.observed.capture import Exchange, Head, Pairs
from s3gateway.observed.printable import printable

_SIGNED, _UNSIGNED = "  * ", "    "


def listing(exchange: Exchange) -> str:
    """Give the block, with an empty line at its end. Control characters are escaped."""
    lines = [
        f"{exchange.time} {exchange.id}",
        f"{_what(exchange)}: {_outcome(exchange)}",
        *_head("incoming (* signed)", exchange.incoming),
    ]
    if exchange.outgoing:
        lines += _head("outgoing (* signed)", exchange.outgoing)
    if exchange.response:
        lines += [f"answer {exchange.response.status}", *_fields(exchange.response.headers, ())]
    if exchange.explanation:
        lines.append(f"explanation: {exchange.explanation.sentence}")
    return "\n".join(map(printable, lines)) + "\n\n"


def _what(exchange: Exchange) -> str:
    where = f"{exchange.bucket}/{exchange.key}" if exchange.key else exchange.bucket
    who = f"by {exchange.identity}" if exchange.identity else ""
    parts = (exchange.operation or exchange.incoming.method, where, who, "over TLS" if exchange.tls else "over HTTP")
    return " ".join(part for part in parts if part)


def _outcome(exchange: Exchange) -> str:
    parts = ["not judged" if exchange.verdict == "unknown" else exchange.verdict]
    if exchange.code or exchange.message:
        parts.append(": ".join(part for part in (exchange.code, exchange.message) if part))
    if exchange.response:
        took = exchange.timings.get("ended")
        parts.append(f"{exchange.response.status}" + (f" in {took * 1000:.1f} ms" if took else ""))
    parts += [f"backend says {exchange.backend_error}"] if exchange.backend_error else []
    parts += [exchange.payload] if exchange.payload.isupper() else []
    parts += [" by ".join(part for part in (exchange.sse, exchange.rule) if part)] if exchange.sse else []
    if chunks := exchange.chunks:
        bad = f", number {chunks.first_bad} is bad" if chunks.first_bad else ""
        parts.append(f"{chunks.count} chunks with {chunks.bytes} bytes verified{bad}")
    return ", ".join(parts)


def _head(title: str, head: Head) -> list[str]:
    return [title, f"    {head.method} {head.target}", *_fields(head.headers, head.signed_headers)]


def _fields(pairs: Pairs, signed: tuple[str, ...]) -> list[str]:
    return [f"{_SIGNED if name.lower() in signed else _UNSIGNED}{name}: {value}" for name, value in pairs]
