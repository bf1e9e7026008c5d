"""Files -> cases: one request each, with whatever the file still has of it.

Three kinds, told by content: a mitmproxy flow file (raw heads and bodies, unless the gateway wrote it: those are
redacted, and carry their exchange), a capture document, JSON Lines or HAR, and a text file with one raw HTTP head.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mitmproxy import http

from capturing import sources
from capturing.flowfile import read_flows
from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange
from s3gateway.sigv4.model import RequestHead

_TEXT_TOO = "or a text file that begins with a line like GET /bucket/key HTTP/1.1"
_REQUEST_LINE = re.compile(rb"([A-Z]+) (\S+)(?: HTTP/1\.[01])?\r?\n")
_OBS_FOLD = re.compile(rb"\r?\n[ \t]+")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")


@dataclass(frozen=True, slots=True)
class Case:
    """``raw`` is None where only a redacted head is left; ``at`` is None for a text file, which has no clock."""

    number: int
    exchange: Exchange
    raw: RequestHead | None
    body: bytes | None
    answer: bytes
    at: datetime | None

    @property
    def refused(self) -> bool:
        """Whether somebody refused it, as far as is known; a head alone counts as refused."""
        answer = self.exchange.response
        if answer is None:
            return self.at is None or self.exchange.verdict == "refused"
        return answer.status >= 400  # noqa: PLR2004 - HTTP's line between success and not


def read(path: Path) -> tuple[Case, ...]:
    """Read a file's requests in order. Raises :class:`~s3gateway.observed.capture.CaptureError`, with the remedy."""
    raw = sources.content(path)
    text = raw.lstrip(b"\r\n")
    if _REQUEST_LINE.match(text):
        return (_from_text(text, str(path)),)
    try:
        exchanges = sources.read(path)
    except CaptureError as error:
        raise CaptureError(f"{error}, {_TEXT_TOO}") from None
    if sources.is_json(raw):
        return tuple(Case(i, exchange, None, None, b"", _at(exchange)) for i, exchange in enumerate(exchanges, 1))
    flows = read_flows(raw).flows if exchanges else ()
    return tuple(_from_flow(i, *pair) for i, pair in enumerate(zip(flows, exchanges, strict=True), 1))


def _from_flow(number: int, flow: http.HTTPFlow, exchange: Exchange) -> Case:
    data, response = flow.request.data, flow.response
    own = METADATA_KEY in flow.metadata
    return Case(
        number,
        exchange,
        None if own else RequestHead(data.method, data.path, data.headers.fields),
        data.content,
        (response.get_content(strict=False) or b"") if response else b"",
        datetime.fromtimestamp(flow.request.timestamp_start, UTC),
    )


def _from_text(raw: bytes, name: str) -> Case:
    """Read a head as it stood on the wire, ended by CRLF or LF; what follows an empty line is the body."""
    parts = _END_OF_HEAD.split(raw, 1)
    body = parts[1] if len(parts) > 1 else b""
    line = _REQUEST_LINE.match(parts[0] + b"\n")
    if line is None:
        raise CaptureError(f"{name}: no HTTP request; begin with a line like GET /bucket/key HTTP/1.1")
    fields = []
    for text in _OBS_FOLD.sub(b" ", parts[0][line.end() :]).splitlines():
        field, colon, value = text.partition(b":")
        if not colon or not field or b" " in field:
            raise CaptureError(f"{name}: {text[:40]!r} is no header; write Name: value")
        fields.append((field, value.strip()))
    head = RequestHead(line[1], line[2], tuple(fields))
    exchange = sources.plain_exchange(head, number="1", time="", tls=False)
    return Case(1, exchange, head, body, b"", None)


def _at(exchange: Exchange) -> datetime | None:
    try:
        return datetime.fromisoformat(exchange.time)
    except ValueError:
        return None
