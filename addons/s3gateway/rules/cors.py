"""Cross-origin requests of pages, as S3 decides them (Amazon S3 User Guide, "Using cross-origin resource sharing").

A browser asks before a page's request (the preflight: OPTIONS, signed by nobody), and shows the page an answer only
where its fields allow that. The first rule that matches origin, method and every header asked for decides. An origin or
a header pattern has at most one ``*``; origins and methods are compared to the letter, header names are not.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from s3gateway import errors
from s3gateway.sigv4.model import Headers, RequestHead

METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
"""What a rule may allow. OPTIONS needs no rule."""

MOST_RULES: Final = 100
"""Rules of one bucket, as on AWS: a preflight is compared with each, for a stranger."""

VARY: Final = (b"Vary", b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method")
"""What AWS answers; without it a cache gives one page's answer to another."""

TOKEN: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A header's name (RFC 9110 §5.6.2). An asterisk may be in one."""

_ORIGIN: Final = re.compile(rb"[!-+\--~]+")
"""One origin: visible ASCII without a comma. It is written into the answer, so nothing may end a line."""

_SHOWN: Final = 200
"""Characters of a page's wish in the log."""

_GIVEN: Final = b"access-control-"
_VARIES: Final = frozenset((b"origin", b"access-control-request-headers", b"access-control-request-method"))
_METHODS: Final = frozenset(method.encode() for method in METHODS)


@dataclass(frozen=True, slots=True)
class CorsRule:
    """One rule; ``headers`` in lower case, ``max_age`` in seconds. ``bucket`` is a pattern of names."""

    origins: tuple[bytes, ...]
    methods: tuple[bytes, ...]
    headers: tuple[bytes, ...] = ()
    expose: tuple[bytes, ...] = ()
    max_age: int | None = None
    bucket: str = "*"


@dataclass(frozen=True, slots=True)
class Page:
    """What a page wants of a bucket. ``headers`` are asked for in a preflight, in lower case, each once.

    ``origin`` is empty where none was sent, and None where what was sent is none: no rule matches it.
    """

    bucket: str
    key: str
    origin: bytes | None
    method: bytes
    headers: tuple[bytes, ...] = field(default=())


def read_preflight(head: RequestHead, bucket: str, key: str, most: int) -> Page:
    """Read a preflight that may ask for ``most`` headers. Raises BadRequest (400) where it asks for nothing."""
    origin = _origin(head)
    if origin == b"":
        raise _bad_request("Insufficient information. Origin request header needed.")
    method = b", ".join(head.all(b"access-control-request-method"))
    if method not in _METHODS:
        shown = method.decode("utf-8", "replace") or "null"
        raise _bad_request(f"Invalid Access-Control-Request-Method: {shown}")
    return Page(bucket, key, origin, method, _asked_headers(head, most))


def read_page(head: RequestHead, bucket: str, key: str) -> Page:
    """Read what any other request says of the page that sent it."""
    return Page(bucket, key, _origin(head), head.method)


def rules_of(rules: Iterable[CorsRule], bucket: str) -> tuple[CorsRule, ...]:
    """Give the rules for a bucket. The service itself (``ListBuckets``) has none, as on AWS."""
    return tuple(rule for rule in rules if bucket and fnmatchcase(bucket, rule.bucket))


def preflight_fields(page: Page, rules: tuple[CorsRule, ...]) -> Headers:
    """Give what the answer to a preflight says. Raises AccessForbidden (403) where no rule matches."""
    allowed = _allowed(page, rules)
    if allowed is not None:
        return allowed
    if not rules:
        raise _forbidden("CORS is not enabled for this bucket.", page, "BUCKET", "there are no rules for the bucket")
    message = (
        "This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
        "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS "
        "spec."
    )  # AWS's own spelling, which clients may search for
    raise _forbidden(message, page, "OBJECT" if page.key else "BUCKET", "no rule of the bucket allows it")


