"""The pool of connections to the backend, shared by all clients.

A connection serves one exchange of whatever client, then the next. What an exchange leaves half read or half written on
it closes it. A kept connection may end at any moment: MinIO closes idle ones after 30 s, so they are kept for less; one
that has something to read, or has ended, is not used again.
"""

import asyncio
import ssl
from typing import Final

from s3gateway.config.model import Backend
from s3gateway.wire.backend_connection import BackendConnection, User
from s3gateway.wire.clock import Clock
from s3gateway.wire.tls import TlsTransport

IDLE_SECONDS: Final = 20.0
"""How long a connection is kept for the next request. MinIO ends idle ones after 30 s, load balancers after more."""

MOST_IDLE: Final = 128
"""Connections kept for later. In use there may be one for each client, whose number ``limits.connections`` bounds."""

_JUST_NOW_SECONDS: Final = 0.005
"""A connection that came back this recently is not asked for its end: the event loop has just read from it."""


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
