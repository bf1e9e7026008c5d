"""Bodies of HTTP/1 messages: what of the peer's bytes is body, and where it ends (RFC 9112 §6 and §7).

A reader is fed what the peer sends, in pieces of any size, and gives the body's bytes. When it is ``done``, ``rest``
has what came behind the body. A reader keeps no byte of the body; :class:`ChunkedReader` keeps at most one unfinished
line.
"""

import re
from enum import Enum, auto
from typing import Final, Protocol

from s3gateway.http1.head import CHUNKED, ProtocolError

MAX_LINE: Final = 4096
"""Bytes of a chunk's size line: 16 digits, and what extensions there are. Nobody is known to send any."""

MAX_TRAILERS: Final = 16 * 1024
"""Bytes of all trailer fields. They are read and dropped: nobody has signed them (RFC 9110 §6.5.1 allows to)."""

_DIGITS: Final = 16
_FIELD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:")
_HEX: Final = frozenset(b"0123456789abcdefABCDEF")
LAST_CHUNK: Final = b"0\r\n\r\n"


class Reader(Protocol):
    """What reads one body."""

    done: bool
    rest: bytes

    def feed(self, data: bytes) -> list[bytes]:
        """Take what came, give what of it is body. Raises :class:`~s3gateway.http1.head.ProtocolError`."""


class LengthReader:
    """A body of ``length`` bytes."""

    __slots__ = ("_left", "done", "rest")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Give all of it up to the end."""
        left = self._left - len(data)
        if left > 0:
            self._left = left
            return [data] if data else []
        self._left, self.done = 0, True
        if left:
            data, behind = data[:left], data[left:]
            self.rest += behind
        return [data] if data else []


class _State(Enum):
    SIZE = auto()
    DATA = auto()
    DATA_END = auto()
    TRAILERS = auto()
    DONE = auto()


class ChunkedReader:
    """A body in HTTP chunks. Extensions and trailer fields are dropped."""

    __slots__ = ("_left", "_line", "_state", "_trailers", "done", "rest")

    def __init__(self) -> None:
        self._state = _State.SIZE
        self._line = b""
        self._left = 0
        self._trailers = 0
        self.done = False
        self.rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Give the data of all chunks in it; raise at the first byte that does not fit."""
        out: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._state is _State.DATA:
                piece = data[at : at + self._left]
                out.append(piece)
                at += len(piece)
                self._left -= len(piece)
                if not self._left:
                    self._state = _State.DATA_END
            elif self._state is _State.DONE:
                self.rest += data[at:]
                break
            else:
                at = self._read_line(data, at)
        return out

    def _read_line(self, data: bytes, at: int) -> int:
        end = data.find(b"\n", at) + 1
        line = self._line + data[at : end or len(data)]
        if len(line) > (2 if self._state is _State.DATA_END else MAX_LINE):
            raise ProtocolError("a line of an HTTP chunk is too long")
        if not end:
            self._line = line
            if self._state is not _State.DATA_END:
                return len(data)
            if not b"\r\n".startswith(line):
                raise ProtocolError("an HTTP chunk does not end where it should")
            return len(data)
        self._line = b""
        self._on_line(line)
        return end

    def _on_line(self, line: bytes) -> None:
        if line.find(b"\r") != len(line) - 2:
            raise ProtocolError("a line of an HTTP chunk has a bare line feed or carriage return")
        if self._state is _State.DATA_END:
            if line != b"\r\n":
                raise ProtocolError("an HTTP chunk does not end where it should")
            self._state = _State.SIZE
        elif self._state is _State.SIZE:
            self._left = _size(line)
            self._state = _State.DATA if self._left else _State.TRAILERS
        elif line == b"\r\n":
            self._state, self.done = _State.DONE, True
        else:
            if not _FIELD.match(line):
                raise ProtocolError("a trailer field has no name")
            self._trailers += len(line)
            if self._trailers > MAX_TRAILERS:
                raise ProtocolError("the trailer fields are too long")


def _size(line: bytes) -> int:
    digits = line.partition(b";")[0].rstrip(b" \t\r\n")  # BWS (RFC 9112 §7.1.1)
    if not digits or len(digits) > _DIGITS or not _HEX.issuperset(digits):
        raise ProtocolError("the size of an HTTP chunk is no number")
    return int(digits, 16)


def reader(length: int) -> Reader:
    """Choose the reader of a body: of ``length`` bytes, or :data:`~s3gateway.http1.head.CHUNKED`."""
    return ChunkedReader() if length == CHUNKED else LengthReader(length)


def chunk(data: bytes) -> bytes:
    """Frame some data as one HTTP chunk; none is framed as nothing, for an empty chunk would end the body."""
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
