"""JSON documents -> their requests, one at a time: HAR files, captures, and captures as JSON Lines.

A document of a gigabyte is not loaded: its array is found, and each element read from a buffer that holds little more.
"""

import codecs
import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from s3gateway.observed.capture import SCHEMA, CaptureError, Exchange, from_document, load
from s3gateway.reading.draft import Draft, address, found, host_of
from s3gateway.reading.model import Found

LARGEST: Final = 64 << 20
"""Characters of one element, or of a document whose array is not found at once."""

_HAR = re.compile(rb'(?m)^[^"{\n]{0,40}\{\s*"log"\s*:\s*\{\s*"(?:version|creator|browser|pages|entries)"')
_ENTRIES = re.compile(r'(?<!\\)"entries"\s*:\s*\[')
_EXCHANGES = re.compile(r'\s*\{\s*"schema"\s*:\s*"[^"]*"\s*,\s*"exchanges"\s*:\s*\[')
_SPACE = re.compile(r"[\s,]*")
_BEGINNING = 8 << 10

_REDACTED = "a capture is redacted: the canonical requests can be compared, the secret cannot be checked"
_HAR_HEADS = "a HAR file has heads as the browser tells of them, which is not always as they were on the wire"
_NO_ENTRY = "not in HAR's schema"


def har_begins(beginning: bytes) -> int:
    """Where in a text a HAR document begins; -1 where none does. Docker's own log files begin much like one."""
    if re.match(rb'\s*\{\s*"log"\s*:(?!\s*")', beginning):
        return 0
    found = _HAR.search(beginning)
    return found.start() if found else -1


def captures(blocks: Iterable[bytes]) -> Iterator[Found]:
    """Read a capture document, or JSON Lines. Raises :class:`~s3gateway.observed.capture.CaptureError`."""
    texts = _decoded(blocks)
    beginning = ""
    for text in texts:
        beginning += text
        if len(beginning) > _BEGINNING:
            break
    document = _EXCHANGES.match(beginning)
    if document:
        if f'"{SCHEMA}"' not in document[0]:
            raise CaptureError(f"not a capture: its schema is not {SCHEMA}")
        elements = _elements(beginning[document.end() :], texts)
        exchanges: Iterator[Exchange] = (from_document(one, f"exchange {i}") for i, one in enumerate(elements, 1))
    else:
        exchanges = _lines(_split(beginning, texts))
    for number, exchange in enumerate(exchanges, 1):
        yield captured(exchange, number)


def captured(exchange: Exchange, number: int, form: str = "capture") -> Found:
    """What a capture tells: all but the signature."""
    at = None
    with suppress(ValueError):
        at = datetime.fromisoformat(exchange.time)
    missing = () if exchange.explanation else (_REDACTED,)
    return Found(exchange, form, number, at=at, has_signature=False, missing=missing)


def carried(line: bytes, number: int) -> Found | None:
    """A captured exchange on a line of another log; None if there is none."""
    with suppress(CaptureError, UnicodeDecodeError):
        (exchange,) = load(line[line.find(b"{") :].decode())
        return captured(exchange, number)
    return None


def har(blocks: Iterable[bytes]) -> Generator[Found, None, bytes]:
    """Read a HAR file; give back what follows it, as far as it was read. Raises as :func:`captures` does."""
    texts = _decoded(blocks)
    buffer = ""
    for text in texts:
        buffer += text
        if begins := _ENTRIES.search(buffer):
            break
        if len(buffer) > LARGEST:
            raise CaptureError("begins like a HAR file and has no entries")
    else:
        raise CaptureError("begins like a HAR file and is none")
    entries, number = _elements(buffer[begins.end() :], texts), 0
    while True:
        try:
            entry, number = next(entries), number + 1
            one = _from_entry(entry, number)
        except StopIteration as over:
            return str(over.value).encode("utf-8", "surrogateescape")
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            if isinstance(error, CaptureError):
                raise
            raise CaptureError(f"entry {number} of the HAR file is {_NO_ENTRY}") from None
        yield one


