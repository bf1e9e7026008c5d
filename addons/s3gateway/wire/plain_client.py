"""A small HTTP client for what the gateway asks of itself: one request on a connection, and its short answer."""

import asyncio
import re
from asyncio import StreamReader, StreamWriter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from s3gateway.http1 import framing
from s3gateway.http1.head import NO_LENGTH, Answer, ProtocolError, answer_length, find_end, read_answer
from s3gateway.observed.printable import printable

Streams = tuple[StreamReader, StreamWriter]

_MOST: Final = 1024 * 1024
_FINAL: Final = 200
_CODE: Final = re.compile(rb"<Code>([^<]{1,100})</Code>")
_MESSAGE: Final = re.compile(rb"<Message>([^<]{1,500})</Message>")


@dataclass(frozen=True, slots=True)
class PlainAnswer:
    """An answer: status, fields with names in lower case, body. Where there is none ``problem`` says why."""

    status: int
    fields: Mapping[bytes, bytes] = field(repr=False)
    body: bytes = field(repr=False)
    problem: str = ""

    @property
    def code(self) -> str:
        """The S3 error code, if it has one."""
        return _first(_CODE, self.body)

    @property
    def message(self) -> str:
        """What an error document says."""
        return _first(_MESSAGE, self.body)


async def ask(connect: Callable[[], Awaitable[Streams]], method: str, request: bytes) -> PlainAnswer:
    """Send one request over a new connection, and take the answer."""
    try:
        reader, writer = await connect()
    except OSError as error:
        return _nothing(f"no connection ({error.strerror or type(error).__name__})")
    try:
        writer.write(request)
        return await _read(reader, method.encode())
    except ProtocolError as error:
        return _nothing(f"the answer is no HTTP: {error}")
    except OSError as error:
        return _nothing(f"the connection broke ({error.strerror or type(error).__name__})")
    finally:
        writer.transport.abort()  # all has come that was asked for; over TLS a close would wait for the other side
        await asyncio.sleep(0)


async def _read(reader: StreamReader, method: bytes) -> PlainAnswer:
    buffer = bytearray()
    head = await _read_head(reader, buffer)
    while head.status < _FINAL:  # an interim answer
        head = await _read_head(reader, buffer)
    length = answer_length(head, method)
    if length == NO_LENGTH:
        raise ProtocolError("it has no length")
    body = framing.reader(length)
    pieces = body.feed(bytes(buffer))
    while not body.done:
        buffer = bytearray()
        await _more(reader, buffer)
        pieces += body.feed(bytes(buffer))
        if sum(map(len, pieces)) > _MOST:
            raise ProtocolError("it is too long")
    return PlainAnswer(head.status, {name.lower(): value for name, value in head.headers}, b"".join(pieces))


async def _read_head(reader: StreamReader, buffer: bytearray) -> Answer:
    while (end := find_end(buffer)) < 0:
        await _more(reader, buffer)
    head = read_answer(bytes(buffer[:end]))
    del buffer[:end]
    return head


async def _more(reader: StreamReader, buffer: bytearray) -> None:
    data = await reader.read(64 * 1024)
    if not data or len(buffer) > _MOST:
        raise ProtocolError("it ends before its end" if not data else "its head is too long")
    buffer += data


def _nothing(problem: str) -> PlainAnswer:
    return PlainAnswer(0, {}, b"", problem)


def _first(pattern: re.Pattern[bytes], body: bytes) -> str:
    found = pattern.search(body)
    return printable(found[1].decode("utf-8", "replace")) if found else ""
