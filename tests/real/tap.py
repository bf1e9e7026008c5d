"""A tap between a plain-HTTP client and the gateway: what the client sent, as an independent reader saw it."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

from lab.wire import RecordedRequest, RequestReader
from tests.real.waiting import LIMIT

_READ = 1 << 16
_MAX_BODY = 1 << 20


class Tap:
    """A TCP relay to ``port`` on a port of its own, for as long as a ``with`` block."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._lock = threading.Lock()
        self._readers: list[RequestReader] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="tap", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(LIMIT)

    def requests(self) -> list[RecordedRequest]:
        """All requests so far, by connection."""
        with self._lock:
            return [request for reader in self._readers for request in reader.requests()]

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                try:
                    gateway = socket.create_connection(("127.0.0.1", self._to))
                except OSError:  # the gateway is down, and looks down from here
                    client.close()
                    continue
                for side in (client, gateway):
                    side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with self._lock:
                    reader = RequestReader(len(self._readers), _MAX_BODY)
                    self._readers.append(reader)
                for pair in ((client, gateway, reader), (gateway, client, None)):
                    threading.Thread(target=self._pump, args=pair, name="tap pump", daemon=True).start()

    def _pump(self, one: socket.socket, other: socket.socket, reader: RequestReader | None) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(_READ):
                if reader is not None:
                    with self._lock:
                        reader.feed(data)
                other.sendall(data)
        for side in (one, other):
            with contextlib.suppress(OSError):
                side.shutdown(socket.SHUT_RDWR)
        if reader is None:
            one.close()
            other.close()
