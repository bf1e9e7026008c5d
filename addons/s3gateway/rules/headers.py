"""The header-set model: what goes out of what came in, and what of it is secret.

An outgoing head is the incoming one with the fewest edits: hop-by-hop fields go (RFC 9110 §7.6.1), ``Host``,
``Authorization`` and ``X-Amz-Date`` change their value in place, additions follow at the end, a folded line becomes
one (RFC 9112 §5.2). Order, case and number of all other fields stay as they were.
"""

import re
from urllib.parse import unquote_to_bytes

from s3gateway import errors
from s3gateway.sigv4.model import Headers, RequestHead

HOP_BY_HOP = frozenset(
    (
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    )
)
"""Fields that concern one connection (RFC 9110 §7.6.1).

``Transfer-Encoding`` is missing: it says how the gateway frames the body, and is ``chunked`` or absent.
"""

_NOT_PASSED = HOP_BY_HOP | {b"expect", b"x-amz-security-token"}
"""``Expect`` is answered by the gateway, and a client's session token never travels."""

END_TO_END = re.compile(
    rb"(x-amz-.*|amz-.*|content-.*|host|date|authorization|expect|range|if-.*|cache-control|expires|user-agent|"
    rb"transfer-encoding)"
)
"""Fields that ``Connection`` cannot name away: S3 gives them a meaning, or their loss would change the framing."""

_FOLD = re.compile(rb"(?<![ \t])[ \t]*\r?\n[ \t]+")
_CONTROLS = bytes((*range(9), *range(10, 32), 127))
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|\n(?![ \t])")
"""What no field value may hold (RFC 9110 §5.5); line feeds only to fold a line."""

_SECRET_IN_QUERY = (
    rb"(?:x-amz-(?:security-token|s3session-token|(?:copy-source-)?server-side-encryption-customer-key)|"
    rb"ldappassword|webidentitytoken|samlassertion|tokencode|secretaccesskey|sessiontoken)"
)
"""Headers that some SDKs move into the query when they presign. S3 takes no SSE-C key there; it has been sent then.
And what STS takes, and gives: minio-py has password and web identity token in its target."""

_SECRET_NAME = _SECRET_IN_QUERY + rb"|proxy-authorization|cookie"
_SECRET = re.compile(_SECRET_NAME)
_SECRET_LINE = re.compile(rb"^(" + _SECRET_NAME + rb"|authorization):.*$", re.MULTILINE)
_SIGNATURE = re.compile(rb"(Signature=)[^,\s]*")
_MISPLACED = re.compile(rb"(Signature=)[0-9a-f]{64}", re.IGNORECASE)
"""In any field: who misspells ``Authorization`` has signed well, and the signature can still be used."""

_SECRET_PARAMETER = rb"[^=&?]*Signature|X-Amz-Credential|AWSAccessKeyId|Token|" + _SECRET_IN_QUERY
_PRESIGNED = re.compile(rb"([?&](?:" + _SECRET_PARAMETER + rb")=)[^&]*", re.IGNORECASE)
_MISSPELLED = re.compile(
    rb"((?:^|[?&])X-Amz-(?!Content-Sha256=|Meta-)[^=&?\n]*=)[0-9a-f]{64}(?![^&\n])", re.IGNORECASE | re.MULTILINE
)
"""The same in a query. A name ends where another may begin, here and above and below: strangers choose how long all
this is, and each byte must be looked at a bounded number of times."""

_ESCAPED_PARAMETER = re.compile(rb"([?&])([^=&?%]*%[^=&?]*)=[^&]*")
_SECRET_PAIR = re.compile(rb"((?:^|&)" + _SECRET_IN_QUERY + rb"=)[^&\n]*", re.IGNORECASE | re.MULTILINE)
_REDACTED = b"<redacted>"


def check_fields(head: RequestHead) -> None:
    """Refuse fields that the next server may read differently than this one did.

    A bare CR or NUL ends a field for some; a transfer coding other than ``chunked`` would be undone behind the hash.
    """
    values = b"|".join([value for _, value in head.headers])
    if len(values.translate(None, _CONTROLS)) != len(values) and _CONTROL.search(values):  # most heads have none at all
        raise errors.invalid_request("A header field contains characters that are not allowed there.")
    if any(value.strip().lower() != b"chunked" for value in head.all(b"transfer-encoding")):
        raise errors.not_implemented("A header you provided implies functionality that is not implemented.")


