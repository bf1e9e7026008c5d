"""A request of the gateway's own to its backend: no client asks for it, its body and its answer are short."""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from s3gateway.http1 import framing
from s3gateway.http1.head import (
    HTTP_1_1,
    NO_LENGTH,
    Answer,
    ProtocolError,
    answer_length,
    find_end,
    read_answer,
    write_request,
)
from s3gateway.sigv4.model import RequestHead
from s3gateway.wire.backend_connection import BackendConnection
from s3gateway.wire.backends import Opening, Pool

_FINAL: Final = 200


class BackendError(Exception):
    """There was no answer, or none that can be used. The message is for the log."""


@dataclass(frozen=True, slots=True)
class OwnAnswer:
    """A whole answer."""

    status: int
    body: bytes = field(repr=False)


async def ask(pool: Pool, head: RequestHead, *, most: int, seconds: float, body: bytes = b"") -> OwnAnswer:
    """Send a signed head and its body, and give the answer; ``most`` bytes of it, and ``seconds`` in all.

    It goes over a kept connection where there is one, and once more over a fresh one where that has just ended: so it
    must be a request that may run twice. Raises :class:`BackendError`.
    """
    request = _OwnRequest(pool, head, body, most)
    try:
        async with asyncio.timeout(seconds):
            return await request.answered
    except TimeoutError:
        raise BackendError(f"no answer within {seconds:g} s") from None
    finally:
        request.end()


class _OwnRequest:
    """Uses one connection at a time; :class:`s3gateway.wire.backend_connection.User` says what the pool asks of it."""

    def __init__(self, pool: Pool, head: RequestHead, body: bytes, most: int) -> None:
        self.answered: asyncio.Future[OwnAnswer] = asyncio.get_running_loop().create_future()
        self._pool = pool
        self._method = head.method
        self._wire = write_request(head.method, head.target, head.headers) + body
        self._most = most
        self._connection: BackendConnection | None = None
        self._opening: Opening | None = None
        self._buffer = bytearray()
        self._head: Answer | None = None
        self._reader: framing.Reader | None = None
        self._body: list[bytes] = []
        kept = pool.take()
        if kept is None:
            self._opening = pool.connect(self)
        else:
            self.backend_is_up(kept)

    def end(self) -> None:
        """Hold no connection any more."""
        opening, self._opening = self._opening, None
        connection, self._connection = self._connection, None
        if opening is not None:
            opening.cancel()
        if connection is not None:
            connection.close()
        if not self.answered.done():
            self.answered.cancel()

    def backend_is_up(self, backend: BackendConnection) -> None:
        """Write the request."""
        self._opening = None
        self._connection, backend.user = backend, self
        backend.write(self._wire)

    def backend_failed(self, why: str) -> None:
        """Give up."""
        self._opening = None
        self._fail(why)

    def backend_data(self, data: bytes) -> None:
        """Take some of the answer."""
        try:
            self._take(data)
        except ProtocolError as error:
            self._fail(f"the answer is no HTTP: {error}")

    def backend_gone(self, why: str) -> None:
        """Try a fresh connection, if a kept one has ended without a word."""
        connection, self._connection = self._connection, None
        if connection is not None and connection.was_used and not self._buffer and self._head is None:
            self._opening = self._pool.connect(self)
        else:
            self._fail(why)

    def backend_is_full(self) -> None:
        """There is nothing more to write."""

    def backend_has_room(self) -> None:
        """There is nothing more to write."""

    def _take(self, data: bytes) -> None:
        if self._reader is None:
            self._buffer += data
            self._read_head()
            data = bytes(self._buffer)
        if self._reader is None:
            if len(data) > self._most:
                raise ProtocolError("its head is too long")
            return
        self._body += self._reader.feed(data)
        if sum(map(len, self._body)) > self._most:
            raise ProtocolError("it is too long")
        if self._reader.done:
            self._finish(self._reader)

    def _read_head(self) -> None:
        while (end := find_end(self._buffer)) >= 0:
            head = read_answer(bytes(self._buffer[:end]))
            del self._buffer[:end]
            if head.status >= _FINAL:
                length = answer_length(head, self._method)
                if length == NO_LENGTH:
                    raise ProtocolError("it has no length")
                self._head, self._reader = head, framing.reader(length)
                return

    def _finish(self, reader: framing.Reader) -> None:
        connection, self._connection, head = self._connection, None, self._head
        if head is None:
            return
        if connection is not None:
            keeps = head.version == HTTP_1_1 and b"close" not in b",".join(head.all(b"connection")).lower()
            if keeps and not reader.rest:
                connection.give_back()
            else:
                connection.close()
        if not self.answered.done():
            self.answered.set_result(OwnAnswer(head.status, b"".join(self._body)))

    def _fail(self, why: str) -> None:
        if not self.answered.done():
            self.answered.set_exception(BackendError(why))
