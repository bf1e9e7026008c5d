"""How a refused request is made: for any key, time and host.

So the same table can be replayed against the core with a fixed clock, and over a socket now.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from s3gateway.sigv4.model import RequestHead
from tests.admission import DOCUMENT, edited, with_header
from tests.sigv4 import aws, streams
from tests.sigv4.aws import CLIENT, STREAMING_UNSIGNED_TRAILER, Key

CLIENTS: list[dict[str, Any]] = [
    *DOCUMENT["clients"],
    {"name": "pii", "access_key_id": "PIIKEY", "secret_access_key": "pii", "buckets": ["bucket"], "prefixes": ["pii/"]},
    {
        "name": "reader",
        "access_key_id": "READKEY",
        "secret_access_key": "read",
        "buckets": ["bucket"],
        "read_only": True,
    },
    {
        "name": "getter",
        "access_key_id": "GETKEY",
        "secret_access_key": "get",
        "buckets": ["*"],
        "operations": ["GetObject"],
        "list_buckets": False,
    },
]
"""The clients that the table signs as. Limits are the defaults."""

NARROW = {"access_key_id": "NARROWKEY", "secret": "narrow"}
PII = {"access_key_id": "PIIKEY", "secret": "pii"}
READER = {"access_key_id": "READKEY", "secret": "read"}
GETTER = {"access_key_id": "GETKEY", "secret": "get"}


@dataclass(frozen=True)
class Wire:
    """Where and when a request is signed."""

    key: Key = CLIENT
    host: str = "gateway.example:8000"

    def who(self, changes: dict[str, str]) -> Key:
        """Give the key with another id, secret or region."""
        return replace(self.key, **changes)

    def here(self, text: str) -> str:
        """Put this wire's time where a row has the fixed one."""
        return text.replace(CLIENT.timestamp, self.key.timestamp).replace(CLIENT.timestamp[:8], self.key.timestamp[:8])


@dataclass(frozen=True)
class Request:
    """One request: bytes only, so that it can be sent as it is. Content-Length is the sender's affair."""

    head: RequestHead
    body: bytes | None = None


Made = Callable[[Wire], Request]


@dataclass(frozen=True)
class Row:
    """A name, how the request is made, how long after its date it arrives, and the answer.

    ``fields`` are extra XML elements with their text, ``names`` those whose text depends on time or key.
    """

    name: str
    make: Made
    status: int
    code: str
    message: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    names: tuple[str, ...] = field(default=(), kw_only=True)
    late: timedelta = field(default=timedelta(0), kw_only=True)
    tls: bool = field(default=False, kw_only=True)


def auth(
    method: str,
    target: str,
    headers: Sequence[tuple[str, str | bytes]] = (),
    who: dict[str, str] | None = None,
    *,
    body: bytes | None = None,
    **how: Any,
) -> Made:
    """Sign in the header."""
    return lambda w: Request(
        aws.authorized(method, target, headers, key=w.who(who or {}), host=w.host, **how),
        (b"x" if body is None else body) if method in {"PUT", "POST"} else body,
    )


def url(
    method: str, target: str, headers: Sequence[tuple[str, str]] = (), who: dict[str, str] | None = None, **how: Any
) -> Made:
    """Presign."""
    return lambda w: Request(
        aws.presigned(method, target, headers, key=w.who(who or {}), host=w.host, **how),
        b"x" if method == "PUT" else None,
    )


GOOD = auth("GET", "/bucket/key")
PRESIGNED = url("GET", "/bucket/key")


def then(made: Made, change: Callable[..., RequestHead], *args: Any, **kwargs: Any) -> Made:
    """Change a head that was signed, as someone on the way could."""

    def make(w: Wire) -> Request:
        request = made(w)
        return replace(request, head=change(request.head, *args, **kwargs))

    return make


def good(change: Callable[..., RequestHead], *args: Any, **kwargs: Any) -> Made:
    """Change the good request's head after it was signed."""
    return then(GOOD, change, *args, **kwargs)


def added(name: str, value: str = "1") -> Callable[[RequestHead], RequestHead]:
    """Add a header field to a head that was signed."""
    return lambda head: edited(head, headers=(*head.headers, (name.encode(), value.encode())))


