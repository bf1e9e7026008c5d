"""One health check: a small request on a connection of a backend's pool, and what is wrong with its answer.

A check takes the connections that requests take, over the same TLS, so that it finds out what they would.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from s3gateway.http1 import framing
from s3gateway.http1.head import NO_LENGTH, Answer, ProtocolError, answer_length, find_end, read_answer, write_request
from s3gateway.rules.health import Ask, Checked, judged
from s3gateway.sigv4.model import Headers
from s3gateway.wire.backend_connection import BackendConnection
from s3gateway.wire.backends import Opening, Pool

_MOST: Final = 64 * 1024
"""Bytes of an answer's head. MinIO's have some hundred."""

_FINAL: Final = 200


@dataclass(frozen=True, slots=True)
class Question:
    """A request without a body. ``path`` is how it is called in the log."""

    ask: Ask
    method: bytes
    path: str
    headers: Headers = field(repr=False)  # the signature, the session token


async def check(pool: Pool, question: Question, timeout: float) -> Checked:  # noqa: ASYNC109 - told in the result
    """Ask, and say what came of it within ``timeout`` seconds."""
    probe = _Probe(pool, question)
    try:
        async with asyncio.timeout(timeout):
            answer = await probe.done
    except TimeoutError:
        return Checked(question.ask, f"no answer to {question.path} within {timeout:g} s", is_silent=True)
    except _LostError as error:
        # Whether it can be reached says the check of that alone: of the quorum this says nothing.
        return Checked(question.ask, str(error), is_silent=question.ask is not Ask.LIVE)
    except ProtocolError:
        return Checked(question.ask, f"{question.path} answered with what is no HTTP: is that the S3 server itself?")
    finally:
        probe.drop()
    content_type, server = (b",".join(answer.all(name)) for name in (b"content-type", b"x-minio-server-status"))
    return Checked(question.ask, judged(question.ask, question.path, answer.status, content_type, server))


class _LostError(Exception):
    """The connection could not be made, or ended before an answer; the message says why."""


class _Probe:
    """A :class:`~s3gateway.wire.backend_connection.User` of one request. ``done`` gives the answer's head."""

    def __init__(self, pool: Pool, question: Question) -> None:
        self.done: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pool, self._question = pool, question
        self._buffer = bytearray()
        self._backend: BackendConnection | None = None
        self._opening: Opening | None = None
        self._begin(pool.take())

    def drop(self) -> None:
        """Hold no connection any more."""
        backend, self._backend = self._backend, None
        opening, self._opening = self._opening, None
        if backend is not None:
            backend.close()
        if opening is not None:
            opening.cancel()

    def _begin(self, backend: BackendConnection | None) -> None:
        if backend is None:
            self._opening = self._pool.connect(self)
        else:
            self.backend_is_up(backend)

    def backend_is_up(self, backend: BackendConnection) -> None:
        """Ask."""
        self._opening = None
        self._backend, backend.user = backend, self
        question = self._question
        backend.write(write_request(question.method, question.path.encode(), question.headers))

    def backend_failed(self, why: str) -> None:
        """There is no connection."""
        self._opening = None
        self._fail(_LostError(why))

    def backend_data(self, data: bytes) -> None:
        """Take some of the answer."""
        self._buffer += data
        try:
            self._read()
        except ProtocolError as error:
            self._fail(error)

    def backend_gone(self, why: str) -> None:
        """Ask anew where a kept connection was just ending; else that is the answer."""
        backend, self._backend = self._backend, None
        if backend is not None and backend.was_used and not self._buffer:
            self._begin(None)
        else:
            self._fail(_LostError(f"{why} at {self._question.path}"))

    def backend_is_full(self) -> None:
        """A check is no longer than a line."""

    def backend_has_room(self) -> None:
        """Nothing waits."""

    def _read(self) -> None:
        while (end := find_end(self._buffer)) >= 0:
            answer = read_answer(bytes(self._buffer[:end]))
            del self._buffer[:end]
            if answer.status >= _FINAL:
                self._take(answer)
                return
        if len(self._buffer) > _MOST:
            raise ProtocolError("an answer's head is too long")

    def _take(self, answer: Answer) -> None:
        """Take the head; a connection that has no more to come can serve a request."""
        length = answer_length(answer, self._question.method)
        if length != NO_LENGTH:
            body = framing.reader(length)
            body.feed(bytes(self._buffer))
            keeps = body.done and not body.rest and b"close" not in b",".join(answer.all(b"connection")).lower()
            if keeps and self._backend is not None:
                self._backend.give_back()
                self._backend = None
        if not self.done.done():
            self.done.set_result(answer)

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
