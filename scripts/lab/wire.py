"""HTTP/1.1 requests as they stood on the wire: a strict reader that shares nothing with mitmproxy or the gateway.

It takes what RFC 9112 allows a careful sender and no more (CRLF only, no folding, one way of framing the body): a
gateway that sends anything else fails the test that looks.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

Headers = list[tuple[bytes, bytes]]

_TOKEN: Final = frozenset(b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MAX_HEAD: Final = 1 << 20  # a sender that never ends a head is a fault, not a request


class WireError(Exception):
    """What came is not an HTTP/1.1 request as a careful sender writes it."""


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """One request. Headers are in wire order and case, with the spaces around each value removed.

    `body` is without HTTP chunking. Past the recorder's `max_body` it is b"", and only `body_length` and `body_sha256`
    (hex) tell of it. `complete` is False while the body is not all there: for ever, when the sender was cut off.
    """

    connection: int
    method: str
    target: bytes
    headers: Headers
    body: bytes
    body_length: int
    body_sha256: str
    complete: bool

    def values(self, name: str) -> list[bytes]:
        """All values of a header, in order; the name in any case."""
        wanted = name.lower().encode()
        return [value for key, value in self.headers if key.lower() == wanted]

    def header(self, name: str) -> bytes | None:
        """The value of a header that may be there once; `WireError` if it is there more often."""
        found = self.values(name)
        if len(found) > 1:
            message = f"{len(found)} headers named {name}"
            raise WireError(message)
        return found[0] if found else None

    def signed_headers(self) -> list[str]:
        """The SignedHeaders of the Authorization header, in its order; empty if there is none."""
        authorization = (self.header("authorization") or b"").decode()
        for part in authorization.partition(" ")[2].split(","):
            key, _, value = part.strip().partition("=")
            if key == "SignedHeaders":
                return value.split(";")
        return []


class _State(Enum):
    HEAD = auto()
    SIZED_BODY = auto()
    CHUNK_SIZE = auto()
    CHUNK_DATA = auto()
    CHUNK_END = auto()
    TRAILER = auto()


class _Open:
    """The request that is coming in."""

    def __init__(self, connection: int, method: str, target: bytes, headers: Headers) -> None:
        self._fields = (connection, method, target, headers)
        self._body = bytearray()
        self._length = 0
        self._hash = hashlib.sha256()
        self.complete = False

    def add(self, data: bytes, max_body: int | None) -> None:
        self._hash.update(data)
        self._length += len(data)
        if max_body is None or self._length <= max_body:
            self._body += data
        else:
            self._body.clear()

    def snapshot(self) -> RecordedRequest:
        return RecordedRequest(
            *self._fields,
            body=bytes(self._body),
            body_length=self._length,
            body_sha256=self._hash.hexdigest(),
            complete=self.complete,
        )


class RequestReader:
    """The requests of one connection, however the bytes come. `feed` raises `WireError` at the first fault."""

    def __init__(self, connection: int = 0, max_body: int | None = None) -> None:
        self._connection = connection
        self._max_body = max_body
        self._buffer = bytearray()
        self._state = _State.HEAD
        self._left = 0
        self._requests: list[_Open] = []
        self._coming = _Open(connection, "", b"", [])  # kept apart from the list, which may be cleared meanwhile

    def requests(self) -> list[RecordedRequest]:
        """All requests so far; the last may be incomplete."""
        return [request.snapshot() for request in self._requests]

    def clear(self) -> None:
        """Forget all requests so far, one that is still coming in as well."""
        self._requests = []

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._buffer += data
        while self._step():
            pass

    def _step(self) -> bool:
        """Take one element from the buffer; False when it needs more bytes."""
        if self._state in (_State.SIZED_BODY, _State.CHUNK_DATA):
            return self._take_data()
        if self._state is _State.HEAD:
            return self._take_head()
        line = self._take_until(b"\r\n")
        if line is None:
            return False
        self._take_chunk_line(bytes(line))
        return True

    def _take_head(self) -> bool:
        head = self._take_until(b"\r\n\r\n")
        if head is None:
            return False
        request_line, *lines = bytes(head).split(b"\r\n")
        method, target = _split_request_line(request_line)
        headers = [_split_header(line) for line in lines]
        self._coming = _Open(self._connection, method, target, headers)
        self._requests.append(self._coming)
        self._state, self._left = _framing(headers)
        if self._state is _State.SIZED_BODY and not self._left:
            self._end()
        return True

    def _take_data(self) -> bool:
        data = bytes(self._buffer[: self._left])
        if not data:
            return False
        del self._buffer[: len(data)]
        self._left -= len(data)
        self._coming.add(data, self._max_body)
        if not self._left:
            if self._state is _State.SIZED_BODY:
                self._end()
            else:
                self._state = _State.CHUNK_END
        return True

    def _take_chunk_line(self, line: bytes) -> None:
        if self._state is _State.CHUNK_END:
            _demand(not line, "a chunk is longer than its size", line)
            self._state = _State.CHUNK_SIZE
        elif self._state is _State.CHUNK_SIZE:
            size = line.partition(b";")[0]
            _demand(bool(size) and all(byte in b"0123456789abcdefABCDEF" for byte in size), "chunk size", line)
            self._left = int(size, 16)
            self._state = _State.CHUNK_DATA if self._left else _State.TRAILER
        elif not line:
            self._end()
        else:
            _split_header(line)

    def _end(self) -> None:
        self._coming.complete = True
        self._state = _State.HEAD

    def _take_until(self, mark: bytes) -> bytearray | None:
        end = self._buffer.find(mark)
        if end < 0:
            _demand(len(self._buffer) < _MAX_HEAD, "no end of line in 1 MiB", bytes(self._buffer[:80]))
            return None
        taken = self._buffer[:end]
        del self._buffer[: end + len(mark)]
        return taken


def _split_request_line(line: bytes) -> tuple[str, bytes]:
    parts = line.split(b" ")
    _demand(len(parts) == 3 and parts[2] == b"HTTP/1.1" and all(parts), "request line", line)  # noqa: PLR2004
    _demand(_TOKEN.issuperset(parts[0]), "method", line)
    return parts[0].decode("ascii"), parts[1]


def _split_header(line: bytes) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(b":")
    _demand(bool(name) and bool(colon) and _TOKEN.issuperset(name), "header line", line)
    _demand(not any(byte in value for byte in b"\r\n\0"), "control character in a header", line)
    return name, value.strip(b" \t")


def _framing(headers: Headers) -> tuple[_State, int]:
    lengths = list(_values(headers, b"content-length"))
    codings = list(_values(headers, b"transfer-encoding"))
    _demand(len(lengths) + len(codings) <= 1, "more than one framing of the body", repr(headers).encode())
    if codings:
        _demand(codings[0].lower() == b"chunked", "transfer coding", codings[0])
        return _State.CHUNK_SIZE, 0
    if lengths:
        _demand(lengths[0].isdigit(), "content-length", lengths[0])
        return _State.SIZED_BODY, int(lengths[0])
    return _State.SIZED_BODY, 0


def _values(headers: Headers, name: bytes) -> Iterator[bytes]:
    return (value for key, value in headers if key.lower() == name)


def _demand(holds: bool, what: str, line: bytes) -> None:  # noqa: FBT001 - an assertion's condition
    if not holds:
        message = f"{what}: {line[:200]!r}"
        raise WireError(message)
