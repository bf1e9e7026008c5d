"""Heads of HTTP/1 messages: bytes -> values, and back (RFC 9112 §2 to §5).

The grammar is stricter than the RFC allows where two servers could read one head in two ways, and looser where clients
are known to be careless:

- A line may end with a bare LF. The head is written anew for the backend, so the backend never sees it.
- A folded line is one field. In a request its value keeps CRLF and one space until it is signed
  (``rules.headers.rewritten``); in an answer it has the one space that RFC 9112 §5.2 asks of a gateway.
- Single spaces part a request line: other white space ends a line for some servers.
- Around a value spaces and tabs are dropped, and no other white space: a vertical tab before ``chunked`` is refused.
- A field name is a token and nothing else: ``Content-Length : 5`` is refused.
- A message with both framings, or with one of them twice, is refused (RFC 9112 §6.1 allows to).
"""

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from s3gateway import errors
from s3gateway.rules.answer_head import AnswerHead
from s3gateway.sigv4.model import Headers, RequestHead

CHUNKED: Final = -1
"""In place of a body's length: HTTP chunks frame it."""

NO_LENGTH: Final = -2
"""In place of the length of an answer's body: it ends with the connection."""

HTTP_1_1: Final = b"HTTP/1.1"
HTTP_1_0: Final = b"HTTP/1.0"

_BLANK_LINE = re.compile(rb"\n\r?\n")
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")
_NAMES = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n)*")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,18}")
_AUTHORITY = re.compile(rb"[^/\s]+:[0-9]{1,5}")
_ABSOLUTE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_CODINGS = frozenset((b"chunked", b"gzip,chunked", b"deflate,chunked", b"compress,chunked"))
"""Codings whose end is told by chunks. What is in the chunks may be refused later, as what S3 does not implement."""

_SPACE = b" \t"
_CONTROLS = bytes((*range(9), *range(10, 32), 127))
"""What ends a line, or a text, for some who read an answer (RFC 9110 §5.5)."""

_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) +([0-9]{3})(?: +(.*))?")
_NO_BODY = frozenset((204, 304))
_INTERIM_BELOW = 200
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]*)?")
"""``uri-host [":" port]`` (RFC 9112 §3.2), with every character that a registered name may have."""


class ProtocolError(Exception):
    """The peer's bytes are no HTTP/1 message. The message names the rule and quotes nothing that the peer sent."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request's head. ``length`` is that of its body in bytes, 0 for none, or :data:`CHUNKED`."""

    head: RequestHead
    version: bytes
    length: int

    @property
    def expects_continue(self) -> bool:
        """Whether the client waits for ``100 Continue`` before it sends its body (RFC 9110 §10.1.1)."""
        return (
            self.version == HTTP_1_1
            and bool(self.length)
            and b",".join(self.head.all(b"expect")).strip().lower() == b"100-continue"
        )


@dataclass(frozen=True, slots=True)
class Answer(AnswerHead):
    """An answer's head as it came: with the version and the reason phrase of its status line."""

    version: bytes
    reason: bytes


def find_end(buffer: bytes | bytearray, searched: int = 0) -> int:
    """Find where the body begins: the index behind the first blank line, or -1. ``searched`` bytes had none."""
    found = _BLANK_LINE.search(buffer, max(0, searched - 2))
    return found.end() if found else -1


def read_request(raw: bytes) -> Request:
    """Read a head that ends with its blank line. Raises :class:`~s3gateway.errors.S3Error`.

    BadRequest (400) is what is no HTTP; InvalidRequest, InvalidURI and MethodNotAllowed are HTTP that S3 does not take.
    """
    line, *lines = _lines(raw)
    parts = line.split()
    if len(parts) != 3 or line != b" ".join(parts):  # noqa: PLR2004
        raise errors.bad_request()
    method, target, version = parts
    if not _VERSION.fullmatch(version):
        raise errors.bad_request()
    _check_target(method, target)
    try:
        head = RequestHead(method, target, _fields(lines, b"\r\n "))
        length = _request_length(head, version)
    except ProtocolError:
        raise errors.bad_request() from None
    if version not in (HTTP_1_1, HTTP_1_0):
        raise errors.invalid_request("Please use HTTP/1.1.")
    return Request(head, version, length)


def read_answer(raw: bytes) -> Answer:
    """Read an answer's head that ends with its blank line. Raises :class:`ProtocolError`."""
    line, *lines = _lines(raw)
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ProtocolError("the status line is none")
    headers = _fields(lines, b" ")
    words = b"|".join([match[3] or b"", *[value for _, value in headers]])
    if len(words.translate(None, _CONTROLS)) != len(words):
        raise ProtocolError("a control character is in the head")
    return Answer(int(match[2]), headers, match[1], match[3] or b"")


