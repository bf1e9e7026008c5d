"""Suspects: the path that the client signed is not the one that arrived, or was encoded in another way."""

import unicodedata
from collections.abc import Iterator
from itertools import combinations
from urllib.parse import quote_from_bytes, unquote_to_bytes

from s3gateway.explain.draft import Draft
from s3gateway.explain.escapes import LENIENT, escaped, lower_escapes
from s3gateway.explain.suspect import Suspect, of_part, quoted
from s3gateway.sigv4 import canonical
from s3gateway.sigv4.model import RequestHead

_ORIGINAL = (b"x-original-uri", b"x-original-url", b"x-rewrite-url", b"x-envoy-original-path", b"x-forwarded-uri")
"""Headers in which a proxy notes the target before it rewrote it (nginx, IIS, Envoy, Traefik)."""

_PREFIX = (b"x-forwarded-prefix", b"x-forwarded-path", b"x-script-name")
_USUAL_PREFIXES = (b"/s3", b"/minio", b"/storage", b"/api", b"/aws", b"/gateway", b"/proxy", b"/objects", b"/v1")
_FEW = 12
_SAFE = "/~"

_AS_CAME = "make it pass the request target on byte for byte"
_MERGE_OFF = _AS_CAME + " (nginx: `merge_slashes off;`)"
_CLIENT = "use a client that encodes paths as S3 does"


def suspects(draft: Draft, head: RequestHead) -> Iterator[Suspect]:
    """Every reading of the path, the likeliest first."""
    raw = unquote_to_bytes(head.path)
    for cause, sentence, uri, likely in (
        *_encodings(draft.uri, head.path, raw),
        *_slashes(draft.uri),
        *_segments(draft.uri, head),
        *_characters(draft.uri, head.path, raw),
    ):
        said = f"the client signed the path {quoted(uri)}, the wire says {quoted(head.path)}"
        if uri == head.path:
            said = f"the client signed the path {quoted(uri)} where S3 signs {quoted(draft.uri)}"
        yield of_part(cause, f"{said}: {sentence}", uri=uri, likely=likely)


_Reading = tuple[str, str, bytes, bool]


def _encodings(uri: bytes, wire: bytes, raw: bytes) -> Iterator[_Reading]:
    """Encoded once more or once less; ``+``, space and ``/`` with and without their escapes."""
    yield (
        "path-encoded-once-less",
        "a proxy in front decodes the path once, so " + _AS_CAME + " (nginx: `proxy_pass` without a path); or the "
        "client's signer encodes paths twice, as for services other than S3, so configure it for S3",
        quote_from_bytes(uri, safe=_SAFE).encode(),
        True,
    )
    yield (
        "path-encoded-once-more",
        f"a proxy in front encodes the path once more; {_AS_CAME}",
        quote_from_bytes(unquote_to_bytes(raw), safe=_SAFE).encode(),
        True,
    )
    yield (
        "path-plus-space",
        f"a proxy in front turns spaces of the path into `+`, which in a path is a plus; {_AS_CAME}",
        uri.replace(b"%2B", b"%20"),
        True,
    )
    yield (
        "path-plus-space",
        f"a proxy in front turns `+` of the path into a space; {_AS_CAME}",
        uri.replace(b"%20", b"%2B"),
        True,
    )
    kept = b"/".join(quote_from_bytes(unquote_to_bytes(part), safe="~").encode() for part in wire.split(b"/"))
    yield "path-slash-escape", f"the client signs %2F inside a key as it is; {_CLIENT}", kept, True
    yield from _escaped_slashes(uri)


def _escaped_slashes(uri: bytes) -> Iterator[_Reading]:
    sentence = f"a proxy in front decodes %2F in the path, or the client escapes slashes in keys; {_AS_CAME}"
    bucket, _, key = uri[1:].partition(b"/")
    if b"/" not in key:
        return
    yield "path-slash-escape", sentence, b"/%b/%b" % (bucket, key.replace(b"/", b"%2F")), True
    for at in _slashes_at(key):
        yield "path-slash-escape", sentence, b"/%b/%b%%2F%b" % (bucket, key[:at], key[at + 1 :]), False