def answer_fields(page: Page, rules: tuple[CorsRule, ...]) -> Headers:
    """Give what every answer to a page's request says, or to one that no page sent: a cache may keep it for a page."""
    return _allowed(page, rules) or ((VARY,) if rules else ())


def in_place_of_backends(headers: Headers, given: Headers) -> Headers:
    """Put ``given`` in the place of what the backend says of the same: browsers refuse it when it comes twice."""
    out: list[tuple[bytes, bytes]] = []
    for pair in headers:
        name = pair[0].lower()
        if name == b"vary":
            kept = [word for word in map(bytes.strip, pair[1].split(b",")) if word and word.lower() not in _VARIES]
            out += [(pair[0], b", ".join(kept))] if kept else []
        elif not name.startswith(_GIVEN):
            out.append(pair)
    return (*out, *given)


def _allowed(page: Page, rules: tuple[CorsRule, ...]) -> Headers | None:
    if not page.origin:
        return None
    for rule in rules:
        pattern = next((one for one in rule.origins if _matches(one, page.origin)), None)
        if pattern is not None and page.method in rule.methods and _allows_headers(rule, page.headers):
            return _fields(rule, page, b"*" if pattern == b"*" else page.origin)
    return None


def _fields(rule: CorsRule, page: Page, origin: bytes) -> Headers:
    """Write them in AWS's order. Credentials are for origins that a rule names: browsers refuse them with ``*``."""
    fields = [(b"Access-Control-Allow-Origin", origin), (b"Access-Control-Allow-Methods", b", ".join(rule.methods))]
    if page.headers:
        fields.append((b"Access-Control-Allow-Headers", b", ".join(page.headers)))
    if rule.expose:
        fields.append((b"Access-Control-Expose-Headers", b", ".join(rule.expose)))
    if rule.max_age is not None:
        fields.append((b"Access-Control-Max-Age", b"%d" % rule.max_age))
    if origin != b"*":
        fields.append((b"Access-Control-Allow-Credentials", b"true"))
    return (*fields, VARY)


def _allows_headers(rule: CorsRule, names: tuple[bytes, ...]) -> bool:
    return all(any(_matches(pattern, name) for pattern in rule.headers) for name in names)


def _matches(pattern: bytes, text: bytes) -> bool:
    before, star, behind = pattern.partition(b"*")
    if not star:
        return pattern == text
    return len(text) >= len(before) + len(behind) and text.startswith(before) and text.endswith(behind)


def _origin(head: RequestHead) -> bytes | None:
    values = head.all(b"origin")
    if not any(values):
        return b""
    return values[0] if len(values) == 1 and _ORIGIN.fullmatch(values[0]) else None


def _asked_headers(head: RequestHead, most: int) -> tuple[bytes, ...]:
    names = [name.strip(b" \t") for value in head.all(b"access-control-request-headers") for name in value.split(b",")]
    asked = tuple(dict.fromkeys(name.lower() for name in names if name))
    for name in asked:
        if not TOKEN.fullmatch(name):
            shown = name.decode("utf-8", "replace")
            raise _bad_request(f'Access-Control-Request-Headers "{shown}" contains invalid character.')
    if len(asked) > most:  # the request itself would be refused for as many
        raise errors.head_too_large("header fields asked for", len(asked), most)
    return asked


def _bad_request(message: str) -> errors.S3Error:
    return errors.S3Error(400, "BadRequest", message)


def _forbidden(message: str, page: Page, resource: str, why: str) -> errors.S3Error:
    """Refuse in AWS's words, and tell the operator who wanted what."""
    method, origin = page.method.decode(), (page.origin or b"what is no origin").decode()
    names = b", ".join(page.headers).decode()
    wish = f"{origin} wants to {method}{f' with {names}' if names else ''}"
    fields = (("Method", method), ("ResourceType", resource))
    return errors.S3Error(403, "AccessForbidden", f"CORSResponse: {message}", fields, reason=f"{why}: {wish[:_SHOWN]}")
