"""A TLS socket that one thread writes while another reads.

OpenSSL forbids two threads in one connection at a time, and Python up to 3.13.0 does not keep them apart: a read that
finds nothing while the other thread writes is now and then reported as the end of the connection.
"""

import errno
import os
import select
import ssl
import threading
from collections.abc import Callable
from typing import Any


class TwoWaySocket(ssl.SSLSocket):
    """Blocks as any socket does, and never inside OpenSSL; ``begin`` once its handshake is done."""

    _turn: threading.Lock | None = None
    _seconds: float | None = None

    def begin(self) -> None:
        """Take turns from here on."""
        self._seconds = super().gettimeout()
        super().settimeout(0)
        self._turn = threading.Lock()

    def settimeout(self, value: float | None) -> None:
        if self._turn is None:
            super().settimeout(value)
        self._seconds = value

    def send(self, data: Any, flags: int = 0) -> int:
        return self._in_turn(lambda: super(TwoWaySocket, self).send(data, flags))

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - ssl's names
        return self._in_turn(lambda: super(TwoWaySocket, self).read(len, buffer))

    def _in_turn[T](self, step: Callable[[], T]) -> T:
        if self._turn is None:
            return step()
        while True:
            try:
                with self._turn:
                    return step()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)

    def _wait(self, event: int) -> None:
        descriptor = self.fileno()
        if descriptor < 0:  # closed by the other thread meanwhile: as send() itself would say
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        poll = select.poll()
        poll.register(descriptor, event)
        if not poll.poll(None if self._seconds is None else self._seconds * 1000):
            raise TimeoutError
