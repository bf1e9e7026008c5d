"""One connection to an LDAP directory on asyncio: one operation at a time, TLS from the first byte or by StartTLS."""

import asyncio
import ssl
from contextlib import suppress
from typing import Final, Self

from s3gateway.identity import ldap_messages
from s3gateway.identity.ldap import Entry, Search, Server
from s3gateway.identity.ldap_messages import MessageError, Messages, Received, Result

_READ: Final = 1024 * 1024
"""Bytes: more than a StreamReader holds, so that none is left behind in it."""


class DirectoryError(Exception):
    """The directory cannot be asked now, or does not answer as one. The message is for the log."""


class GoneError(DirectoryError):
    """The connection ended before anything was answered: one that was kept for a while may have been idle too long."""


class TooManyError(Exception):
    """A search has found more entries than were wanted; ``entries`` are those that came."""

    def __init__(self, message: str, entries: list[Entry]) -> None:
        super().__init__(message)
        self.entries = entries


class LdapConnection:
    """An open connection. An operation that does not end (its time is over) leaves it of no use: close it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._messages = Messages()
        self._number = 0

    @classmethod
    async def open(cls, server: Server, tls: ssl.SSLContext | None, *, start_tls: bool) -> Self:
        """Connect; ``tls`` verifies the directory. Raises :class:`DirectoryError`."""
        at_once = None if start_tls else tls
        name = server.host if tls else None
        try:
            streams = await asyncio.open_connection(
                server.host, server.port, ssl=at_once, server_hostname=name if at_once else None
            )
        except (OSError, ssl.SSLError) as error:
            raise DirectoryError(f"no connection: {_reason(error)}") from None
        connection = cls(*streams)
        try:
            if start_tls and tls is not None:
                await connection.start_tls(tls, server)
        except BaseException:
            connection.close()
            raise
        return connection

    @property
    def is_open(self) -> bool:
        """Whether the directory has not ended it."""
        return not self._reader.at_eof() and not self._writer.is_closing() and self._messages.is_empty

    async def bind(self, dn: str, password: bytes) -> Result:
        """Bind; both empty is anonymous. Raises :class:`DirectoryError`."""
        _, result = await self._ask(ldap_messages.bind(self._next(), dn, password), 0)
        return result

    async def search(self, search: Search, seconds: float) -> list[Entry]:
        """Give the entries. Raises :class:`DirectoryError` where there are more than wanted, as for any other end."""
        entries, result = await self._ask(ldap_messages.search(self._next(), search, seconds), search.most)
        if result.code == ldap_messages.SIZE_LIMIT_EXCEEDED:
            raise TooManyError(f"more than {len(entries)} entries below {search.base!r}", entries)
        if result.code != ldap_messages.SUCCESS:
            raise DirectoryError(f"a search below {search.base!r} ended with result {result.code}")
        return entries

    def close(self) -> None:
        """End it, with a word to the directory; the answer to a goodbye of TLS is not waited for."""
        if not self._writer.is_closing():
            with suppress(OSError, RuntimeError):
                self._writer.write(ldap_messages.unbind(self._next()))
        self._writer.transport.abort()

    async def start_tls(self, tls: ssl.SSLContext, server: Server) -> None:
        """Go on over TLS. Raises :class:`DirectoryError`."""
        _, result = await self._ask(ldap_messages.start_tls(self._next()), 0)
        if result.code != ldap_messages.SUCCESS:
            raise DirectoryError(f"it does not take StartTLS (result {result.code})")
        try:
            await self._writer.start_tls(tls, server_hostname=server.host)
        except (OSError, ssl.SSLError) as error:
            raise DirectoryError(f"no TLS: {_reason(error)}") from None

    async def _ask(self, message: bytes, most: int) -> tuple[list[Entry], Result]:
        entries: list[Entry] = []
        is_answered = False
        try:
            self._writer.write(message)
            await self._writer.drain()
            while True:
                data = await self._reader.read(_READ)
                if not data:
                    raise GoneError("the connection ended") if not is_answered else DirectoryError("it ended midway")
                is_answered = True
                result = self._take_all(self._messages.feed(data), entries, most)
                if result is not None:
                    return entries, result
        except OSError as error:
            raise GoneError(f"the connection broke: {_reason(error)}") from None
        except MessageError as error:
            raise DirectoryError(str(error)) from None

    def _take_all(self, messages: list[Received], entries: list[Entry], most: int) -> Result | None:
        """Take what came. Nothing may follow a result: before TLS it would be somebody's in between."""
        result = None
        for received in messages:
            if result is not None:
                raise DirectoryError("an answer that was not asked for came")
            result = self._take(received, entries)
            if entries and not most:
                raise DirectoryError("an entry that was not asked for came")
            if len(entries) > most:
                raise TooManyError(f"more than {most} entries", entries)
        if result is not None and not self._messages.is_empty:
            raise DirectoryError("an answer that was not asked for came")
        return result

    def _take(self, received: Received, entries: list[Entry]) -> Result | None:
        if received.number == 0:  # RFC 4511 §4.4.1: it is about to end the connection
            raise GoneError("the directory ends the connection")
        if received.number != self._number:
            raise DirectoryError("an answer to another request came")
        if isinstance(received.content, Entry):
            entries.append(received.content)
            return None
        return received.content

    def _next(self) -> int:
        self._number += 1
        return self._number


def _reason(error: Exception) -> str:
    """Tell in a few words, without the addresses that asyncio repeats."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, ssl.SSLError):
        return (error.reason or "the TLS handshake failed").replace("_", " ").lower()
    return getattr(error, "strerror", None) or type(error).__name__
