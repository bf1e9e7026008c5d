"""Many exchanges -> the few that differ in shape, without what is of this machine and this minute.

What decides how the gateway treats a head stays as the client sent it: names, order, case, list of signed headers,
payload mode. The gateway's port, the kernel's version and the name of the account that ran Spark do not stay.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from s3gateway.observed.capture import Exchange, Head, Pairs

KEPT_OF_ANSWERS: Final = frozenset(("content-length", "content-range", "content-type", "etag"))

_PORT: Final = re.compile(r"\b127\.0\.0\.1:\d+")
_KERNEL: Final = re.compile(r"((?i:linux)[/#])[0-9][^\s;)]*")
_ACCOUNT: Final = re.compile(r"([?&]pr=)[^&]*")
_HASH: Final = re.compile(r"[0-9a-f]{64}")


def samples(exchanges: Iterable[Exchange]) -> tuple[Exchange, ...]:
    """One exchange of each shape, the one whose target has most to escape, in the order of first appearance."""
    chosen: dict[tuple[object, ...], Exchange] = {}
    for exchange in exchanges:
        there = chosen.setdefault(_shape(exchange), exchange)
        if exchange.incoming.target.count("%") > there.incoming.target.count("%"):
            chosen[_shape(exchange)] = exchange
    return _numbered([_scrubbed(exchange) for exchange in chosen.values()])


def _shape(exchange: Exchange) -> tuple[object, ...]:
    head = exchange.incoming
    parameters = tuple(piece.partition("=")[0] for piece in head.target.partition("?")[2].split("&"))
    mode = "hash" if _HASH.fullmatch(exchange.payload) else exchange.payload
    names = tuple(name for name, _ in head.headers)
    return exchange.operation, mode, exchange.sse, parameters, names, head.signed_headers


def _scrubbed(exchange: Exchange) -> Exchange:
    answer = exchange.response
    if answer:
        answer = replace(answer, headers=tuple(p for p in answer.headers if p[0].lower() in KEPT_OF_ANSWERS))
    return replace(exchange, incoming=_scrubbed_head(exchange.incoming), outgoing=None, response=answer)


def _scrubbed_head(head: Head) -> Head:
    return replace(head, headers=_scrubbed_pairs(head.headers), canonical_request="", string_to_sign="")


def _scrubbed_pairs(pairs: Pairs) -> Pairs:
    def scrubbed(text: str) -> str:
        return _ACCOUNT.sub(r"\1spark", _KERNEL.sub(r"\g<1>6.1", _PORT.sub("127.0.0.1:8000", text)))

    return tuple((name, scrubbed(value)) for name, value in pairs)


def _numbered(exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
    """Ids that stay the same when the same client is captured again."""
    seen: dict[str, int] = {}
    out = []
    for exchange in exchanges:
        seen[exchange.operation] = seen.get(exchange.operation, 0) + 1
        out.append(replace(exchange, id=f"{exchange.operation}-{seen[exchange.operation]}"))
    return tuple(out)
