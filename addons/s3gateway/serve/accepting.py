"""Accepts connections from a socket that several workers share: one at a time, and who has fewest goes first.

The kernel wakes all of them for each connection, and the first would take as many as there are. So a worker that has
more connections than another leaves the next one alone for a moment. If nobody takes it until then, it does.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

logger = logging.getLogger(__name__)

_PATIENCE_SECONDS: Final = 0.002
_MOST_SECONDS: Final = 0.02
_EXHAUSTED_SECONDS: Final = 1.0
"""Until the next try where there are no descriptors or no memory: as asyncio's own server."""

OnStream = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Acceptor:
    """Accepts from ``listening``, which is closed with it. mitmproxy takes it for an asyncio server.

    ``ahead`` says by how many connections this worker is before another that accepts.
    """

    def __init__(self, listening: socket.socket, on_stream: OnStream, ahead: Callable[[], int]) -> None:
        listening.settimeout(0)
        self._socket = listening
        self._on_stream = on_stream
        self._ahead = ahead
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rest: asyncio.TimerHandle | None = None
        self._loop.add_reader(listening, self._on_readable)

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """As an asyncio server's."""
        return () if self._socket.fileno() < 0 else (self._socket,)

    def close(self) -> None:
        """Accept no more."""
        if self._socket.fileno() < 0:
            return
        if self._rest is not None:
            self._rest.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _on_readable(self) -> None:
        ahead = self._ahead()
        if ahead > 0:
            self._rest_for(min(ahead * _PATIENCE_SECONDS, _MOST_SECONDS))
        else:
            self._accept()

    def _rest_for(self, seconds: float) -> None:
        self._loop.remove_reader(self._socket)
        self._rest = self._loop.call_later(seconds, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._loop.add_reader(self._socket, self._on_readable)
        self._accept()

    def _accept(self) -> None:
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return  # another worker was quicker, or the client has gone
        except OSError as error:
            logger.error("no connection can be accepted (%s), trying again", error.strerror)  # noqa: TRY400
            if self._rest is None:
                self._rest_for(_EXHAUSTED_SECONDS)
            return
        connection.settimeout(0)
        task = self._loop.create_task(self._serve(connection), name="s3gateway accept")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        reader = asyncio.StreamReader()
        try:
            await self._loop.connect_accepted_socket(
                lambda: asyncio.StreamReaderProtocol(reader, self._on_stream), connection
            )
        except OSError:
            connection.close()
