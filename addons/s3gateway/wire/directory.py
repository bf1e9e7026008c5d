"""Logins and keys that an LDAP directory knows, asked for on asyncio: a slow directory keeps nobody else waiting."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Iterable
from functools import partial
from typing import Final

from s3gateway.identity import ldap, ldap_messages, ldap_refusals, sts
from s3gateway.identity.ldap import Entry, HeldKey, LdapSettings, Search, Server, UnusableError, User
from s3gateway.identity.login import LDAP, Login
from s3gateway.identity.remote_keys import CannotAskError, FoundKey
from s3gateway.sigv4.model import Secret
from s3gateway.wire.ldap_connection import DirectoryError, LdapConnection, TooManyError
from s3gateway.wire.ldap_pool import Dialer, LdapPool, Servers

logger = logging.getLogger(__name__)

_DENIED: Final = "Access denied"


class Directory:
    """One directory. ``tls`` verifies its servers; None where nothing is encrypted."""

    def __init__(self, settings: LdapSettings, tls: ssl.SSLContext | None, servers: Servers | None = None) -> None:
        self._settings = settings
        dialer = Dialer(settings, tls, servers or _servers_of(settings))
        self._lookups = LdapPool(dialer.open_for_lookups, settings.connections)
        self._proofs = LdapPool(dialer.open, settings.connections)

    def close(self) -> None:
        """Keep no connection any more."""
        self._lookups.close()
        self._proofs.close()

    async def with_password(self, name: str, password: Secret) -> Login:
        """Log in. Raises :class:`~s3gateway.identity.sts.StsError`.

        An unknown name and a wrong password are told alike; what was wrong is in the log.
        """
        if not password:  # RFC 4513 §5.1.2: with a name and no password a directory binds nobody, and says success
            raise sts.access_denied(_DENIED, "an empty password")
        return await self._told(self._log_in(name, password))

    async def with_key(self, access_key_id: str) -> FoundKey | None:
        """Give an access key that an entry holds; None where none does.

        Raises :class:`~s3gateway.identity.remote_keys.CannotAskError`.
        """
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await self._find_key(access_key_id)
        except UnusableError as error:
            logger.info("access key not taken from the directory: %s", error)
            return None
        except TimeoutError:
            raise CannotAskError(self._late) from None
        except DirectoryError as error:
            raise CannotAskError(str(error)) from None

    @property
    def _late(self) -> str:
        return f"the directory gave no answer within {self._settings.timeout:g} s"

    async def _told(self, login: Awaitable[Login]) -> Login:
        """Wait for a login, and say in the client's words how it went."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                return await login
        except UnusableError as error:
            raise sts.access_denied(_DENIED, str(error)) from None
        except TimeoutError:
            raise sts.provider_unavailable(self._late) from None
        except DirectoryError as error:
            raise sts.provider_unavailable(str(error)) from None

    async def _log_in(self, name: str, password: Secret) -> Login:
        ldap.check_name(name)
        entries = await self._search(ldap.user_searches(self._settings, name))
        user = ldap.the_user(self._settings, entries, name)
        await self._proofs.use(partial(_prove, user, password))
        return await self._login_of(user)

    async def _find_key(self, access_key_id: str) -> FoundKey:
        ldap.check_name(access_key_id)
        entries = await self._search(ldap.key_searches(self._settings, access_key_id))
        held: HeldKey = ldap.the_key(self._settings, entries, access_key_id)
        return FoundKey(held.secret, await self._login_of(held.user))

    async def _login_of(self, user: User) -> Login:
        try:
            entries = await self._search(ldap.group_searches(self._settings, user), all_of_them=True)
        except TooManyError:
            raise UnusableError(f"{user.dn} is in more than {ldap.MOST_GROUPS} groups that the filter finds") from None
        return Login(LDAP, user.name, user.dn, ldap.groups_of(entries), user.claims)

    async def _search(self, searches: Iterable[Search], *, all_of_them: bool = False) -> list[Entry]:
        entries: list[Entry] = []
        for search in searches:
            try:
                entries += await self._lookups.use(partial(self._search_once, search))
            except TooManyError as error:
                if all_of_them:
                    raise
                entries += error.entries
        return entries

    async def _search_once(self, search: Search, connection: LdapConnection) -> list[Entry]:
        return await connection.search(search, self._settings.timeout)


async def _prove(user: User, password: Secret, connection: LdapConnection) -> None:
    """Bind as the user. Raises :class:`~s3gateway.identity.ldap.UnusableError`, or DirectoryError."""
    result = await connection.bind(user.dn, password.reveal())
    if result.code == ldap_messages.SUCCESS:
        return
    why = ldap_refusals.refusal(result.code, result.diagnostic)
    if why is None:
        raise DirectoryError(f"a bind ended with result {result.code}")
    raise UnusableError(f"{user.dn}: {why}")


def _servers_of(settings: LdapSettings) -> Servers:
    if settings.srv_record:
        from s3gateway.wire.srv_records import SrvRecords  # noqa: PLC0415 - dnspython takes 3 MB, which few need

        return SrvRecords(settings.srv_record, settings.timeout)

    async def named() -> tuple[Server, ...]:
        return settings.servers

    return named
