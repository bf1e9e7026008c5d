"""One connection of the load generator, which sends the same bytes again and again.

It never waits. `begin` and `step` do what the system takes or gives at once, and the caller's epoll tells when more is
possible.
"""

import contextlib
import re
import socket
import ssl
from typing import Final

from benchmark.signed import Signed

_CONNECT_SECONDS: Final = 30.0
_HEAD_MAX: Final = 1 << 16
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_LAST_CHUNK: Final = b"0\r\n\r\n"
_WAIT: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LoadError(Exception):
    """An answer that is not 200, or none: the measurement would be of something else."""


class Lane:
    """A connection and its request."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None, request: Signed) -> None:
        self._address = address
        self._context = context
        self._pieces = [memoryview(piece) for piece in request.pieces]
        self._socket: socket.socket | None = None
        self._shaking = False
        self._piece = len(self._pieces)
        self._at = 0
        self._head = b""
        self._left = 0
        self._chunked = False
        self._tail = b""
        self.ends = False

    @property
    def is_open(self) -> bool:
        """Whether there is a connection."""
        return self._socket is not None

    @property
    def wants_write(self) -> bool:
        """Whether there is something to send that the system did not take yet."""
        return self._piece < len(self._pieces) and not self._shaking

    def fileno(self) -> int:
        """The descriptor, for epoll."""
        return -1 if self._socket is None else self._socket.fileno()

    def open(self) -> None:
        """Connect. On loopback that does not wait; a TLS handshake is left to `begin` and `step`."""
        raw = socket.create_connection(self._address, timeout=_CONNECT_SECONDS)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.settimeout(0)
        self._socket, self._shaking, self.ends = raw, self._context is not None, False
        if self._context is not None:
            self._socket = self._context.wrap_socket(
                raw, server_hostname=self._address[0], do_handshake_on_connect=False
            )

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def begin(self) -> None:
        """Send the request, as much of it as the system takes."""
        self._piece = self._at = 0
        self._head, self._left, self._chunked, self._tail = b"", -1, False, b""
        self._send()

    def step(self, buffer: memoryview) -> bool:
        """Go on; whether the whole answer is here. Raises `LoadError`, or `OSError` where the connection ended."""
        if self.wants_write or self._shaking:
            self._send()
        return not self._shaking and self._receive(buffer)

    def _send(self) -> None:
        if self._socket is None or (self._shaking and not self._shake()):
            return
        with contextlib.suppress(*_WAIT):
            while self._piece < len(self._pieces):
                piece = self._pieces[self._piece]
                try:
                    self._at += self._socket.send(piece[self._at :])
                except (BrokenPipeError, ConnectionResetError):
                    self._piece = len(self._pieces)  # refused before the end: the answer may say why
                    return
                if self._at == len(piece):
                    self._piece, self._at = self._piece + 1, 0

    def _shake(self) -> bool:
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.do_handshake()
        except _WAIT:
            return False
        self._shaking = False
        return True

    def _receive(self, buffer: memoryview) -> bool:
        connection = self._socket
        while connection is not None:
            try:
                got = connection.recv_into(buffer)
            except _WAIT:
                return False
            if not got:
                raise LoadError("the connection ended before the answer did")
            if self._take(buffer[:got]):
                if self.wants_write:
                    raise LoadError("an answer before the end of the request")
                return True
            if self._context is None:  # level-triggered: epoll says so again; TLS may have more in its own buffer
                return False
        return False

    def _take(self, data: memoryview) -> bool:
        if self._left < 0 and not self._chunked:
            return self._take_head(bytes(data))
        if self._chunked:
            self._tail = (self._tail + bytes(data[-len(_LAST_CHUNK) :]))[-len(_LAST_CHUNK) :]
            return self._tail == _LAST_CHUNK
        self._left -= len(data)
        return self._left <= 0

    def _take_head(self, data: bytes) -> bool:
        self._head += data
        head, end, rest = self._head.partition(b"\r\n\r\n")
        if not end:
            if len(self._head) > _HEAD_MAX:
                raise LoadError("a head without an end")
            return False
        if head[9:12] != b"200":
            raise LoadError(_short(self._head))
        self.ends = _CLOSE.search(head) is not None
        length = _LENGTH.search(head)
        if length is not None:
            self._left = int(length[1]) - len(rest)
            return self._left <= 0
        self._chunked = _CHUNKED.search(head) is not None
        if not self._chunked:
            raise LoadError("an answer without a length")
        return self._take(memoryview(rest)) if rest else False


def _short(answer: bytes) -> str:
    """The status line of an answer, and the S3 error code where there is one."""
    status = answer.partition(b"\r\n")[0].decode(errors="replace")
    code = answer.partition(b"<Code>")[2].partition(b"<")[0].decode(errors="replace")
    return f"{status} ({code})" if code else status
