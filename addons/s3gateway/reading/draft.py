"""A request while its lines come in: :class:`Draft`, mutable; and how it becomes a :class:`Found`."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape

from s3gateway.errors import S3Error
from s3gateway.observed.capture import Exchange
from s3gateway.observed.redaction import captured_head, captured_response, payload_of, text
from s3gateway.reading.model import Found
from s3gateway.rules.operations import check_target, read_operation
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import Headers, RequestHead

REDACTED_SIGNATURE = b"0" * 64
"""Stands for a signature that a log redacts, so that the claim can be read all the same."""

ANNOUNCED, SIGNED, SENT = 1, 2, 3
"""How much is known of a request: that it will be sent, what of it was signed, the head."""

_AUTHORIZATION = b"authorization"
_HIDDEN = re.compile(rb"(Signature=)(?![0-9a-fA-F]{64}(?![0-9a-fA-F]))[^,\s]*")
_HIDDEN_IN_QUERY = re.compile(rb"(X-Amz-Signature=)(?![0-9a-fA-F]{64}(?![0-9a-fA-F]))[^&\s]*")
_SIGNATURE = re.compile(rb"(?:^|[\s,?&])(?:X-Amz-)?Signature=([0-9a-fA-F]{64})(?![0-9a-fA-F])")
_SIGNED_HEADERS = re.compile(rb"SignedHeaders=([^,&\s]+)")
_ELEMENT = re.compile(rb"<(?:(Code)>([A-Za-z0-9.]{1,100})</Code|(Message)>([^<]{0,4000})</Message)>")
_FEW = 400

_NO_SIGNATURE = "the input redacts the signature: the canonical request can be compared, the secret cannot be checked"
_NO_AUTHORIZATION = (
    "the input has no signature, in Authorization or the query: either the request was sent without, or what wrote "
    "this left it out"
)


@dataclass(slots=True, eq=False, repr=False)  # fields and bodies as they were sent
class Draft:
    """One request. ``grade`` is one of :data:`ANNOUNCED`, :data:`SIGNED`, :data:`SENT`."""

    format: str
    line: int
    method: bytes = b""
    target: bytes = b"/"
    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    grade: int = SENT
    tls: bool = False
    status: int = 0
    answer_fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    answer: bytes = b""
    code: str = ""
    body: bytes | None = None
    client_request: bytes = b""
    client_to_sign: bytes = b""
    server_request: bytes = b""
    server_to_sign: bytes = b""
    signature: bytes = b""
    complete: bool = True
    missing: list[str] = field(default_factory=list)
    ready: Found | None = None
    """What was read whole, and needs no more."""

    def values(self, name: bytes) -> list[bytes]:
        """Every value of a header, by its lower-case name."""
        return [value for each, value in self.fields if each.lower() == name]

    @property
    def sent_signature(self) -> bytes:
        """The signature in the head, lower case; empty where there is none, or a redacted one."""
        for value in (*self.values(_AUTHORIZATION), self.target):
            if found := _SIGNATURE.search(value):
                return found[1].lower()
        return self.signature

    @property
    def signed_headers(self) -> bytes:
        """``SignedHeaders`` as the head has it, also beside a redacted signature."""
        for value in (*self.values(_AUTHORIZATION), self.target):
            if found := _SIGNED_HEADERS.search(value):
                return found[1].replace(b"%3B", b";").replace(b"%3b", b";")
        return b""


def found(draft: Draft, number: int) -> Found:
    """Settle a draft. ``number`` names it where the input does not."""
    head = RequestHead(draft.method, draft.target, tuple(draft.fields))
    shown = _readable(head)
    code, message = _refusal(draft)
    at = _at(draft)
    exchange = plain_exchange(shown, number=str(number), time=at.isoformat() if at else "", tls=draft.tls)
    if draft.status:
        exchange = replace(exchange, response=captured_response(draft.status, tuple(draft.answer_fields)))
    if code:
        exchange = replace(exchange, backend_error=code, message=message)
    has_signature = bool(draft.sent_signature)
    return Found(
        exchange,
        draft.format,
        draft.line,
        raw=shown,
        body=draft.body,
        answer=draft.answer,
        at=at,
        client_canonical_request=draft.client_request,
        client_string_to_sign=draft.client_to_sign,
        server_canonical_request=draft.server_request,
        server_string_to_sign=draft.server_to_sign,
        has_signature=has_signature,
        complete=draft.complete,
        missing=(*draft.missing, *_lacks(draft, has_signature=has_signature)),
    )


def plain_exchange(head: RequestHead, *, number: str, time: str, tls: bool) -> Exchange:
    """Keep a head that no gateway of ours has seen: what was signed and asked for is read, nothing is judged."""
    exchange = Exchange(number, time, tls, captured_head(head), payload=payload_of(head))
    with suppress(S3Error):
        exchange = replace(exchange, identity=read_claim(head).access_key_id[:20] + "?")
    with suppress(S3Error):
        check_target(head)
        operation = read_operation(head, ())
        exchange = replace(exchange, operation=operation.name, bucket=operation.bucket, key=operation.key)
    return exchange


def address(draft: Draft, url: bytes) -> None:
    """Take target and scheme from a URL, byte for byte."""
    scheme, _, rest = url.partition(b"://")
    draft.tls = scheme.lower() == b"https"
    target = rest.partition(b"#")[0][len(_authority(rest)) :]
    draft.target = target if target.startswith(b"/") else b"/" + target


def host_of(url: bytes) -> bytes:
    """What a client sends as ``Host`` for a URL: without the scheme's own port."""
    scheme, _, rest = url.partition(b"://")
    return _authority(rest).rpartition(b"@")[2].removesuffix(b":443" if scheme.lower() == b"https" else b":80")


