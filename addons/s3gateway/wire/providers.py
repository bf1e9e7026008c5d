"""Everybody whom the configuration lets log in: users of its directory, and bearers of its issuers' tokens."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING

from s3gateway.config.model import Config
from s3gateway.identity import sts
from s3gateway.identity.ldap import INSECURE, LdapSettings
from s3gateway.identity.login import Login
from s3gateway.sigv4.model import Secret
from s3gateway.wire.contexts import for_peer
from s3gateway.wire.directory import Directory
from s3gateway.wire.issuers import Issuers
from s3gateway.wire.remote_keys import RemoteKeys, Terms

if TYPE_CHECKING:
    from s3gateway.identity.issuer import Issuer


class Providers:
    """The :class:`~s3gateway.identity.login.Logins` of the configuration in force, which ``config`` gives.

    One that is replaced ends the connections that were for the old one; logins under way go on to their end.
    """

    def __init__(self, config: Callable[[], Config]) -> None:
        self._config = config
        self._ldap: LdapSettings | None = None
        self._directory: Directory | None = None
        self._keys: RemoteKeys | None = None
        self._trusted: tuple[Issuer, ...] = ()
        self._issuers: Issuers | None = None

    async def with_password(self, user: str, password: Secret) -> Login:
        """Log in at the directory. Raises :class:`~s3gateway.identity.sts.StsError`."""
        directory = self.directory
        if directory is None:
            raise sts.access_denied(reason="no directory is configured: set ldap.server_addr")
        return await directory.with_password(user, password)

    async def with_token(self, token: Secret, role_arn: str | None) -> Login:
        """Log in with a web identity token. Raises :class:`~s3gateway.identity.sts.StsError`."""
        trusted = self._config().web_identity
        if not trusted:
            raise sts.access_denied(reason="no issuer is configured: set web_identity")
        if self._issuers is None or trusted != self._trusted:
            if self._issuers is not None:
                self._issuers.close()
            self._trusted, self._issuers = trusted, Issuers(trusted, lambda issuer: for_peer(issuer.ca_file))
        return await self._issuers.with_token(token, role_arn)

    @property
    def directory(self) -> Directory | None:
        """The directory that is configured, if one is."""
        ldap = self._config().ldap
        if ldap is not self._ldap:
            self._turn_to(ldap)
        return self._directory

    @property
    def keys(self) -> RemoteKeys | None:
        """The access keys of the directory's entries, if they are to be looked up."""
        return self._keys if self.directory else None

    def stop(self) -> None:
        """Ask nobody any more."""
        self._turn_to(None)
        if self._issuers is not None:
            self._issuers.close()

    def _turn_to(self, ldap: LdapSettings | None) -> None:
        if self._keys is not None:
            self._keys.stop()
        if self._directory is not None:
            self._directory.close()
        self._ldap, self._directory, self._keys = ldap, None, None
        if ldap is not None:
            self._directory = Directory(ldap, _tls_of(ldap))
            if ldap.keys is not None:
                terms = Terms(ldap.keys.cache, ldap.keys.negative_cache, ldap.keys.per_second)
                self._keys = RemoteKeys(self._directory.with_key, terms, asyncio.get_running_loop().time)


def _tls_of(ldap: LdapSettings) -> ssl.SSLContext | None:
    return None if ldap.security == INSECURE else for_peer(ldap.ca_file, verifies=ldap.verifies)
