"""Faults by chance: a request that was really signed, one thing that goes wrong with it, and the names that are right.

Half of them nobody can guess (a path replaced by another, a secret of random letters). Of those no cause may be called
certain or likely; but what did happen must stand among the causes that would fit.
"""

import json
import random
import string
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import quote, unquote_to_bytes

from s3gateway.sigv4.model import RequestHead
from tests.explain.clients import Keys, Own, adds, botocore, drops, java, presigned, puts, sets
from tests.explain.harmless import difference
from tests.real.sdkv1 import Target
from tests.sigv4.aws import EMPTY

_WORDS = (
    "report",
    "2026",
    "part-00000",
    "a b",
    "caf\u00e9",
    "M\u00fcller",
    "x+y=1",
    "~tmp",
    "it's(1)!",
    "\u65e5\u672c",
    "dt=2026-11-29",
    "a//b",
    "_SUCCESS",
    "50%",
)
_HEADERS = (
    ("Content-Type", ("text/csv", "application/octet-stream", "text/plain; charset=utf-8", "image/jpeg")),
    ("Range", ("bytes=0-99", "bytes=100-")),
    ("User-Agent", ("Boto3/1.35 md/Botocore", "aws-sdk-go-v2/1.30 os/linux", "MinIO (linux; amd64) minio-go/v7")),
    ("Accept-Encoding", ("identity", "gzip", "gzip, deflate")),
    ("Connection", ("Keep-Alive", "close")),
    ("x-amz-meta-author", ("Ada", "Fran\u00e7ois M\u00fcller", "caf\u00e9 au lait", "50 % off", "one, two", "a;b; c")),
    ("x-amz-meta-title", ("Q1 report", "\u00dcbersicht", "na\u00efve", "\u041c\u043e\u0441\u043a\u0432\u0430")),
    ("x-amz-copy-source", ("/bucket/a%20b", "/bucket/caf%C3%A9", "/bucket/plain")),
    ("amz-sdk-invocation-id", ("0f9a5c1e-77aa-4c1b-9d0e-2f6b6b6b1d11",)),
    ("Content-MD5", ("1B2M2Y8AsgTpgAmY7PhCfg==", "rL0Y20zC+Fzt72VPzMSk2A==")),
)


@dataclass(frozen=True)
class Fault:
    """``head`` is what arrives, ``right`` are the causes that name it; ``sent`` is what left, if a hop is at fault."""

    name: str
    head: RequestHead
    right: frozenset[str]
    sent: RequestHead | None = None


Chance = random.Random
Arrived = tuple[RequestHead, frozenset[str]]
Hop = Callable[[RequestHead, Chance], Arrived]


def right(*causes: str) -> frozenset[str]:
    """The causes that name a fault."""
    return frozenset(causes)


def request(keys: Keys, chance: Chance) -> RequestHead:
    """A correct request of one of four signers."""
    kind = chance.choice(("botocore", "botocore", "presigned", "java", "own"))
    method = chance.choice(("GET", "PUT", "HEAD", "DELETE"))
    at = chance.choice(
        ("http://gateway.example:8000", "http://127.0.0.1:9000", "https://s3.example.com", "http://localhost:8000")
    )
    key = "/".join(chance.sample(_WORDS, chance.randint(1, 3)))
    if kind == "java":
        pairs = [("prefix", chance.choice(_WORDS)), ("list-type", "2")] if chance.random() < 0.4 else []
        return java(keys, method, Target("bucket", key, pairs))
    target = "/bucket/" + quote(key, safe="/~")
    if chance.random() < 0.4:
        target += "?" + "&".join(f"{n}={quote(v, safe='~')}" for n, v in _parameters(chance))
    if kind == "presigned":
        return presigned(keys, method, target, at=at)
    headers = [(name, chance.choice(values)) for name, values in chance.sample(_HEADERS, chance.randint(0, 4))]
    payload = chance.choice((EMPTY, "UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"))
    if kind == "own":
        path, _, query = target.partition("?")
        return Own(
            method,
            path + ("?" + query if query else ""),
            tuple(headers),
            query="&".join(sorted(query.split("&"))),
            payload=payload,
        ).head(keys)
    return botocore(keys, method, target, headers, at=at, payload=payload)


