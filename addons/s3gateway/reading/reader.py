"""Tell what an input is by its first bytes, and read it: the one entry for every tool.

``find`` takes blocks of bytes and gives each request as it comes. A mitmproxy flow file takes mitmproxy, so whoever
has it hands over a function for that.
"""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Final

from s3gateway.observed.capture import CaptureError
from s3gateway.reading import documents, text
from s3gateway.reading.lines import ANCHORS, Reading
from s3gateway.reading.model import Found

Flows = Callable[[Iterable[bytes]], Iterable[Found]]

_PACKED: Final = (
    (b"PK\x03\x04", "a zip archive; unpack it, and give the file that is in it"),
    (b"\x1f\x8b", "compressed with gzip; unpack it, e.g. gzip -dc FILE | scripts/explain -"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it, e.g. zstd -dc FILE | scripts/explain -"),
    (b"BZh", "compressed with bzip2; unpack it, e.g. bzip2 -dc FILE | scripts/explain -"),
    (b"\xfd7zXZ\x00", "compressed with xz; unpack it, e.g. xz -dc FILE | scripts/explain -"),
    (b"\xd4\xc3\xb2\xa1", "a packet capture; print it, e.g. tcpdump -A -r FILE | scripts/explain -"),
    (b"\xa1\xb2\xc3\xd4", "a packet capture; print it, e.g. tcpdump -A -r FILE | scripts/explain -"),
    (b"\x4d\x3c\xb2\xa1", "a packet capture; print it, e.g. tcpdump -A -r FILE | scripts/explain -"),
    (b"\x0a\x0d\x0d\x0a", "a packet capture; print it, e.g. tcpdump -A -r FILE | scripts/explain -"),
)
_BEGINNING = 64 << 10
_BODY = 64 << 20
_FLOW = re.compile(rb"\d{1,12}:\d{1,12}:[a-z]")  # a tnetstring whose first key is one too
_REQUEST = re.compile(rb"\s*(?:GET|PUT|POST|HEAD|DELETE|OPTIONS|PATCH) \S+(?: HTTP/[\d.]+)?[ \t]*\r?\n")
_CAPTURE = re.compile(rb'\s*[\[{]\s*(?:"schema"|\{|\]|")')
_UTF16 = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_MARK = b"\xef\xbb\xbf"


class PackedError(CaptureError):
    """An input that has to be unpacked or printed first: one clause with the remedy."""


def find(
    blocks: Iterable[bytes], form: str = "", flows: Flows | None = None, seen: Reading | None = None
) -> Iterator[Found]:
    """Give each request of an input, in its order; ``form`` is a name of ``FORMATS``, or empty to find out.

    An empty input has none. Raises :class:`~s3gateway.observed.capture.CaptureError` with one clause for what cannot
    be read. ``seen`` tells afterwards how much of a text was read.
    """
    seen = seen or Reading()
    beginning, blocks = _begin(blocks)
    if not beginning.strip():
        return
    kind = _kind(beginning, form)
    if kind == "flows":
        if flows is None:
            raise CaptureError("a mitmproxy flow file; reading it takes mitmproxy, which is not installed here")
        yield from flows(blocks)
    elif kind == "har":
        yield from _har(beginning, blocks, form, seen)
    elif kind == "capture":
        yield from documents.captures(blocks)
    else:
        yield from _text(beginning, blocks, form, seen)


def _begin(blocks: Iterable[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """Read the first bytes, without a byte order mark; what PowerShell writes becomes UTF-8."""
    source = iter(blocks)
    first = b""
    for block in source:
        first += block
        if len(first) >= _BEGINNING:
            break
    for mark, encoding in _UTF16:
        if first.startswith(mark):
            rest = _utf8(chain([first[len(mark) :]], source), encoding)
            return _begin(rest)
    first = first.removeprefix(_MARK)
    return first[:_BEGINNING], chain([first], source)


def _utf8(blocks: Iterable[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for block in blocks:
        yield decoder.decode(block).encode("utf-8", "replace")


def _kind(beginning: bytes, form: str) -> str:
    if form:
        return form if form in {"flows", "har", "capture"} else "text"
    for magic, told in _PACKED:
        if beginning.startswith(magic):
            raise PackedError(told)
    if documents.har_begins(beginning) >= 0:
        return "har"
    if _FLOW.match(beginning):
        return "flows"
    if _CAPTURE.match(beginning) and (b'"schema"' in beginning or not any(word in beginning for word in ANCHORS)):
        return "capture"
    if b"\x00" in beginning and beginning.count(b"\x00") > len(beginning) // 1000:
        raise CaptureError("not in a known format (binary)")
    return "text"


def _har(beginning: bytes, blocks: Iterator[bytes], form: str, seen: Reading) -> Iterator[Found]:
    """Read a HAR document, and the text around it."""
    begins = max(0, documents.har_begins(beginning))
    yield from _text(b"", iter([beginning[:begins]]), form, Reading())
    after = yield from documents.har(blocks)
    if form != "har":
        yield from _text(b"", chain([after], blocks), form, seen)


def _text(beginning: bytes, blocks: Iterator[bytes], form: str, seen: Reading) -> Iterator[Found]:
    kept: list[bytes] = []
    whole = _REQUEST.match(beginning)
    found: list[Found] = []
    for one in text.read(_keeping(blocks, kept) if whole else blocks, seen):
        named = replace(one, format=form) if form and one.format == "http" else one
        if form in ("", named.format) or form == "http":
            found.append(named)
            if len(found) > 1:
                yield from found[:1]
                found = found[1:]
                whole = None
    if whole and len(found) == 1 and not found[0].status and found[0].format == "http":
        found[0] = replace(found[0], body=_body(b"".join(kept)))
    yield from found


def _keeping(blocks: Iterable[bytes], kept: list[bytes]) -> Iterator[bytes]:
    """Keep an input that begins with a request: what follows its head may be the body."""
    size = 0
    for block in blocks:
        size += len(block)
        if size <= _BODY:
            kept.append(block)
        else:
            kept.clear()
        yield block


def _body(raw: bytes) -> bytes | None:
    parts = re.split(rb"\r?\n\r?\n", raw.lstrip(b"\r\n"), maxsplit=1)
    return parts[1] if len(parts) > 1 else b""