def answer_length(answer: Answer, method: bytes) -> int:
    """Tell the length of an answer's body in bytes, 0 for none, :data:`CHUNKED`, or :data:`NO_LENGTH`.

    Raises :class:`ProtocolError` where its framing could be read in two ways.
    """
    codings, lengths = answer.all(b"transfer-encoding"), answer.all(b"content-length")
    if len(codings) + len(lengths) > 1:
        raise ProtocolError("the body is framed twice")
    length = NO_LENGTH
    if codings:
        if answer.version != HTTP_1_1 or answer.status == 204 or not _is_chunked(codings[0]):  # noqa: PLR2004
            raise ProtocolError("the transfer coding is not one that is allowed here")
        length = CHUNKED
    elif lengths:
        length = _content_length(lengths[0])
    if method == b"HEAD" or answer.status < _INTERIM_BELOW or answer.status in _NO_BODY:
        return 0
    return length


def write_request(method: bytes, target: bytes, headers: Headers) -> bytes:
    """Write a request's head; the gateway speaks HTTP/1.1 to the backend, whatever its client speaks."""
    lines = b"".join([b"%b: %b\r\n" % field for field in headers])
    return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, lines)


def write_answer(status: int, reason: bytes, headers: Headers) -> bytes:
    """Write an answer's head."""
    lines = b"".join([b"%b: %b\r\n" % field for field in headers])
    return b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, reason, lines)


def reason(status: int) -> bytes:
    """The reason phrase of a status."""
    return HTTPStatus(status).phrase.encode()


def check_host(head: RequestHead) -> None:
    """Refuse a ``Host`` that is no host (RFC 9112 §3.2): what is signed and what is routed must be the same name."""
    host = head.first(b"host")
    if host is not None and not _HOST.fullmatch(host):
        raise errors.invalid_request("The Host header is no valid host name.")


def _lines(raw: bytes) -> list[bytes]:
    lines = raw.split(b"\r\n")
    if raw.count(b"\n") != len(lines) - 1:  # a bare LF somewhere
        lines = [line.removesuffix(b"\r") for line in raw.split(b"\n")]
    return lines[:-2]


def _check_target(method: bytes, target: bytes) -> None:
    if target.startswith(b"/") or target == b"*":
        return
    if method == b"CONNECT" and _AUTHORITY.fullmatch(target):
        raise errors.S3Error(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if method != b"CONNECT" and _ABSOLUTE.fullmatch(target):
        raise errors.invalid_uri()
    raise errors.bad_request()


def _fields(lines: list[bytes], fold: bytes) -> Headers:
    parts = [line.partition(b":") for line in lines]
    fields = [(name, value.strip(_SPACE)) for name, colon, value in parts if colon]
    names = b"\n".join([name for name, _ in fields])
    if len(fields) < len(lines) or len(names.translate(None, _SPACE)) < len(names):
        fields = _unfolded(lines, fold)
        names = b"\n".join([name for name, _ in fields])
    if fields and not _NAMES.fullmatch(names + b"\n"):
        raise ProtocolError("a field's name is no token")
    return tuple(fields)


def _unfolded(lines: list[bytes], fold: bytes) -> list[tuple[bytes, bytes]]:
    """Read fields of which some may be folded: a line that begins with white space goes on with the one before."""
    fields: list[tuple[bytes, bytes]] = []
    for line in lines:
        if line[:1] in (b" ", b"\t"):
            if not fields:
                raise ProtocolError("the first field is folded")
            name, value = fields[-1]
            fields[-1] = (name, value + fold + line.strip(_SPACE))
            continue
        name, colon, value = line.partition(b":")
        if not colon:
            raise ProtocolError("a field has no colon")
        fields.append((name, value.strip(_SPACE)))
    return fields


def _request_length(head: RequestHead, version: bytes) -> int:
    codings, lengths = head.all(b"transfer-encoding"), head.all(b"content-length")
    if not codings and not lengths:
        return 0
    if codings and lengths:
        raise errors.invalid_request("The HTTP request is malformed.")
    if len(codings) + len(lengths) > 1:
        raise ProtocolError("the body is framed twice")
    if lengths:
        return _content_length(lengths[0])
    if version != HTTP_1_1 or not _is_chunked(codings[0]):
        raise ProtocolError("the transfer coding is not one that is allowed here")
    return CHUNKED


def _content_length(value: bytes) -> int:
    if not _LENGTH.fullmatch(value):
        raise ProtocolError("Content-Length is no number")
    return int(value)


def _is_chunked(coding: bytes) -> bool:
    return coding.replace(b" ", b"").replace(b"\t", b"").lower() in _CODINGS
