"""Everybody whom the configuration lets log in, and who knows access keys that it does not name."""

import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from s3gateway.config.model import Config, LookupProvider
from s3gateway.identity import sts
from s3gateway.identity.ldap import INSECURE, LdapSettings
from s3gateway.identity.login import Login
from s3gateway.sigv4.model import Secret
from s3gateway.wire.clock import Clock
from s3gateway.wire.contexts import for_peer
from s3gateway.wire.directory import Directory
from s3gateway.wire.issuers import Issuers
from s3gateway.wire.lookup import Lookup
from s3gateway.wire.remote_keys import KeyProvider

if TYPE_CHECKING:
    from s3gateway.identity.issuer import Issuer


class Providers:
    """The :class:`~s3gateway.identity.login.Logins` of the configuration in force, which ``config`` gives.

    One that is replaced ends the connections that were for the old one; logins under way go on to their end.
    """

    def __init__(self, config: Callable[[], Config], clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._ldap: LdapSettings | None = None
        self._directory: Directory | None = None
        self._asked: LookupProvider | None = None
        self._lookup: Lookup | None = None
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
    def lookup(self) -> Lookup | None:
        """Who is asked for keys by HTTP, if anybody is."""
        asked = self._config().lookup
        if asked is not self._asked:
            self._turn_lookup_to(asked)
        return self._lookup

    def of_keys(self) -> tuple[KeyProvider, ...]:
        """Give those who know keys, in the order in which they are asked."""
        lookup, directory, ldap = self.lookup, self.directory, self._config().ldap
        found = [lookup.key_provider] if lookup is not None else []
        if directory is not None and ldap is not None and ldap.keys is not None:
            same = replace(ldap, bind_password=None)  # with another password they are the same entries
            found.append(
                KeyProvider("the directory", "ldap.keys_per_second", ldap.keys.terms, same, directory.with_key)
            )
        return tuple(found)

    def check(self, now: float) -> None:
        """Let go of connections that nobody has used for long."""
        if self._lookup is not None:
            self._lookup.check(now)

    def stop(self) -> None:
        """Ask nobody any more."""
        self._turn_to(None)
        self._turn_lookup_to(None)
        if self._issuers is not None:
            self._issuers.close()

    def _turn_to(self, ldap: LdapSettings | None) -> None:
        if self._directory is not None:
            self._directory.close()
        self._ldap, self._directory = ldap, Directory(ldap, _tls_of(ldap)) if ldap is not None else None

    def _turn_lookup_to(self, provider: LookupProvider | None) -> None:
        if self._lookup is not None:
            self._lookup.close()
        self._asked, self._lookup = provider, Lookup(provider, self._clock) if provider is not None else None


def _tls_of(ldap: LdapSettings) -> ssl.SSLContext | None:
    return None if ldap.security == INSECURE else for_peer(ldap.ca_file, verifies=ldap.verifies)
