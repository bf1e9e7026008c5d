"""Whatever holds requests -> :class:`~s3gateway.observed.capture.Exchange`: one function, :func:`read`.

It tells by content, not by name:

* a capture document or JSON Lines, of ``scripts/capture_headers`` or a live gateway's ``log.capture``;
* a mitmproxy flow file (``mitmdump -w``) that the gateway wrote: each flow carries its exchange;
* a flow file of a plain mitmproxy without the addon: the head on the flow is the incoming one, nothing was decided;
* a HAR file: heads as it has them, which is not always as they were on the wire.
"""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mitmproxy import http

from capturing.flowfile import read_flows
from s3gateway.errors import S3Error
from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange, load
from s3gateway.observed.redaction import captured_head, captured_response, payload_of, text, time_text
from s3gateway.rules.operations import check_target, read_operation
from s3gateway.sigv4.claim import read_claim
from s3gateway.sigv4.model import Headers, RequestHead

_REMEDY = "give a capture, JSON Lines, a mitmproxy flow file (mitmdump -w) or a HAR file"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HAR = re.compile(r'\s*\{\s*"log"\s*:')


def read(path: Path) -> tuple[Exchange, ...]:
    """Read every exchange of a file, in its order; an empty file has none.

    Of a flow file that ends in the middle of a flow, all before it are read, and a line on standard error says so.
    Raises :class:`~s3gateway.observed.capture.CaptureError` with one line: file, what is wrong, remedy.
    """
    raw = content(path)
    try:
        return _read(raw, path)
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}; {_REMEDY}") from None


def content(path: Path) -> bytes:
    """Give a file's bytes, without a byte order mark. Raises :class:`~s3gateway.observed.capture.CaptureError`."""
    try:
        return path.read_bytes().removeprefix(_BYTE_ORDER_MARK)
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror}; name a readable file") from None


def is_json(raw: bytes) -> bool:
    """Whether it is a capture or a HAR file, as far as its first byte tells; else it is a flow file."""
    return raw.lstrip().startswith((b"{", b"["))


def _read(raw: bytes, path: Path) -> tuple[Exchange, ...]:
    if not raw.strip():
        return ()
    if not is_json(raw):
        return tuple(_from_flows(raw, path))
    try:
        whole = raw.decode()
    except UnicodeDecodeError:
        raise CaptureError("not UTF-8 text") from None
    if _HAR.match(whole):
        return tuple(_from_har(whole))
    return load(_without_unfinished_line(whole))


def _without_unfinished_line(lines: str) -> str:
    """Leave out a last line that a live gateway is still writing: it has no end, and others stand before it."""
    complete, end, last = lines.rpartition("\n")
    if not end or not last.strip() or not complete.startswith('{"schema"'):
        return lines
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return complete + end
    return lines


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


def _from_flows(raw: bytes, path: Path) -> Iterator[Exchange]:
    file = read_flows(raw)
    if file.cut:
        sys.stderr.write(f"{path}: ends in the middle of a flow; the {file.whole} before it are used\n")
    for flow in file.flows:
        yield from _from_flow(flow)


def _from_flow(flow: http.HTTPFlow) -> tuple[Exchange, ...]:
    carried = flow.metadata.get(METADATA_KEY)
    if isinstance(carried, str):
        return load(carried)
    data = flow.request.data
    began = flow.request.timestamp_start
    head = RequestHead(data.method, data.path, data.headers.fields)
    exchange = plain_exchange(head, number=flow.id, time=time_text(began), tls=flow.client_conn.tls)
    if flow.response is None:
        return (replace(exchange, message=flow.error.msg if flow.error else ""),)
    moments = (("answered", flow.response.timestamp_start), ("ended", flow.response.timestamp_end))
    return (
        replace(
            exchange,
            response=captured_response(flow.response.status_code, flow.response.headers.fields),
            backend_error=flow.response.headers.get("x-minio-error-code", ""),
            timings={name: round(at - began, 6) for name, at in moments if at},
        ),
    )


def _from_har(whole: str) -> Iterator[Exchange]:
    """Read the heads straight from the file: mitmproxy's own importer rewrites Host and Content-Length."""
    try:
        entries = list(json.loads(whole)["log"]["entries"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise CaptureError("begins like a HAR file and is none") from None
    for number, entry in enumerate(entries, 1):
        try:
            yield _from_entry(entry, number)
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise CaptureError(f"entry {number} of the HAR file is not in HAR's schema") from None


def _from_entry(entry: dict[str, Any], number: int) -> Exchange:
    asked, answer = entry["request"], entry["response"]
    url = urlsplit(asked["url"])
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    head = RequestHead(asked["method"].encode(), target.encode(), _har_headers(asked))
    began = datetime.fromisoformat(entry["startedDateTime"]).timestamp()
    exchange = plain_exchange(head, number=f"har-{number}", time=time_text(began), tls=url.scheme == "https")
    response = captured_response(int(answer["status"]), _har_headers(answer)) if answer["status"] else None
    failed = next((text(v) for n, v in _har_headers(answer) if n.lower() == b"x-minio-error-code"), "")
    return replace(exchange, response=response, backend_error=failed, timings={"ended": float(entry["time"]) / 1000})


def _har_headers(message: dict[str, Any]) -> Headers:
    """HTTP/2's pseudo headers (``:authority``) are no header fields."""
    pairs = ((field["name"], field["value"]) for field in message["headers"])
    return tuple((name.encode(), value.encode()) for name, value in pairs if not name.startswith(":"))