def _parameters(chance: Chance) -> list[tuple[str, str]]:
    known = (
        ("list-type", "2"),
        ("prefix", chance.choice(_WORDS)),
        ("max-keys", "7"),
        ("partNumber", "3"),
        ("uploadId", "abc"),
        ("versionId", "v1"),
    )
    return chance.sample(known, chance.randint(1, 3))


def _letters(chance: Chance, count: int) -> str:
    return "".join(chance.choices(string.ascii_letters + string.digits, k=count))


def signed_names(head: RequestHead) -> list[bytes]:
    """Names of signed headers that are on the wire, ``Host`` and those of S3's own out."""
    text = (head.first(b"authorization") or b"").partition(b"SignedHeaders=")[2].partition(b",")[0]
    own = {b"host", b"x-amz-date", b"x-amz-content-sha256", b""}
    return [name for name in text.split(b";") if name not in own and head.all(name)]


def _some(head: RequestHead, chance: Chance) -> tuple[str, bytes] | None:
    names = signed_names(head)
    name = chance.choice(names) if names else None
    return (name.decode(), head.all(name)[0]) if name else None


# Each gives the request as it arrives, and what is right to say. What leaves it as it was is drawn again.


def host_port(head: RequestHead, chance: Chance) -> Arrived:
    """A hop drops the port, or puts its own."""
    name = (head.first(b"host") or b"").decode().partition(":")[0]
    return sets(head, "Host", name + chance.choice(("", ":8080", ":80", ":8001"))), frozenset(
        ("host-port", "host-rewritten")
    )


def host_name(head: RequestHead, chance: Chance) -> Arrived:
    """A hop puts another name, and may say which one it was."""
    was = (head.first(b"host") or b"").decode()
    other = sets(head, "Host", chance.choice(("upstream", "10.0.0.7:8000", f"{_letters(chance, 8).lower()}.internal")))
    return (adds(other, "X-Forwarded-Host", was) if chance.random() < 0.5 else other), right("host-rewritten")


def path(head: RequestHead, chance: Chance) -> Arrived:
    """A hop rewrites the path by a rule."""
    p, _, query = head.target.partition(b"?")
    rules: list[tuple[bytes, str]] = [
        (
            unquote_to_bytes(p).replace(b"%", b"%25").replace(b" ", b"%20").replace(b"?", b"%3F"),
            "path-encoded-once-less",
        ),
        (p.replace(b"%", b"%25"), "path-encoded-once-more"),
        (p.replace(b"//", b"/"), "path-slashes-merged"),
        (b"/" + p, "path-slash-doubled"),
        (p + b"/", "path-trailing-slash"),
        (b"/tenant" + p, "path-prefix-added"),
        (p.replace(b"%20", b"+"), "path-plus-space"),
        (p.replace(b"%C3%A9", b"%E9").replace(b"%C3%BC", b"%FC"), "path-charset"),
        (p.replace(b"%C3%A9", b"e%CC%81").replace(b"%C3%BC", b"u%CC%88"), "path-unicode-form"),
        (b"/bucket/" + _letters(chance, 9).encode(), "path-changed"),
    ]
    wire, cause = chance.choice(rules)
    return replace(head, target=wire + (b"?" + query if query else b"")), frozenset((cause,))


def query(head: RequestHead, chance: Chance) -> Arrived:
    """A hop adds, drops or rewrites a parameter."""
    p, _, q = head.target.partition(b"?")
    pieces = q.split(b"&") if q else []
    kind = chance.choice(("add", "drop", "change", "plus", "charset"))
    if kind == "add":
        return replace(
            head, target=p + b"?" + b"&".join([*pieces, b"utm_source=" + _letters(chance, 4).encode()])
        ), right("query-parameter-added")
    own = [piece for piece in pieces if not piece.startswith(b"X-Amz-")]
    if not own:
        return head, right()
    piece = chance.choice(own)
    if kind == "drop":
        rest = b"&".join(one for one in pieces if one is not piece)
        return replace(head, target=p + (b"?" + rest if rest else b"")), frozenset(
            ("query-parameter-removed", "query-changed")
        )
    if kind == "change":
        name = piece.partition(b"=")[0]
        return replace(head, target=head.target.replace(piece, name + b"=" + _letters(chance, 6).encode())), frozenset(
            ("query-changed",)
        )
    if kind == "plus":
        return replace(head, target=p + b"?" + q.replace(b"%2B", b"+")), right("query-plus-space")
    return replace(head, target=p + b"?" + q.replace(b"%C3%A9", b"%E9").replace(b"%C3%BC", b"%FC")), frozenset(
        ("query-charset",)
    )


