"""The pool of connections to the backend, shared by all clients.

A connection serves one exchange of whatever client, then the next. What an exchange leaves half read or half written on
it closes it. A kept connection may end at any moment: MinIO closes idle ones after 30 s, so they are kept for less; one
that has something to read, or has ended, is not used again.
"""

import asyncio
import select
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from s3gateway.bodies.whole import Piece
from s3gateway.config.model import Backend
from s3gateway.wire.clock import Clock
from s3gateway.wire.tls import TlsTransport

IDLE_SECONDS: Final = 20.0
"""How long a connection is kept for the next request. MinIO ends idle ones after 30 s, load balancers after more."""

MOST_IDLE: Final = 128
"""Connections kept for later. In use there may be one for each client, whose number ``limits.connections`` bounds."""

_JUST_NOW_SECONDS: Final = 0.005
"""A connection that came back this recently is not asked for its end: the event loop has just read from it."""

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


class BackendConnection(asyncio.Protocol):
    """One connection to the backend."""

    def __init__(self, pool: "Pool", on_up: Callable[["BackendConnection"], None]) -> None:
        self._pool = pool
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
        self._pool.give_back(self)

    def close(self) -> None:
        """End it at once, whatever is unsent: a request that is cut must not become whole."""
        self.user = None
        self._poison = None
        self._pool.forget(self)
        if self.transport is not None:
            self.transport.abort()

    def spoil(self, poison: Iterable[Piece]) -> None:
        """Send what makes the backend refuse the upload for itself, as it takes it; then end the connection."""
        self.user = None
        self._poison = iter(poison)
        self._is_spoilt = True
        self._ends_at = asyncio.get_running_loop().time() + _POISON_SECONDS
        self._pool.clock.watched.add(self)
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
        self._pool.forget(self)
        if user is not None:
            user.backend_gone(why)


class Opening:
    """A connection that is being opened for ``user``, who is told of it or of why there is none."""

    def __init__(self, pool: "Pool", user: User) -> None:
        self._pool = pool
        self._user: User | None = user
        self._transport: asyncio.BaseTransport | None = None
        self._task = asyncio.get_running_loop().create_task(self._open(), name="s3gateway backend")

    def cancel(self) -> None:
        """Open none any more."""
        self._user = None
        self._task.cancel()
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()

    async def _open(self) -> None:
        backend, context = self._pool.backend, self._pool.context
        connection = BackendConnection(self._pool, self._on_up)
        protocol: asyncio.BaseProtocol = connection
        if context is not None:
            protocol = TlsTransport(context, connection, server_hostname=backend.host, on_failed=self._on_failed)
        try:
            self._transport, _ = await asyncio.get_running_loop().create_connection(
                lambda: protocol, backend.address or backend.host, backend.port
            )
        except OSError as error:
            self._on_failed(str(error))

    def _on_up(self, connection: BackendConnection) -> None:
        user, self._user = self._user, None
        if user is None:
            connection.close()
        else:
            user.backend_is_up(connection)

    def _on_failed(self, why: str) -> None:
        user, self._user = self._user, None
        if user is not None:
            user.backend_failed(why)


class Pool:
    """Connections to one backend. ``context`` is None where it speaks plain HTTP."""

    def __init__(self, backend: Backend, context: ssl.SSLContext | None, clock: Clock) -> None:
        self.backend = backend
        self.context = context
        self.clock = clock
        self._idle: list[BackendConnection] = []
        self._is_closed = False
        self._now = asyncio.get_running_loop().time

    def take(self) -> BackendConnection | None:
        """Give a kept connection, the one that was used last, or None."""
        now = self._now()
        while self._idle:
            connection = self._idle.pop()
            waited = now - connection.idle_since
            is_good = waited < IDLE_SECONDS and connection.is_usable
            if is_good and (waited < _JUST_NOW_SECONDS or not connection.has_something_to_read):
                return connection
            connection.close()
        return None

    def connect(self, user: User) -> Opening:
        """Open a connection for ``user``."""
        return Opening(self, user)

    def give_back(self, connection: BackendConnection) -> None:
        """Keep a connection whose exchange has left nothing on it."""
        connection.user = None
        if self._is_closed or not connection.is_usable or len(self._idle) >= MOST_IDLE:
            connection.close()
            return
        connection.was_used = True
        connection.idle_since = self._now()
        connection.resume_reading()  # its last bytes may have filled the client's buffer
        self._idle.append(connection)

    def forget(self, connection: BackendConnection) -> None:
        """Keep it no more."""
        self.clock.watched.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def check(self, now: float) -> None:
        """End connections that have waited for too long."""
        for connection in [idle for idle in self._idle if now - idle.idle_since >= IDLE_SECONDS]:
            connection.close()

    def close(self) -> None:
        """Keep nothing; exchanges that are under way go on to their end."""
        self._is_closed = True
        for connection in tuple(self._idle):
            connection.close()
