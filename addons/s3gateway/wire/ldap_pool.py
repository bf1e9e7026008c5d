"""Connections to the servers of a directory: a few of each kind, kept while they are of use.

Lookups have connections of their own, on which nobody but the lookup account is ever bound. Passwords are proven on
others, on which nothing is ever searched. So no search runs with a user's rights, and none with nobody's.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Final

from s3gateway.identity import ldap_messages, ldap_refusals
from s3gateway.identity.ldap import STARTTLS, LdapSettings, Server
from s3gateway.wire.ldap_connection import DirectoryError, GoneError, LdapConnection

Servers = Callable[[], Awaitable[tuple[Server, ...]]]
"""Gives the servers in the order in which they are to be tried. Raises :class:`DirectoryError`."""

_IDLE_SECONDS: Final = 60.0
"""How long a connection is kept that nobody uses. Firewalls forget idle ones, and tell neither side."""


class Dialer:
    """Opens connections: to the server that worked last, else to the next that works."""

    def __init__(self, settings: LdapSettings, tls: ssl.SSLContext | None, servers: Servers) -> None:
        self._settings = settings
        self._tls = tls
        self._servers = servers
        self._last: Server | None = None

    async def open(self) -> LdapConnection:
        """Give a connection on which nobody is bound. Raises :class:`DirectoryError`."""
        servers = await self._servers()
        problems = []
        for server in sorted(servers, key=lambda one: one != self._last):
            try:
                async with asyncio.timeout(self._settings.timeout / len(servers)):
                    connection = await LdapConnection.open(
                        server, self._tls, start_tls=self._settings.security == STARTTLS
                    )
            except TimeoutError:
                problems.append(f"{server.host}:{server.port}: no connection in time")
            except DirectoryError as error:
                problems.append(f"{server.host}:{server.port}: {error}")
            else:
                self._last = server
                return connection
        raise DirectoryError("; ".join(problems) or "there is no server")

    async def open_for_lookups(self) -> LdapConnection:
        """Give a connection on which the lookup account is bound. Raises :class:`DirectoryError`."""
        connection = await self.open()
        password = self._settings.bind_password
        try:
            result = await connection.bind(self._settings.bind_dn, password.reveal() if password else b"")
            if result.code != ldap_messages.SUCCESS:
                raise DirectoryError(
                    f"the directory refuses the lookup account: {ldap_refusals.lookup_refusal(result.code)}"
                )
        except BaseException:
            connection.close()
            raise
        return connection


class LdapPool:
    """At most ``most`` connections of one kind; each serves one task at a time."""

    def __init__(self, connect: Callable[[], Awaitable[LdapConnection]], most: int) -> None:
        self._connect = connect
        self._places = asyncio.Semaphore(most)
        self._idle: list[tuple[LdapConnection, float]] = []
        self._is_closed = False

    async def use[T](self, work: Callable[[LdapConnection], Awaitable[T]]) -> T:
        """Run ``work`` with a connection: once more with a fresh one, where a kept one has ended without an answer.

        Raises :class:`DirectoryError`, and what ``work`` raises.
        """
        async with self._places:
            kept = self._take()
            if kept is not None:
                try:
                    return await self._run(kept, work)
                except GoneError:
                    pass
            return await self._run(await self._connect(), work)

    def close(self) -> None:
        """Keep none any more; those in use end with what they are used for."""
        self._is_closed = True
        while self._idle:
            self._idle.pop()[0].close()

    async def _run[T](self, connection: LdapConnection, work: Callable[[LdapConnection], Awaitable[T]]) -> T:
        try:
            result = await work(connection)
        except BaseException:  # cancelled, too: an answer may still come, and would be taken for another's
            connection.close()
            raise
        if self._is_closed or not connection.is_open:
            connection.close()
        else:
            self._idle.append((connection, asyncio.get_running_loop().time()))
        return result

    def _take(self) -> LdapConnection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection, since = self._idle.pop()
            if connection.is_open and now - since < _IDLE_SECONDS:
                return connection
            connection.close()
        return None