def header_dropped(head: RequestHead, chance: Chance) -> Arrived:
    """A hop drops a signed header."""
    some = _some(head, chance)
    return (drops(head, some[0]), right("header-missing")) if some else (head, right())


def header_replaced(head: RequestHead, chance: Chance) -> Arrived:
    """A hop writes something else."""
    some = _some(head, chance)
    return (sets(head, some[0], _letters(chance, 12)), right("header-changed")) if some else (head, right())


def header_twice(head: RequestHead, chance: Chance) -> Arrived:
    """A hop adds a second line."""
    some = _some(head, chance)
    return (adds(head, some[0], _letters(chance, 6)), right("header-duplicates")) if some else (head, right())


def header_bytes(head: RequestHead, chance: Chance) -> Arrived:
    """A library or hop writes the value in another form."""
    some = _some(head, chance)
    if not some:
        return head, right()
    name, raw = some
    text = raw.decode("utf-8", "replace")
    # Where there are escapes, their case may be all that changes.
    cased = right("header-case") | (right("percent-encoding", "copy-source-encoding") if "%" in text else right())
    forms: list[tuple[bytes, frozenset[str]]] = [
        (text.encode("iso-8859-1", "replace"), right("charset", "charset-lost")),
        (text.encode("ascii", "replace"), right("charset-lost")),
        (text.encode("cp1252", "replace"), right("charset", "charset-lost")),
        (raw.decode("iso-8859-1").encode(), right("charset-twice")),
        (unicodedata.normalize("NFD", text).encode(), right("unicode-form")),
        (quote(text, safe="/").encode(), right("percent-encoding", "copy-source-encoding")),
        (unquote_to_bytes(raw), right("percent-encoding", "copy-source-encoding")),
        (text.lower().encode(), cased),
        (text.upper().encode(), cased),
        (b'"%b"' % raw, right("header-quotes")),
        (raw + b" via/1", right("header-appended")),
        (b"x" + raw, right("header-appended", "header-one-byte")),
        (raw.replace(b", ", b","), right("header-joined")),
        (json.dumps(text)[1:-1].encode(), right("header-changed")),
    ]
    value, names = chance.choice(forms)
    if b"\x00" in value or b" ".join(value.split()) == b" ".join(raw.split()):
        return head, right()
    return puts(head, name, value), names | {"header-changed"}


def method(head: RequestHead, chance: Chance) -> Arrived:
    """A hop uses another method."""
    other = chance.choice([m for m in (b"GET", b"HEAD", b"PUT", b"POST") if m != head.method])
    return replace(head, method=other), right("method-changed")


def payload(head: RequestHead, chance: Chance) -> Arrived:
    """A hop re-sends the body in another mode, or computes the hash anew."""
    if not head.all(b"x-amz-content-sha256"):
        return head, right()
    text = chance.choice(("UNSIGNED-PAYLOAD", EMPTY, "".join(chance.choices("0123456789abcdef", k=64))))
    return sets(head, "x-amz-content-sha256", text), right("payload-hash")


HOPS: tuple[Hop, ...] = (
    host_port,
    host_name,
    path,
    query,
    header_dropped,
    header_replaced,
    header_twice,
    header_bytes,
    header_bytes,
    method,
    payload,
)


def secret(keys: Keys, chance: Chance) -> tuple[Keys, frozenset[str]]:
    """A secret that is not the one that belongs to the key."""
    mine = keys.secret
    forms = (
        (mine + chance.choice("\n \t\r"), right("secret-white-space")),
        (f'"{mine}"', right("secret-quotes")),
        (quote(mine, safe=""), right("secret-encoding")),
        (mine[: -chance.randint(1, 9)], right("secret-cut")),
        ("narrow", right("secret-of-another-client")),
        (keys.access_key_id, right("secret-is-access-key")),
        (_letters(chance, 40), right("wrong-secret")),
        (_letters(chance, 20), right("wrong-secret")),
    )
    text, names = chance.choice(forms)
    return replace(keys, secret=text), names


