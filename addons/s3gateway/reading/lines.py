"""Blocks of bytes -> the lines near anything of interest, in bounded memory.

A job's log is gigabytes of which some kilobytes tell of requests. Each block is searched for a few words with
``bytes.find``, which is as fast as memory; only lines around a hit, and lines that a reader asks for, are split off.
"""

import json
import re
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

ANCHORS: Final = (b"AWS4-HMAC-SHA256", b"HTTP/1.1", b"<Error>", b"Sending Request: ")
"""One of these stands in, or near, each request that can be read. Few and long: each costs a pass over all bytes."""

SMALL: Final = 1 << 20
"""Inputs up to this size are read line by line, whatever is in them."""

LONGEST: Final = 1 << 20
"""Bytes of a line that are read; the rest of it is passed over."""

_BEFORE, _AFTER = 16 << 10, 32 << 10
_MOST_ASKED = 20_000
"""Lines after a hit that a reader may ask for."""

_MESSAGES = (b'"log"', b'"msg"', b'"message"', b'"MESSAGE"')
"""Where Docker, Spark's structured log, and other JSON logs have the line that was logged."""

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)?|[@-Z\\-_])")


@dataclass(slots=True)
class Reading:
    """What was seen so far: for the sentence that says what was read and what not."""

    bytes: int = 0
    lines: int = 0
    cut_lines: int = 0


def unwrapped(line: bytes) -> list[bytes]:
    """Give the lines of the message that a line of a JSON log holds; else the line."""
    if not line.startswith(b"{") or not any(name in line for name in _MESSAGES):
        return [line]
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return [line]
    message = next((text for name in ("log", "msg", "message", "MESSAGE") if (text := record.get(name))), None)
    if not isinstance(message, str):
        return [line]
    return message.removesuffix("\n").encode("utf-8", "surrogateescape").split(b"\n")


def clean(line: bytes) -> bytes:
    """Take out a terminal's colours and the line's end."""
    if b"\x1b" in line:
        line = _ESCAPES.sub(b"", line)
    return line.rstrip(b"\r\n")


def interesting(blocks: Iterable[bytes], wanted: Callable[[], bool], seen: Reading) -> Iterator[tuple[int, bytes]]:
    """Give (number from 1, line without its end) of each line near an anchor; ``wanted`` asks for one more.

    A jump in the numbers is text without any anchor. Of a small input every line is given.
    """
    blocks = iter(blocks)
    first = b""
    for block in blocks:
        first += block
        if len(first) > SMALL:
            yield from _near(chain([first], blocks), wanted, seen)
            return
    seen.bytes = len(first)
    for line in first.removesuffix(b"\n").split(b"\n") if first else ():
        seen.lines += 1
        yield seen.lines, line


def _near(blocks: Iterable[bytes], wanted: Callable[[], bool], seen: Reading) -> Iterator[tuple[int, bytes]]:
    left, asked = 0, 0
    for data in _whole_lines(blocks, seen):
        hits, position = _hits(data), 0
        for start, end in (*_spans(data, hits, left), (len(data), len(data))):
            while position < start and asked < _MOST_ASKED and wanted():
                position, asked = (yield from _one(data, position, seen)), asked + 1
            if position < start:
                seen.lines += data.count(b"\n", position, start)
                position = start
            if position < end:
                asked = 0
                stop = data.find(b"\n", end - 1) + 1 or len(data)
                for line in data[position:stop].removesuffix(b"\n").split(b"\n"):
                    seen.lines += 1
                    yield seen.lines, line
                position = stop
        left = max(0, (hits[-1] + _AFTER if hits else left) - len(data))


def _one(data: bytes, position: int, seen: Reading) -> Generator[tuple[int, bytes], None, int]:
    end = data.find(b"\n", position)
    seen.lines += 1
    yield seen.lines, data[position : end if end >= 0 else len(data)]
    return end + 1 if end >= 0 else len(data)


def _whole_lines(blocks: Iterable[bytes], seen: Reading) -> Iterator[bytes]:
    """Give blocks that end at a line's end; what has no anchor at a block's end comes with the next."""
    rest, passing = b"", False
    for block in blocks:
        seen.bytes += len(block)
        data = block
        if passing:
            end = data.find(b"\n")
            if end < 0:
                continue
            data, passing = data[end:], False
        data = rest + data
        end = data.rfind(b"\n") + 1
        if not end and len(data) > LONGEST:
            seen.cut_lines += 1
            rest, passing = data[:LONGEST], True
            continue
        keep = data.rfind(b"\n", 0, max(0, end - _BEFORE)) + 1
        if end and not any(data.find(anchor, keep) >= 0 for anchor in ANCHORS):
            end = keep
        if end:
            yield data[:end]
        rest = data[end:]
    if rest:
        yield rest


def _hits(data: bytes) -> list[int]:
    """Where anchors stand; those close behind another are passed over."""
    hits = []
    for anchor in ANCHORS:
        at = data.find(anchor)
        while at >= 0:
            hits.append(at)
            at = data.find(anchor, at + _AFTER // 2)
    return sorted(hits)


def _spans(data: bytes, hits: list[int], left: int) -> Iterator[tuple[int, int]]:
    """Give from where to where lines are of interest, in order and apart, each from a line's start."""
    start, end = 0, min(left, len(data))
    for hit in hits:
        begin = data.rfind(b"\n", 0, max(0, hit - _BEFORE)) + 1
        if begin > end:
            if end > start:
                yield start, end
            start = begin
        end = max(end, min(len(data), hit + _AFTER))
    if end > start:
        yield start, end
