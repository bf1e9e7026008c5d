"""One connection to the backend, as the exchange that it serves sees it."""

import asyncio
import select
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from s3gateway.bodies.whole import Piece
from s3gateway.wire.clock import Clock

_WRITE_BUFFER: Final = 128 * 1024
"""Unsent bytes at which a client is asked to wait: two pieces, so that one is under way while the next one is made."""

_POISON_SECONDS: Final = 10.0
"""How long a backend may take for what spoils an upload."""

_ENDED: Final = "the backend ended the connection"


class User(Protocol):
    """The exchange that a connection serves."""

    def backend_is_up(self, backend: "BackendConnection") -> None:
        """Take a connection that was asked for."""

    def backend_failed(self, why: str) -> None:
        """Hear that there is none."""

    def backend_data(self, data: bytes) -> None:
        """Take some of the answer."""

    def backend_gone(self, why: str) -> None:
        """Hear that the connection has ended."""

    def backend_is_full(self) -> None:
        """Write no more for now."""

    def backend_has_room(self) -> None:
        """Write on."""


class Keeper(Protocol):
    """Whoever has opened a connection, and keeps it while nobody uses it."""

    clock: Clock

    def give_back(self, connection: "BackendConnection") -> None:
        """Keep it for others."""

    def forget(self, connection: "BackendConnection") -> None:
        """Keep it no more."""


class BackendConnection(asyncio.Protocol):
    """One connection to the backend."""

    def __init__(self, keeper: Keeper, on_up: Callable[["BackendConnection"], None]) -> None:
        self._keeper = keeper
        self._on_up: Callable[[BackendConnection], None] | None = on_up
        self.user: User | None = None
        self.transport: asyncio.Transport | None = None
        self.was_used = False
        self.is_full = False
        self.idle_since = 0.0
        self._poison: Iterator[Piece] | None = None
        self._is_spoilt = False
        self._ends_at = 0.0
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Serve whoever has asked for it."""
        raw: asyncio.Transport = transport  # type: ignore[assignment]  # asyncio's, or TlsTransport
        raw.set_write_buffer_limits(_WRITE_BUFFER)
        self.transport = raw
        found = raw.get_extra_info("socket")
        if found is not None:
            self._poll = select.poll()
            self._poll.register(found.fileno(), select.POLLIN | select.POLLPRI)
        on_up, self._on_up = self._on_up, None
        if on_up is not None:
            on_up(self)

    def data_received(self, data: bytes) -> None:
        """Pass on an answer; what nobody has asked for ends the connection."""
        if self.user is not None:
            self.user.backend_data(data)
        elif not self._is_spoilt:
            self.close()

    def eof_received(self) -> bool:
        """An end is an end: no S3 server goes on reading after it."""
        self._gone(_ENDED)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever uses it."""
        words = getattr(exc, "strerror", None) or type(exc).__name__
        self._gone(f"the backend's connection broke: {words}" if exc else _ENDED)
        self.transport = None

    def pause_writing(self) -> None:
        """Have the exchange write no more for now."""
        self.is_full = True
        if self.user is not None:
            self.user.backend_is_full()

    def resume_writing(self) -> None:
        """Have it write on."""
        self.is_full = False
        if self.user is not None:
            self.user.backend_has_room()
        elif self._poison is not None:
            self._write_poison()

    @property
    def is_usable(self) -> bool:
        """Whether anything can be written to it."""
        return self.transport is not None and not self.transport.is_closing()

    @property
    def has_something_to_read(self) -> bool:
        """Whether the system has more of it than the event loop has read: its end, or what nobody has asked for."""
        return self.transport is None or self._poll is None or bool(self._poll.poll(0))

    @property
    def unsent(self) -> int:
        """Bytes that the backend has not taken."""
        return self.transport.get_write_buffer_size() if self.transport is not None else 0

    def write(self, data: Piece) -> None:
        """Send; to a connection that has ended, nothing."""
        if self.transport is not None:
            self.transport.write(data)

    def pause_reading(self) -> None:
        """Take no more of the answer for now."""
        if self.transport is not None:
            self.transport.pause_reading()

    def resume_reading(self) -> None:
        """Take it again."""
        if self.transport is not None:
            self.transport.resume_reading()

    def give_back(self) -> None:
        """Let it serve others: the exchange has left nothing on it."""
        self._keeper.give_back(self)

    def close(self) -> None:
        """End it at once, whatever is unsent: a request that is cut must not become whole."""
        self.user = None
        self._poison = None
        self._keeper.forget(self)
        if self.transport is not None:
            self.transport.abort()

    def spoil(self, poison: Iterable[Piece]) -> None:
        """Send what makes the backend refuse the upload for itself, as it takes it; then end the connection."""
        self.user = None
        self._poison = iter(poison)
        self._is_spoilt = True
        self._ends_at = asyncio.get_running_loop().time() + _POISON_SECONDS
        self._keeper.clock.watched.add(self)
        self.resume_reading()
        self._write_poison()

    def check(self, now: float) -> None:
        """End a spoiled upload that the backend does not take."""
        if now >= self._ends_at:
            self.close()

    def _write_poison(self) -> None:
        while self._poison is not None and not self.is_full and self.is_usable:
            piece = next(self._poison, None)
            if piece is None:
                self._poison = None
                if self.transport is not None:
                    self.transport.close()  # when all is taken, or at the deadline
                return
            self.write(piece)

    def _gone(self, why: str) -> None:
        user, self.user = self.user, None
        self._poison = None
        self._keeper.forget(self)
        if user is not None:
            user.backend_gone(why)
