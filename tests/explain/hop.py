"""A proxy in front of the gateway that rewrites request heads: a stand-in for nginx and its kin."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from lab.ports import free_port

_END = b"\r\n\r\n"
_SECONDS = 120

CHOSEN = range(2000, 10_000)
"""The ports that people choose."""


class Hop:
    """Listens on ``port``; every request head passes through ``alter``, bodies and answers as they are.

    One request per connection: it asks the gateway to close, as a plain proxy does (HTTP/1.0 upstream).
    """

    def __init__(self, upstream: int, alter: Callable[[bytes], bytes], body: Callable[[bytes], bytes] = bytes) -> None:
        self._upstream = upstream
        self._alter = alter
        self._body = body
        self._server = listening()
        self.port: int = self._server.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, name="hop", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            client.settimeout(_SECONDS)
            threading.Thread(target=self._relay, args=(client,), name="hop connection", daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        to = ("127.0.0.1", self._upstream)
        with contextlib.suppress(OSError), client, socket.create_connection(to, timeout=_SECONDS) as gateway:
            data = b""
            while _END not in data:
                read = client.recv(65536)
                if not read:
                    return
                data += read
            head, _, body = data.partition(_END)
            gateway.sendall(self._alter(head) + _END + self._body(body))
            threading.Thread(target=_pump, args=(client, gateway, self._body), daemon=True).start()
            _pump(gateway, client, bytes)
            client.shutdown(socket.SHUT_RDWR)


def listening() -> socket.socket:
    """On a port as people choose them."""
    return socket.create_server(("127.0.0.1", free_port(CHOSEN)))


def _pump(source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes]) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(change(data))
    except OSError:
        return


def header(name: str, value: str) -> Callable[[bytes], bytes]:
    """Replace a header line, as ``proxy_set_header`` does, and close after the answer."""

    def alter(head: bytes) -> bytes:
        wanted = name.lower().encode() + b":"
        lines = head.split(b"\r\n")
        kept = [line for line in lines if not line.lower().startswith((wanted, b"connection:"))]
        return b"\r\n".join((*kept, f"{name}: {value}".encode(), b"Connection: close"))

    return alter


def target(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    """Rewrite the request target, as ``proxy_pass`` with a path does, and close after the answer."""

    def alter(head: bytes) -> bytes:
        line, _, rest = head.partition(b"\r\n")
        assert old in line, line
        return line.replace(old, new, 1) + b"\r\n" + rest + b"\r\nConnection: close"

    return alter