def field_changed(name: bytes, old: bytes, new: bytes) -> Callable[[RequestHead], RequestHead]:
    """Replace what the pattern ``old`` matches in a header of a head that was signed."""

    def change(head: RequestHead) -> RequestHead:
        value = head.first(name)
        assert value is not None
        assert re.search(old, value), (name, old)
        return with_header(head, name, re.sub(old, new, value, count=1))

    return change


def claimed(old: bytes, new: bytes) -> Callable[[RequestHead], RequestHead]:
    """Replace in the Authorization header."""
    return field_changed(b"authorization", old, new)


def faulty(made: Made, *changes: Callable[[RequestHead], RequestHead]) -> Made:
    """Make several changes after a head was signed."""
    for change in changes:
        made = then(made, change)
    return made


def asking(piece: str) -> Callable[[RequestHead], RequestHead]:
    """Add a query parameter to a head that was signed."""
    return lambda head: edited(head, target=head.target + (b"&" if head.query else b"?") + piece.encode())


def authorization(change: Callable[[str], str]) -> Made:
    """Change the good request's Authorization header."""

    def make(w: Wire) -> Request:
        request = GOOD(w)
        value = (request.head.first(b"authorization") or b"").decode()
        changed = change(value.replace(w.key.timestamp[:8], CLIENT.timestamp[:8]))
        return replace(request, head=with_header(request.head, b"authorization", w.here(changed).encode()))

    return make


def query(old: str, new: str) -> Made:
    """Change a part of the good presigned URL."""

    def make(w: Wire) -> Request:
        request = PRESIGNED(w)
        target = request.head.target.decode()
        assert w.here(old) in target
        return replace(request, head=edited(request.head, target=target.replace(w.here(old), w.here(new)).encode()))

    return make


def put(payload: str) -> Made:
    """Sign a PUT with this x-amz-content-sha256."""
    return auth("PUT", "/bucket/key", payload=payload)


def both(w: Wire) -> Request:
    """Sign in the header and in the query."""
    return Request(edited(GOOD(w).head, target=PRESIGNED(w).head.target))


CRC32C = "x-amz-checksum-crc32c"


def stream(
    mode: str,
    chunks: Sequence[bytes],
    *,
    trailer: streams.Fields | None = None,
    announced: str | None = None,
    decoded: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    edit: Callable[[bytes], bytes] = lambda body: body,
    tail: bytes = b"",
    **form: Any,
) -> Made:
    """Upload in chunks. ``edit`` changes the body after it was signed; a length ``decoded`` of ``""`` is left out.

    ``form`` is how sizes and the trailer's line ends are written, as :mod:`tests.sigv4.streams` has it.
    """
    data = b"".join(chunks)
    fields = [] if decoded == "" else [("x-amz-decoded-content-length", decoded or str(len(data)))]
    if mode != aws.STREAMING:
        trailer = (streams.crc32c(data),) if trailer is None else trailer
        fields += [("x-amz-trailer", announced)] if announced else []
        fields += [("x-amz-trailer", trailer[0][0].decode())] if announced is None else []

    def make(w: Wire) -> Request:
        head = aws.authorized("PUT", "/bucket/key", [*fields, *headers], key=w.key, host=w.host, payload=mode)
        seed = (head.first(b"authorization") or b"")[-64:].decode()
        if mode == STREAMING_UNSIGNED_TRAILER:
            body = streams.unsigned("body", chunks, trailer=trailer, **form).body
        else:
            body = streams.signed("body", chunks, trailer=trailer or (), key=w.key, seed=seed, **form).body
        return Request(head, edit(body) + tail)

    return make


def uploads(*headers: tuple[str, str]) -> dict[str, Made]:
    """Upload with these headers, signed in the header, presigned, and in each of the streaming modes."""
    modes = (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    return {
        "header": auth("PUT", "/bucket/key", headers),
        "presigned": url("PUT", "/bucket/key", headers),
        **{mode: stream(mode, (b"a" * 300,), headers=headers) for mode in modes},
    }


UPLOADS: dict[str, Made] = {
    "SHA256": auth("PUT", "/bucket/key", payload=sha256(b"x").hexdigest()),
    aws.UNSIGNED: auth("PUT", "/bucket/key", payload=aws.UNSIGNED),
    **{
        mode: stream(mode, (b"a" * 300,))
        for mode in (aws.STREAMING, aws.STREAMING_TRAILER, aws.STREAMING_UNSIGNED_TRAILER)
    },
}
"""A good upload in each payload mode, signed in the header."""
