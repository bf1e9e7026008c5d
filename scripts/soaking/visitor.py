"""A client that sends requests signed before, is refused, or leaves in the middle. It blocks, and is one thread's."""

import re
import socket
import struct
from typing import Final

from benchmark.signed import Signed

_SECONDS: Final = 60
_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE: Final = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_READ: Final = 1 << 16
_RESET: Final = struct.pack("ii", 1, 0)  # SO_LINGER of no time: the end is an RST


class Visitor:
    """One client of the gateway at a port of 127.0.0.1. Each call returns how it ended, e.g. "200" or "no answer"."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def close(self) -> None:
        """Leave, if there is a connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, request: Signed) -> str:
        """Send a request on the connection that is open, or on a new one; return the status of the answer."""
        try:
            connection = self._connected()
            self._send(connection, request)
            return self._answer(connection)
        except OSError:
            self.close()
            return "no answer"

    def visit(self, request: Signed) -> str:
        """The same on a connection of its own."""
        self.close()
        ended = self.ask(request)
        self.close()
        return ended

    def knock(self) -> str:
        """Connect, say nothing, leave."""
        self.close()
        try:
            self._connected()
        except OSError:
            return "no connection"
        self.close()
        return "left"

    def leave_in_the_middle(self, request: Signed, *, reset: bool) -> str:
        """Send half of the body, then end the connection with FIN or RST."""
        self.close()
        try:
            connection = self._connected()
            connection.sendall(request.head)
            for piece in request.body[: max(1, len(request.body) // 2)]:
                connection.sendall(piece)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        except OSError:
            self.close()
            return "cut by the gateway"
        self.close()
        return "left"

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _send(self, connection: socket.socket, request: Signed) -> None:
        try:
            for piece in request.pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return  # refused before the end: the answer may be there

    def _answer(self, connection: socket.socket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(_READ)
            if not more:
                raise ConnectionResetError
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        left = int(length[1]) - len(body) if length else 0
        while left > 0:
            more = connection.recv(_READ)
            if not more:
                raise ConnectionResetError
            left -= len(more)
        status = head[9:12].decode()
        if _CLOSE.search(head):
            self.close()
        return status
