"""Whatever holds requests -> :class:`~s3gateway.reading.model.Found`: one reader for all tools, told by content.

:func:`find` gives each request as it comes, of a file or of standard input (``-``), and never holds a large input;
:func:`read` gives the :class:`~s3gateway.observed.capture.Exchange` of each. What can be read is in
:mod:`s3gateway.reading`; a mitmproxy flow file is read here, as mitmproxy itself reads it.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from s3gateway.observed.capture import METADATA_KEY, CaptureError, Exchange, load
from s3gateway.observed.redaction import captured_response, time_text
from s3gateway.reading import reader
from s3gateway.reading.documents import captured
from s3gateway.reading.draft import plain_exchange
from s3gateway.reading.formats import FORMATS
from s3gateway.reading.lines import Reading
from s3gateway.reading.model import Found
from s3gateway.sigv4.model import RequestHead

if TYPE_CHECKING:
    from mitmproxy import http

STANDARD_INPUT: Final = Path("-")
REMEDY: Final = (
    "give a capture, a mitmproxy flow file (mitmdump -w), a HAR file, or a log with requests in it (see --help)"
)
_BLOCK = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnreadableError(CaptureError):
    """A file that the system does not let us read."""


def read(path: Path, form: str = "") -> tuple[Exchange, ...]:
    """Read every exchange of a file, in its order; an empty file has none.

    Of a flow file that ends in the middle of a flow, all before it are read, and a line on standard error says so.
    Raises :class:`~s3gateway.observed.capture.CaptureError` with one line: file, what is wrong, remedy.
    """
    return tuple(one.exchange for one in find(path, form))


def find(path: Path, form: str = "") -> Iterator[Found]:
    """Give every request of a file, in its order, as :func:`read` does."""
    return find_in(_blocks(path), name_of(path), form)


def find_in(blocks: Iterable[bytes], name: str, form: str = "") -> Iterator[Found]:
    """Give every request of an input that is no file; ``name`` is what a message calls it."""
    seen, count = Reading(), 0
    try:
        for one in reader.find(blocks, form, lambda blocks: _from_flows(blocks, name), seen):
            count += 1
            yield one
    except CaptureError as error:
        remedy = "name a readable file" if isinstance(error, UnreadableError) else REMEDY
        told = f"{name}: {error}" if isinstance(error, reader.PackedError) else f"{name}: {error}; {remedy}"
        raise CaptureError(told) from None
    if seen.cut_lines:
        sys.stderr.write(f"{name}: {seen.cut_lines} lines are longer than 1 MiB; the rest of each was not read\n")
    if not count and seen.bytes:
        raise CaptureError(f"{name}: not in a known format (no request in {_amount(seen)}{_sought(form)}); {REMEDY}")


def from_option(parser: argparse.ArgumentParser) -> None:
    """Give a command line ``--from``; what it takes stands in ``form``."""
    parser.add_argument(
        "--from",
        dest="form",
        default="",
        choices=tuple(FORMATS),
        metavar="FORMAT",
        help=f"read the input as this form only, where it is not told by itself: {', '.join(FORMATS)}",
    )


def name_of(path: Path) -> str:
    """What a message calls the input."""
    return "standard input" if path == STANDARD_INPUT else str(path)


def content(path: Path) -> bytes:
    """Give a file's bytes, without a byte order mark. Raises :class:`~s3gateway.observed.capture.CaptureError`."""
    try:
        return b"".join(_blocks(path)).removeprefix(_BYTE_ORDER_MARK)
    except UnreadableError as error:
        raise CaptureError(f"{path}: {error}; name a readable file") from None


def is_json(raw: bytes) -> bool:
    """Whether it is a capture or a HAR file, as far as its first byte tells; else it is a flow file."""
    return raw.lstrip().startswith((b"{", b"["))


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        if path == STANDARD_INPUT:
            yield from iter(lambda: sys.stdin.buffer.read(_BLOCK), b"")
            return
        with path.open("rb", buffering=0) as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise UnreadableError(error.strerror) from None


def _amount(seen: Reading) -> str:
    return f"{seen.lines} lines" if seen.lines != 1 else "1 line"


def _sought(form: str) -> str:
    return f" in the form that --from names, {form}" if form else ""


def _from_flows(blocks: Iterable[bytes], name: str) -> Iterator[Found]:
    try:
        from capturing.flowfile import flows_in  # noqa: PLC0415 - mitmproxy takes a second, and may not be installed
    except ImportError:
        told = "a mitmproxy flow file, and mitmproxy is not installed here (s3-explain[flows] brings it)"
        raise CaptureError(told) from None

    def ended(whole: int) -> None:
        if whole < 0:
            sys.stderr.write(f"{name}: ends in the middle of a flow; the {-whole} before it are used\n")

    for number, flow in enumerate(flows_in(blocks, ended), 1):
        yield from _from_flow(flow, number)


def _from_flow(flow: "http.HTTPFlow", number: int) -> Iterator[Found]:
    carried = flow.metadata.get(METADATA_KEY)
    if isinstance(carried, str):
        for exchange in load(carried):
            yield replace(
                captured(exchange, number, "flows"), line=0, body=flow.request.data.content, answer=_answer(flow)
            )
        return
    data = flow.request.data
    began = flow.request.timestamp_start
    head = RequestHead(data.method, data.path, data.headers.fields)
    exchange = plain_exchange(head, number=flow.id, time=time_text(began), tls=flow.client_conn.tls)
    yield Found(
        _answered(exchange, flow, began),
        "flows",
        raw=head,
        body=data.content,
        answer=_answer(flow),
        at=datetime.fromtimestamp(began, UTC),
    )


def _answered(exchange: Exchange, flow: "http.HTTPFlow", began: float) -> Exchange:
    if flow.response is None:
        return replace(exchange, message=flow.error.msg if flow.error else "")
    moments = (("answered", flow.response.timestamp_start), ("ended", flow.response.timestamp_end))
    return replace(
        exchange,
        response=captured_response(flow.response.status_code, flow.response.headers.fields),
        backend_error=flow.response.headers.get("x-minio-error-code", ""),
        timings={name: round(at - began, 6) for name, at in moments if at},
    )


def _answer(flow: "http.HTTPFlow") -> bytes:
    return (flow.response.get_content(strict=False) or b"") if flow.response else b""