def _from_entry(entry: dict[str, Any], number: int) -> Found:
    """Read the heads straight from the file: mitmproxy's own importer rewrites Host and Content-Length."""
    asked, answer = entry["request"], entry.get("response") or {}
    draft = Draft("har", number, asked["method"].encode(), complete=True, missing=[_HAR_HEADS])
    address(draft, _raw(asked["url"]))
    draft.fields = _fields(asked)
    if not any(name.lower() == b"host" for name, _ in draft.fields):
        draft.fields.insert(0, (b"Host", _authority(asked) or host_of(_raw(asked["url"]))))
    draft.status = int(answer.get("status") or 0)
    draft.answer_fields = _fields(answer) if answer.get("headers") else []
    draft.answer = _content(answer.get("content") or {})
    one = found(draft, number)
    began = datetime.fromisoformat(entry["startedDateTime"])
    took = float(entry.get("time") or 0)
    exchange = replace(
        one.exchange,
        id=f"har-{number}",
        time=began.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        timings={"ended": took / 1000} if took > 0 else {},
    )
    return replace(one, exchange=exchange, at=began)


def _fields(message: dict[str, Any]) -> list[tuple[bytes, bytes]]:
    """HTTP/2's pseudo headers are no header fields."""
    pairs = ((field["name"], field["value"]) for field in message["headers"])
    return [(_raw(name), _raw(value)) for name, value in pairs if not name.startswith(":")]


def _authority(message: dict[str, Any]) -> bytes:
    """HTTP/2 has ``:authority`` for ``Host``, and that is what is signed as ``host``."""
    return next((_raw(field["value"]) for field in message["headers"] if field["name"] == ":authority"), b"")


def _content(content: dict[str, Any]) -> bytes:
    text = content.get("text") or ""
    if content.get("encoding") != "base64":
        return _raw(text)
    try:
        return b64decode(text)
    except (Base64Error, ValueError):
        return b""


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _lines(lines: Iterable[str]) -> Iterator[Exchange]:
    """Read JSON Lines; a last line that a live gateway is still writing has no end, and is left out."""
    count, unread, whole = 0, "", ""
    for number, line in enumerate(lines, 1):
        if whole:
            whole += line
        elif line.strip():
            if unread:
                raise CaptureError(unread)
            try:
                document = json.loads(line)
            except (ValueError, RecursionError):
                unread = f"line {number} is not JSON"
                if not count:
                    whole = line
                elif line.endswith("\n"):
                    raise CaptureError(unread) from None
                continue
            count += 1
            yield from load(line) if "exchanges" in document else [_one(document, count)]
        if len(whole) > LARGEST:
            raise CaptureError(f"not a capture: its schema is not {SCHEMA}")
    if whole:
        yield from load(whole)


def _one(document: Any, number: int) -> Exchange:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise CaptureError(f"not a capture: its schema is not {SCHEMA}")
    return from_document(document, f"exchange {number}")


def _split(beginning: str, texts: Iterator[str]) -> Iterator[str]:
    """Give lines with their ends."""
    rest = beginning
    for text in texts:
        *lines, rest = (rest + text).split("\n")
        yield from (line + "\n" for line in lines)
        if len(rest) > LARGEST:
            raise CaptureError(f"a line is longer than {LARGEST >> 20} MiB")
    *lines, rest = rest.split("\n")
    yield from (line + "\n" for line in lines)
    if rest:
        yield rest


def _elements(buffer: str, texts: Iterator[str]) -> Generator[Any, None, str]:
    """Give the elements of the array whose inside ``buffer`` begins with, and what follows it."""
    decoder, at, count = json.JSONDecoder(), 0, 0
    while True:
        at = _SPACE.match(buffer, at).end()  # type: ignore[union-attr]  # it matches nothing, too
        if buffer.startswith("]", at):
            return buffer[at + 1 :]
        with suppress(ValueError, RecursionError):
            element, at = decoder.raw_decode(buffer, at)
            count += 1
            yield element
            continue
        buffer, at = buffer[at:], 0
        if len(buffer) > LARGEST or not (more := _more(texts, len(buffer))):
            raise CaptureError(f"ends, or is no JSON, after element {count}")
        buffer += more


def _more(texts: Iterator[str], least: int) -> str:
    """As much again as there is, so that a large element is not tried too often."""
    pieces: list[str] = []
    size = 0
    for text in texts:
        pieces.append(text)
        size += len(text)
        if size >= least:
            break
    return "".join(pieces)


def _decoded(blocks: Iterable[bytes]) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for block in blocks:
            yield decoder.decode(block)
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise CaptureError("not UTF-8 text") from None