def without_hop_by_hop(headers: Headers) -> Headers:
    """Drop hop-by-hop fields and those that ``Connection`` names, unless S3 needs them."""
    named = {
        token.strip().lower() for name, value in headers if name.lower() == b"connection" for token in value.split(b",")
    }
    drop = HOP_BY_HOP | {name for name in named if not END_TO_END.fullmatch(name)}
    return tuple((name, value) for name, value in headers if name.lower() not in drop)


def rewritten(head: RequestHead, added: Headers, *changed: tuple[bytes, bytes]) -> Headers:
    """Give the outgoing fields in one pass over the incoming ones.

    What concerns the client's connection goes, and so does its session token; ``changed`` fields get their new value
    where they stand; then follow ``added`` and the changed ones that were not there. Folded lines become one.
    """
    drop = _NOT_PASSED
    if named := head.all(b"connection"):
        tokens = {token.strip().lower() for value in named for token in value.split(b",")}
        drop = drop | {name for name in tokens if not END_TO_END.fullmatch(name)}
    new = {name.lower(): (name, value) for name, value in changed}
    out: list[tuple[bytes, bytes]] = []
    missing = dict(new)
    for pair, low in zip(head.headers, head.lower_names, strict=True):
        if low in new:
            if missing.pop(low, None):
                out.append((pair[0], new[low][1]))
        elif low not in drop:
            out.append((pair[0], _FOLD.sub(b" ", pair[1])) if b"\n" in pair[1] else pair)
    return (*out, *added, *missing.values())


def wants_close(head: RequestHead) -> bool:
    """Whether the client asked for its connection to end after this answer."""
    return any(b"close" in value.lower().replace(b" ", b"").split(b",") for value in head.all(b"connection"))


def replaced(headers: Headers, *fields: tuple[bytes, bytes]) -> Headers:
    """Give each field its new value where it stands (further ones of the same name go), or append it."""
    new = {name.lower(): (name, value) for name, value in fields}
    missing = dict(new)
    out: list[tuple[bytes, bytes]] = []
    for pair in headers:
        lower = pair[0].lower()
        field = new.get(lower)
        if field is None:
            out.append(pair)
        elif missing.pop(lower, None):
            out.append((pair[0], field[1]))
    return (*out, *missing.values())


def removed(headers: Headers, name: bytes) -> Headers:
    """Leave out the fields with this lower-case name."""
    return tuple(pair for pair in headers if pair[0].lower() != name)


def redacted(headers: Headers) -> Headers:
    """Replace what must not be stored: SSE-C keys, security tokens, signatures in ``Authorization`` or elsewhere."""
    return tuple((name, _redacted_value(name.lower(), value)) for name, value in headers)


def _redacted_value(name: bytes, value: bytes) -> bytes:
    if _SECRET.fullmatch(name):
        return _REDACTED
    if name == b"authorization":
        hidden, count = _SIGNATURE.subn(rb"\1" + _REDACTED, value)
        return hidden if count else _REDACTED
    return _MISPLACED.sub(rb"\1" + _REDACTED, redacted_target(value) if name == b"referer" else value)


def redacted_target(target: bytes) -> bytes:
    """Replace signature, tokens, credential and SSE-C keys in a target, in whatever way their names are escaped."""
    plain = _MISSPELLED.sub(rb"\1" + _REDACTED, _PRESIGNED.sub(rb"\1" + _REDACTED, target))
    return _ESCAPED_PARAMETER.sub(_redacted_parameter, plain)


def _redacted_parameter(match: re.Match[bytes]) -> bytes:
    secret = _PRESIGNED.fullmatch(b"?" + unquote_to_bytes(match[2]) + b"=")
    return match[1] + match[2] + b"=" + _REDACTED if secret else match[0]


def redacted_canonical_request(text: bytes) -> bytes:
    """Replace the values of secret headers, and in the query those of tokens, keys and a misspelled signature."""
    lines = _SECRET_LINE.sub(rb"\1:" + _REDACTED, text)
    return _MISSPELLED.sub(rb"\1" + _REDACTED, _SECRET_PAIR.sub(rb"\1" + _REDACTED, lines))
