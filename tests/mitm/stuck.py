"""A backend that stops: it takes connections and goes no further than it is told to."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from lab.certs import Certs
from tests.real.waiting import LIMIT

_HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\nETag: e\r\n\r\n" + b"x" * 1000


def deaf(_: socket.socket, __: ssl.SSLContext, ___: threading.Event) -> None:
    """Take no connection: who connects does not even hear that there is nobody, as with a machine that is off."""


def silent(_: socket.socket, __: ssl.SSLContext, stop: threading.Event) -> None:
    """Accept, and say nothing: not even TLS."""
    stop.wait()


def unreading(raw: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    """Take no more of a request than fits into the sockets' buffers."""
    with context.wrap_socket(raw, server_side=True):
        stop.wait()


def unanswering(raw: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    """Read everything and answer nothing."""
    with context.wrap_socket(raw, server_side=True) as tls:
        while not stop.is_set() and tls.recv(1 << 16):
            pass


def half_answering(raw: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    """Begin an answer of a million bytes, and stop after a thousand."""
    with context.wrap_socket(raw, server_side=True) as tls:
        tls.recv(1 << 16)
        tls.sendall(_HALF)
        stop.wait()


def unsized(raw: socket.socket, context: ssl.SSLContext, stop: threading.Event) -> None:
    """Begin an answer whose end would be the connection's, and wait for that."""
    with context.wrap_socket(raw, server_side=True) as tls:
        tls.recv(1 << 16)
        tls.sendall(b"HTTP/1.1 200 OK\r\nETag: e\r\n\r\nabc")
        while not stop.is_set() and tls.recv(1 << 16):
            pass


Behaviour = Callable[[socket.socket, ssl.SSLContext, threading.Event], None]


class Stuck:
    """A backend with one behaviour, for as long as a `with` block; a `lab.backends.Backend`."""

    access_key, secret_key, region = "backend-key", "backend-secret-of-the-lab", "us-east-1"

    def __init__(self, certs: Certs, behaviour: Behaviour) -> None:
        self.ca_file = certs.ca
        self._behaviour = behaviour
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(certs.backend_certificate, certs.backend_key)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=0 if behaviour is deaf else 128)
        self.connections = self.ended = 0

    @property
    def endpoint(self) -> str:
        return f"https://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Self:
        if self._behaviour is deaf:
            self._fill()
        else:
            self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[:1]:  # which accepts: all that are to be ended are known then
            thread.join(LIMIT)
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads[1:]:
            thread.join(LIMIT)
        for one in (self._socket, *self._open):
            one.close()

    def _start(self, run: Callable[[], None]) -> None:
        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fill(self) -> None:
        """Queue connections that nobody accepts until the kernel answers no further one."""
        with contextlib.suppress(TimeoutError):
            while True:
                self._open.append(socket.create_connection(self._socket.getsockname(), timeout=0.5))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._socket.accept()
                self.connections += 1
                ours = peer.dup()  # by which we can end it: TLS takes the peer's own descriptor
                self._open.append(ours)
                self._start(partial(self._behave, peer, ours))

    def _behave(self, peer: socket.socket, ours: socket.socket) -> None:
        with ours, peer, contextlib.suppress(OSError):
            self._behaviour(peer, self._context, self._stop)
        with self._lock:
            self.ended += 1
