"""A backend over TLS that does what a test says: answers early, stalls, resets, talks nonsense. Counts what came."""

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from lab.certs import Certs
from tests.real.waiting import LIMIT

_READ = 1 << 16
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Exchange:
    """One connection from the gateway, seen from the backend."""

    def __init__(self, tls: ssl.SSLSocket, stop: threading.Event) -> None:
        self._tls = tls
        self._stop = stop
        self.received = bytearray()

    def read_head(self) -> None:
        """Read up to the end of a request's head, and perhaps some of its body."""
        self.read_until(lambda data: b"\r\n\r\n" in data)

    def read_until(self, enough: Callable[[bytes], bool]) -> None:
        """Read on until there is enough, or the end."""
        while not enough(bytes(self.received)):
            data = self._tls.recv(_READ)
            if not data:
                return
            self.received += data

    def read_request(self) -> None:
        """Read a whole request that has a length, or none."""
        self.read_head()
        head, _, _ = bytes(self.received).partition(b"\r\n\r\n")
        lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
        length = next((int(value) for name, _, value in lines if name == b"content-length"), 0)
        self.read_until(lambda data: len(data) >= len(head) + 4 + length)

    def send(self, data: bytes) -> None:
        self._tls.sendall(data)

    def end(self) -> None:
        """Say no more, and read on until the other side has ended, too: a close at once may reset what was said."""
        with contextlib.suppress(OSError):
            self._tls.shutdown(socket.SHUT_WR)
        self.read_until(lambda _: False)

    def reset(self) -> None:
        """End with a TCP reset."""
        self._tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._tls.close()

    def stall(self) -> None:
        """Neither read nor write until the test is over."""
        self._stop.wait(600)


Script = Callable[[Exchange], None]


def obliging(exchange: Exchange) -> None:
    """Take one request and say 200."""
    exchange.read_request()
    exchange.send(OK)


class Scripted:
    """The backend, for as long as a ``with`` block; a `lab.backends.Backend`. Each connection plays ``script``."""

    access_key, secret_key, region = "backend-key", "backend-secret-of-the-lab", "us-east-1"

    def __init__(self, certs: Certs) -> None:
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certs.backend_certificate, certs.backend_key)
        self.ca_file = certs.ca
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="scripted", daemon=True)
        self._script: Script = obliging
        self._stop = threading.Event()
        self.exchanges: list[Exchange] = []

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def play(self, script: Script) -> None:
        """Let connections that are stalled end, forget what came, and play this from now on."""
        self._stop.set()
        self._stop, self._script, self.exchanges = threading.Event(), script, []

    def next(self, script: Script) -> None:
        """Play this on connections to come; those there are go on."""
        self._script = script

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(LIMIT)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                threading.Thread(target=self._serve, args=(client,), name="scripted one", daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        script = self._script
        with contextlib.suppress(OSError), self._context.wrap_socket(client, server_side=True) as tls:
            exchange = Exchange(tls, self._stop)
            self.exchanges.append(exchange)
            script(exchange)