def _authority(rest: bytes) -> bytes:
    return re.split(rb"[/?#]", rest, maxsplit=1)[0]


def header(fields: Headers | list[tuple[bytes, bytes]], name: bytes) -> bytes:
    """The first value of a header by its lower-case name; empty where there is none."""
    return next((value for each, value in fields if each.lower() == name), b"")


def _readable(head: RequestHead) -> RequestHead:
    """Put zeros for a signature that is redacted: the rest of the claim is there, and is wanted."""
    fields = tuple(
        (name, _HIDDEN.sub(rb"\g<1>" + REDACTED_SIGNATURE, value)) if name.lower() == _AUTHORIZATION else (name, value)
        for name, value in head.headers
    )
    target = _HIDDEN_IN_QUERY.sub(rb"\g<1>" + REDACTED_SIGNATURE, head.target)
    return head if fields == head.headers and target == head.target else RequestHead(head.method, target, fields)


def _refusal(draft: Draft) -> tuple[str, str]:
    """S3's code and message, of MinIO's headers or the error document."""
    if draft.status and draft.status < _FEW:
        return "", ""
    elements = _ELEMENT.findall(draft.answer)
    code = text(header(draft.answer_fields, b"x-minio-error-code")) or _first(each[1] for each in elements)
    message = text(header(draft.answer_fields, b"x-minio-error-desc")).strip('"') or _first(
        each[3] for each in elements
    )
    code = code or draft.code
    return code, message


def _first(values: Iterable[bytes]) -> str:
    return unescape(text(next(filter(None, values), b"")))


def _at(draft: Draft) -> datetime | None:
    """The server's clock, where its answer is there."""
    try:
        at = parsedate_to_datetime(text(header(draft.answer_fields, b"date")))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _lacks(draft: Draft, *, has_signature: bool) -> list[str]:
    if has_signature or draft.grade != SENT:
        return []
    signed = draft.signed_headers or draft.client_request
    return [_NO_SIGNATURE if signed else _NO_AUTHORIZATION]
