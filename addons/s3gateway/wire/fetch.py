"""One GET over TLS, for a short document. No redirect is followed, and no proxy of the environment's is used."""

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from s3gateway.config.model import HTTPS_PORT, in_url
from s3gateway.http1 import framing
from s3gateway.http1.head import NO_LENGTH, Answer, ProtocolError, answer_length, find_end, read_answer, write_request
from s3gateway.sigv4.model import Headers

_GET: Final = b"GET"
_FINAL: Final = 200
_READ: Final = 65536


class FetchError(Exception):
    """There was no answer, or none that can be used. The message is for the log."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A whole answer."""

    status: int
    body: bytes = field(repr=False)


async def fetch(url: str, tls: ssl.SSLContext, headers: Headers, *, most: int, seconds: float) -> Fetched:
    """Ask for an https URL; take ``most`` bytes of an answer, head included, and wait ``seconds`` in all.

    Raises :class:`FetchError`.
    """
    try:
        async with asyncio.timeout(seconds):
            return await _fetch(url, tls, headers, most)
    except TimeoutError:
        raise FetchError(f"no answer within {seconds:g} s") from None
    except ssl.SSLCertVerificationError as error:
        raise FetchError(f"its certificate is not trusted ({error.verify_message})") from None
    except (OSError, ssl.SSLError) as error:
        raise FetchError(error.strerror or type(error).__name__) from None
    except ProtocolError as error:
        raise FetchError(f"the answer is no HTTP: {error}") from None


async def _fetch(url: str, tls: ssl.SSLContext, headers: Headers, most: int) -> Fetched:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or HTTPS_PORT
    authority = in_url(host) if port == HTTPS_PORT else f"{in_url(host)}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    own = ((b"Host", authority.encode()), (b"Accept", b"application/json"), (b"Connection", b"close"))
    reader, writer = await asyncio.open_connection(host, port, ssl=tls, server_hostname=host)
    try:
        writer.write(write_request(_GET, target.encode(), (*own, *headers)))
        await writer.drain()
        return await _answer(reader, most)
    finally:
        writer.transport.abort()  # a goodbye of TLS would be waited for


async def _answer(reader: asyncio.StreamReader, most: int) -> Fetched:
    data = bytearray()
    while (head := _head_in(data)) is None:
        data += await _some(reader, most - len(data))
    length = answer_length(head, _GET)
    body_reader = framing.reader(length) if length != NO_LENGTH else framing.LengthReader(most)
    body, left = bytes(data), most
    parts: list[bytes] = []
    while True:
        parts += body_reader.feed(body)
        left -= len(body)
        if body_reader.done:
            return Fetched(head.status, b"".join(parts))
        try:
            body = await _some(reader, left)
        except _EndError:
            if length != NO_LENGTH:
                raise
            return Fetched(head.status, b"".join(parts))


class _EndError(FetchError):
    """The connection has ended."""


async def _some(reader: asyncio.StreamReader, most: int) -> bytes:
    if most <= 0:
        raise FetchError("the answer is too long")
    data = await reader.read(min(most, _READ))
    if not data:
        raise _EndError("the connection ended midway")
    return data


def _head_in(data: bytearray) -> Answer | None:
    """Take the head of the final answer from the front of ``data``, if all of it is there."""
    while (end := find_end(data)) >= 0:
        head = read_answer(bytes(data[:end]))
        del data[:end]
        if head.status >= _FINAL:
            return head
    return None
