"""A port of this machine that leads into a network namespace, as a container engine publishes one."""

import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_PIECE: Final = 1 << 18


class Published:
    """Listens on a loopback `port` for a `with` block, and connects each client to `address`, from `namespace`."""

    def __init__(self, namespace: str, address: str, port: int) -> None:
        self._namespace = namespace
        self._towards = (address, port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: Final = int(self._listener.getsockname()[1])

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="published", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        """A socket belongs to the namespace of the thread that makes it, wherever it is used; this thread is inside."""
        with Path("/run/netns", self._namespace).open("rb") as namespace:
            os.setns(namespace.fileno(), os.CLONE_NEWNET)
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                try:
                    server = socket.create_connection(self._towards)
                except OSError:
                    client.close()
                    continue
                threading.Thread(target=_serve, args=(client, server), name="published", daemon=True).start()


def _serve(client: socket.socket, server: socket.socket) -> None:
    with client, server:
        back = threading.Thread(target=_copy, args=(server, client), name="published", daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(_PIECE):
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)