def signer(keys: Keys, chance: Chance) -> tuple[RequestHead, frozenset[str]]:
    """A client whose signer makes one mistake."""
    target = f"/bucket?prefix={quote(chance.choice(_WORDS), safe='~')}&list-type=2"
    query = target.partition("?")[2]
    made = datetime.now(UTC).replace(second=30)
    forms = (
        (Own(target=target, query=query), right("query-order", "query-as-sent")),
        (Own(target="/bucket?uploads", query="uploads"), right("query-equals-sign", "query-as-sent")),
        (Own(key_scope=lambda steps: [steps[0], "eu-west-2", *steps[2:]]), right("scope-region")),
        (Own(key_scope=lambda steps: [*steps[:2], "execute-api", steps[3]]), right("scope-service")),
        (
            Own(timestamp=f"{made:%Y%m%dT%H%M%SZ}", timestamp_line=f"{made.replace(second=32):%Y%m%dT%H%M%SZ}"),
            right("timestamp"),
        ),
        (Own(payload="UNSIGNED-PAYLOAD", payload_line=EMPTY), right("payload-hash")),
        (Own(names=lambda names: sorted(names, reverse=True)), right("signed-headers-order")),
        (Own(target="/bucket/~a", uri="/bucket/%7Ea"), right("path-escapes")),
        (Own(target="/bucket/a%20b", uri="/bucket/a%2520b"), right("path-encoded-once-less")),
        (Own(headers=(("x-amz-meta-a", "one  two"),)), right("header-spaces")),
    )
    client, names = chance.choice(forms)
    return client.head(keys), names


def correct(chance: Chance) -> RequestHead:
    """A request that is right, with up to three harmless differences."""
    head = request(Keys(), chance)
    for _ in range(chance.randint(0, 3)):
        head = difference(head, chance)
    return head


def fault(chance: Chance) -> Fault:
    """One fault, and a harmless difference beside it half of the time."""
    kind = chance.random()
    sent: RequestHead | None = None
    if kind < 0.1:
        (head, names), name = signer(Keys(), chance), "signer"
    elif kind < 0.25:
        keys, names = secret(Keys(), chance)
        head, name = request(keys, chance), "secret"
    else:
        sent, head, names, name = (_by_two_hops if kind < 0.35 else _by_a_hop)(chance)
    return Fault(name, difference(head, chance) if chance.random() < 0.5 else head, names, sent)


def _covers_the_same(one: RequestHead, other: RequestHead) -> bool:
    """Whether a signature cannot tell them apart, whatever was written otherwise."""

    def covered(head: RequestHead) -> tuple[object, ...]:
        path, _, query = head.target.partition(b"?")
        pairs = (piece.replace(b"+", b" ").partition(b"=")[::2] for piece in query.split(b"&") if piece)
        decoded = sorted(tuple(map(unquote_to_bytes, pair)) for pair in pairs)
        fields = {name: [b" ".join(value.split()) for value in head.all(name)] for name in head.names}
        return head.method, unquote_to_bytes(path), decoded, fields

    return covered(one) == covered(other)


_Sent = tuple[RequestHead, RequestHead, frozenset[str], str]


def _by_two_hops(chance: Chance) -> _Sent:
    """Two hops, each with a habit."""
    while True:
        head, (first, second) = request(Keys(), chance), chance.choices(HOPS, k=2)
        halfway, names = first(head, chance)
        changed, more = second(halfway, chance)
        pairs = ((head, halfway), (halfway, changed), (head, changed))
        if names and more and not any(_covers_the_same(*pair) for pair in pairs):
            return head, changed, names | more, f"{first.__name__} and {second.__name__}"


def _by_a_hop(chance: Chance) -> _Sent:
    """One hop, until it has something to change."""
    while True:
        head = request(Keys(), chance)
        hop = chance.choice(HOPS)
        changed, names = hop(head, chance)
        if names and not _covers_the_same(head, changed):
            return head, changed, names, hop.__name__
