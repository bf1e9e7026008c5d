"""Suspects: a signed header did not arrive, arrived with another value, or was joined and folded in another way."""

from collections.abc import Iterator
from datetime import datetime
from mimetypes import MimeTypes

from s3gateway.explain import lengths
from s3gateway.explain.draft import Draft
from s3gateway.explain.suspect import QUOTABLE, Suspect, of_field, of_part, quoted, wire_name
from s3gateway.observed.printable import printable
from s3gateway.sigv4.model import RequestHead

_FEW = 12
_HOP_BY_HOP = frozenset((b"connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"proxy-connection", b"expect"))
_CODINGS = (
    b"identity",
    b"gzip",
    b"gzip,deflate",
    b"gzip, deflate",
    b"gzip, deflate, br",
    b"gzip, x-gzip, deflate",
    b"",
)
_TYPES = (
    b"application/octet-stream",
    b"binary/octet-stream",
    b"application/xml",
    b"text/xml",
    b"text/plain",
    b"application/json",
    b"application/x-www-form-urlencoded",
    b"application/x-www-form-urlencoded; charset=utf-8",
    b"multipart/form-data",
    b"text/csv",
    b"text/html",
    b"image/jpeg",
    b"image/png",
    b"application/pdf",
    b"application/zip",
    b"application/gzip",
    b"video/mp4",
    b"application/vnd.apache.parquet",
    b"",
)
_USUAL: dict[bytes, tuple[bytes, ...]] = {
    b"accept": (b"*/*", b"application/json", b"text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", b""),
    b"accept-encoding": _CODINGS,
    b"cache-control": (b"no-cache", b"max-age=0", b"no-store", b""),
    b"connection": (b"Keep-Alive", b"keep-alive", b"close", b"TE", b"Keep-Alive, TE", b""),
    b"content-encoding": (b"aws-chunked", b"gzip", b"aws-chunked,gzip", b""),
    b"content-length": (b"0", b""),
    b"content-md5": (b"1B2M2Y8AsgTpgAmY7PhCfg==", b""),
    b"content-type": _TYPES,
    b"expect": (b"100-continue", b"100-Continue", b""),
    b"keep-alive": (b"timeout=5", b"timeout=60", b"300", b""),
    b"pragma": (b"no-cache", b""),
    b"te": (b"trailers", b"trailers, deflate", b"deflate,gzip;q=0.3", b""),
    b"transfer-encoding": (b"chunked", b""),
    b"upgrade": (b"h2c", b"websocket", b""),
    b"x-forwarded-proto": (b"http", b"https", b""),
    b"x-forwarded-port": (b"80", b"443", b""),
}
"""What these headers usually say: tried when one did not arrive, or arrived changed."""

_GUESSABLE = frozenset((b"connection", b"te", b"expect", b"accept-encoding", b"date", b"x-amz-date"))
"""Headers that have so few values that one of those tried would have fitted."""

_KINDS = MimeTypes(filenames=())
"""Python's own table of file endings, whatever the machine has."""

_TRIED_TOGETHER = 2
_CHARSETS = (b"charset=utf-8", b"charset=UTF-8", b"charset=ISO-8859-1")


def suspects(draft: Draft, head: RequestHead) -> Iterator[Suspect]:
    """Every signed header but ``Host``, which has a module of its own."""
    for name in sorted(set(draft.signed_headers) - {b"host"}):
        if head.all(name):
            yield from _changed(draft, head, name)
        else:
            yield from _missing(draft, head, name)
    yield from _order(draft)


def missing(draft: Draft, head: RequestHead) -> tuple[bytes, ...]:
    """Signed names that are not on the wire: whatever their values were, the signature cannot fit without them."""
    return tuple(name for name in draft.signed_headers if not head.all(name))


def beyond_guessing(names: tuple[bytes, ...], head: RequestHead) -> bool:
    """Whether these missing headers may have had values, or combinations of values, that were not tried."""
    guessable = _GUESSABLE | ({b"content-length"} if head.all(b"x-amz-decoded-content-length") else set())
    return len(names) > _TRIED_TOGETHER or not guessable.issuperset(names)


def absent_words(names: tuple[bytes, ...]) -> str:
    """``Connection is signed and did not arrive``."""
    told = " and ".join(wire_name(name) for name in names)
    return f"{told} {'is' if len(names) == 1 else 'are'} signed and did not arrive"


def missing_sentence(names: tuple[bytes, ...]) -> str:
    """Say that they did not arrive, and that no value tried made the signature fit."""
    values = "its value" if len(names) == 1 else "their values"
    how = dropper(next((name for name in names if name not in _HOP_BY_HOP), names[0]))
    return f"{absent_words(names)}: {how}; {values} cannot be guessed, so more cannot be said"


def dropper(name: bytes) -> str:
    """Say who drops a header, and what to do."""
    if name in _HOP_BY_HOP:
        return (
            "a proxy in front drops it, as HTTP has a proxy do with headers that concern one connection; "
            "let the client not sign it"
        )
    return f"a proxy in front drops it; make it pass the header on{_nginx(name)}, or let the client not sign it"


def _nginx(name: bytes) -> str:
    if b"." in name or b"_" in name:  # characters that nginx takes for invalid, or for CGI's
        return " (nginx drops such names: `ignore_invalid_headers off; underscores_in_headers on;`)"
    variable = printable(name).replace("-", "_")
    return f" (nginx: `proxy_set_header {wire_name(name)} $http_{variable};`)"


def _missing(draft: Draft, head: RequestHead, name: bytes) -> Iterator[Suspect]:
    for value in dict.fromkeys((*_USUAL.get(name, ()), *_derived(draft, head, name))):
        if value:
            said = f"the client signed {_says(name, value)}, which did not arrive: {dropper(name)}"
            yield of_field("header-missing", said, name, value, likely=True)


def _changed(draft: Draft, head: RequestHead, name: bytes) -> Iterator[Suspect]:
    yield from _duplicates(head, name)
    now = draft.value(name)
    wire = f"the wire says {quoted(now)}" if name in QUOTABLE else "it arrived with another value"
    changer = f"a proxy in front changes it; make it pass the header on as it came{_nginx(name)}, or let the client "
    changer += "not sign it"
    for value in dict.fromkeys((*_parts(name, now), *_USUAL.get(name, ()), *_derived(draft, head, name))):
        if value != now and value:
            said = f"the client signed {_says(name, value)}, {wire}: {changer}"
            yield of_field("header-changed", said, name, value, likely=name in _USUAL)
    added = f"{wire_name(name)} was empty or absent when the client signed: a proxy in front adds it; let it not, or "
    yield of_field("header-added", added + "let the client send the header itself", name, b"", likely=True)
    yield from _spaces(head, name)


def _says(name: bytes, value: bytes) -> str:
    return f"{wire_name(name)} {quoted(value)}" if name in QUOTABLE else wire_name(name)


def _parts(name: bytes, now: bytes) -> Iterator[bytes]:
    """What may have been there before a hop added something: list items, parameters, product tokens."""
    if b"," in now:
        yield now.rpartition(b",")[0].rstrip()
        yield now.partition(b",")[2].lstrip()
    if b"," in now or b";" in now:
        items = [item.strip() for item in now.split(b",")]
        yield b", ".join(items)
        if b"aws-chunked" in items:
            yield b",".join(item for item in items if item != b"aws-chunked")
        yield now.partition(b";")[0].rstrip()
    if name == b"content-type":
        base = now.partition(b";")[0].rstrip()
        yield from (base + gap + charset for gap in (b"; ", b";") for charset in _CHARSETS)
    if name in {b"user-agent", b"via", b"x-amz-user-agent"}:
        words = now.split(b" ")
        yield from (b" ".join(words[:count]) for count in range(len(words) - 1, max(0, len(words) - _FEW), -1))
    if name in {b"connection", b"expect", b"accept-encoding", b"te", b"transfer-encoding"}:
        yield now.lower()
        yield now.title()


def _derived(draft: Draft, head: RequestHead, name: bytes) -> Iterator[bytes]:
    """Values that other headers tell."""
    if name == b"date":
        moment = datetime.strptime(draft.timestamp, "%Y%m%dT%H%M%S%z")
        yield moment.strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
    elif name == b"content-type":
        kind = _KINDS.guess_type(printable(draft.uri))[0]
        yield from (text.encode() for text in ((kind, f"{kind}; charset=utf-8") if kind else ()))
    elif name == b"x-amz-date":
        yield draft.timestamp.encode()
    elif name == b"x-amz-content-sha256":
        yield draft.payload
    elif name in {b"content-length", b"x-amz-decoded-content-length"}:
        yield from lengths.candidates(head)


def _spaces(head: RequestHead, name: bytes) -> Iterator[Suspect]:
    values = head.all(name)
    sentence = (
        f"{wire_name(name)} has runs of spaces, which S3 folds into one before signing and the client did not; "
        "write the value with single spaces"
    )
    for value in (b",".join(v.strip() for v in values), b",".join(values)):
        yield of_field("header-spaces", sentence, name, value)


def _duplicates(head: RequestHead, name: bytes) -> Iterator[Suspect]:
    values = [b" ".join(value.split()) for value in head.all(name)]
    if len(values) < 2:  # noqa: PLR2004 - one is no duplicate
        return
    twice = f"{wire_name(name)} arrived {len(values)} times and "
    joined = twice + "the client joined the values in another way than S3, which puts a comma between them; send one"
    for value in (b", ".join(values), b"".join(values), b";".join(values), b" ".join(values)):
        yield of_field("header-duplicates", joined, name, value)
    once = twice + "the client signed one of the values: a proxy in front adds another; let it not"
    for value in values[:_FEW]:
        yield of_field("header-duplicates", once, name, value, likely=True)
    for at in (0, -1):
        rest = values[1:] if at == 0 else values[:-1]
        yield of_field("header-duplicates", once, name, b",".join(rest))


def _order(draft: Draft) -> Iterator[Suspect]:
    """SigV4 sorts the signed headers; some clients do not."""
    in_order = dict(draft.fields)
    as_claimed = tuple((name, in_order[name]) for name in draft.signed_headers)
    ordered = tuple(sorted(draft.signed_headers))
    sentence = "the client does not sort its signed headers by name in the way SigV4 does; use one that does"
    yield of_part("signed-headers-order", sentence, fields=as_claimed)
    yield of_part("signed-headers-order", sentence, signed_headers=ordered, likely=True)
    yield of_part("signed-headers-order", sentence, fields=as_claimed, signed_headers=ordered)


def with_unsigned_token(draft: Draft, head: RequestHead) -> Iterator[Suspect]:
    """A session token that is sent and that SignedHeaders does not name."""
    token = head.first(b"x-amz-security-token")
    if token and b"x-amz-security-token" not in draft.signed_headers:
        pair = (b"x-amz-security-token", b" ".join(token.split()))
        names = tuple(sorted((*draft.signed_headers, pair[0])))
        yield of_part(
            "session-token-unsigned",
            "the client signed its session token and SignedHeaders does not say so; name x-amz-security-token there",
            fields=tuple(sorted((*draft.fields, pair))),
            signed_headers=names,
        )
