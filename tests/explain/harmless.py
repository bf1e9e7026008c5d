"""Differences that a signature does not cover: hops make them in every request, no explanation may stumble there."""

import random
from dataclasses import replace

from s3gateway.sigv4.model import RequestHead

_ADDED = (
    ("Via", "1.1 hop.example"),
    ("X-Forwarded-For", "192.0.2.7, 10.0.0.1"),
    ("X-Forwarded-Proto", "https"),
    ("X-Request-Id", "7f3c9d"),
    ("X-Real-IP", "192.0.2.7"),
    ("Cache-Control", "max-age=0"),
    ("Accept", "*/*"),
    ("Accept-Language", "de"),
    ("Cookie", "a=b"),
    ("Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ("CF-Ray", "738058af0e40901c-FRA"),
    ("CDN-Loop", "cloudflare"),
    ("Pragma", "no-cache"),
    ("Priority", "u=1, i"),
    ("X-Empty", ""),
    ("X-Latin", "caf\u00e9"),
)


def difference(head: RequestHead, chance: random.Random) -> RequestHead:
    """One difference, drawn."""
    return chance.choice((_adds, _cases, _moves, _removes))(head, chance)


def _signed(head: RequestHead) -> set[bytes]:
    text = (head.first(b"authorization") or head.query.replace(b"%3B", b";")).lower()
    return {
        name for name in head.names if name in text.replace(b"signedheaders=", b";").replace(b",", b";").split(b";")
    }


def _adds(head: RequestHead, chance: random.Random) -> RequestHead:
    """A header that nobody signed, anywhere."""
    name, value = chance.choice([pair for pair in _ADDED if not head.all(pair[0].lower().encode())])
    at = chance.randint(0, len(head.headers))
    pair = (name.encode(), value.encode("iso-8859-1"))
    return replace(head, headers=(*head.headers[:at], pair, *head.headers[at:]))


def _cases(head: RequestHead, chance: random.Random) -> RequestHead:
    """Names in another case."""
    change = chance.choice((bytes.lower, bytes.upper, bytes.title))
    return replace(head, headers=tuple((change(name), value) for name, value in head.headers))


def _moves(head: RequestHead, chance: random.Random) -> RequestHead:
    """Another order of the headers; lines of one name keep theirs."""
    order = list(head.names)
    chance.shuffle(order)
    pairs = sorted(head.headers, key=lambda pair: order.index(pair[0].lower()))
    return replace(head, headers=tuple(pairs))


def _removes(head: RequestHead, chance: random.Random) -> RequestHead:
    """A header that is there and not signed."""
    spare = [name for name in head.names if name not in _signed(head) | {b"authorization", b"host", b"date"}]
    spare = [name for name in spare if not name.startswith((b"x-amz", b"x-forwarded", b"x-original", b"forwarded"))]
    if not spare:
        return head
    name = chance.choice(spare)
    return replace(head, headers=tuple(pair for pair in head.headers if pair[0].lower() != name))