def _slashes(uri: bytes) -> Iterator[_Reading]:
    """Slashes and dots that a hop tidies up, or that a client does."""
    merged = uri
    while b"//" in merged:
        merged = merged.replace(b"//", b"/")
    doubled = (
        "an endpoint that ends in a slash doubles it, or a proxy in front does; correct the endpoint, or make the "
    )
    doubled += "proxy pass the request target on byte for byte"
    yield "path-slash-doubled", doubled, merged, True
    for at in _slashes_at(uri):
        if uri[at + 1 : at + 2] == b"/":
            yield "path-slash-doubled", doubled, uri[:at] + uri[at + 1 :], True
    for count, unmerged in enumerate(_unmerged(uri)):
        sentence = f"a proxy in front merges double slashes; {_MERGE_OFF}"
        yield "path-slashes-merged", sentence, unmerged, count < _FEW
    slash = "a proxy in front {} a slash at the end of the path; " + _AS_CAME
    if uri.endswith(b"/"):
        yield "path-trailing-slash", slash.format("adds"), uri[:-1] or b"/", True
    else:
        yield "path-trailing-slash", slash.format("removes"), uri + b"/", True
    resolved = _without_dots(uri)
    yield (
        "path-dots-resolved",
        f"the client resolves dot segments before it signs, S3 does not; {_CLIENT}",
        resolved,
        (False),
    )
    for at in _slashes_at(uri):
        dots = f"a proxy in front resolves dot segments; {_AS_CAME}, or give the keys other names"
        yield "path-dots-resolved", dots, uri[:at] + b"/." + uri[at:], False


def _segments(uri: bytes, head: RequestHead) -> Iterator[_Reading]:
    """A prefix put on or taken off by a proxy that serves several things under one name."""
    for name in _ORIGINAL:
        for value in head.all(name):
            was = canonical.canonical_uri(value.partition(b"?")[0]).encode()
            told = f"a proxy in front rewrites the path, and says so in {name.decode()}; {_AS_CAME}"
            yield "path-rewritten", told, was, True
    stripped = "a proxy in front strips a prefix from the path; S3 signs the whole path, so give the gateway a host "
    stripped += "name or port of its own, or a `location /` that strips nothing"
    told_prefixes = [b"/" + value.strip(b"/ ") for name in _PREFIX for value in head.all(name)]
    prefixes = [canonical.canonical_uri(p).encode() for p in dict.fromkeys((*told_prefixes, *_USUAL_PREFIXES))]
    for count, prefix in enumerate(prefixes):
        yield "path-prefix-stripped", stripped, prefix + uri, count < len(told_prefixes)
    both = f"{stripped}; it merges double slashes as well; {_MERGE_OFF}"
    for prefix in prefixes:
        for unmerged in _unmerged(uri):
            yield "path-prefix-stripped+path-slashes-merged", both, prefix + unmerged, False
    added = f"a proxy in front puts a prefix before the path; {_AS_CAME}"
    parts = uri.split(b"/")
    for count in (1, 2):
        if len(parts) > count + 1 and all(parts[1 : count + 1]):
            yield "path-prefix-added", added, b"/" + b"/".join(parts[count + 1 :]), count == 1


def _characters(uri: bytes, wire: bytes, raw: bytes) -> Iterator[_Reading]:
    """Other opinions on which characters need an escape, and how an escape looks."""
    sentence = f"the client escapes other characters than S3 does; {_CLIENT}"
    yield "path-escapes", sentence, wire, True
    for safe in LENIENT:
        yield "path-escapes", sentence, escaped(raw, "/" + safe), False
    yield "path-escapes", f"the client signs the path with nothing escaped; {_CLIENT}", raw, False
    yield "path-escapes", f"the client writes escapes in lower case when it signs; {_CLIENT}", lower_escapes(uri), False
    for form in ("NFC", "NFD"):
        try:
            text = unicodedata.normalize(form, raw.decode())
        except UnicodeDecodeError:
            break
        yield (
            "path-unicode-form",
            f"something on the way changes how accented letters are composed (Unicode {form} was signed); {_AS_CAME}",
            quote_from_bytes(text.encode(), safe=_SAFE).encode(),
            False,
        )


def _unmerged(uri: bytes) -> Iterator[bytes]:
    """One slash doubled, then two."""
    found = _slashes_at(uri)
    for at in found:
        yield uri[:at] + b"/" + uri[at:]
    for first, second in combinations(found, 2):
        yield uri[:first] + b"/" + uri[first:second] + b"/" + uri[second:]


def _slashes_at(text: bytes) -> list[int]:
    """The first few slashes: a key may hold thousands."""
    found: list[int] = []
    at = text.find(b"/")
    while at >= 0 and len(found) < _FEW:
        found.append(at)
        at = text.find(b"/", at + 1)
    return found


def _without_dots(uri: bytes) -> bytes:
    """Remove dot segments as RFC 3986 §5.2.4 has it."""
    out: list[bytes] = []
    for part in uri.split(b"/"):
        if part == b"..":
            out[1:] = out[1:-1]
        elif part != b".":
            out.append(part)
    return b"/".join(out) or b"/"
