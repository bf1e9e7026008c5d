"""Who proves passwords and web identity tokens, and how often anybody may try."""

import re
from datetime import datetime
from typing import Final

from s3gateway import errors
from s3gateway.identity.login import Login
from s3gateway.identity.sts import access_denied, throttled
from s3gateway.rules.connections import origin
from s3gateway.rules.rate import Rates, Shared
from s3gateway.sigv4.model import Secret

_WITH_PORT: Final = re.compile(r"\[([^]]+)\]:[0-9]+|([^:]+):[0-9]+")
_MOST_COUNTED: Final = 16_384
"""Addresses and user names whose logins are counted; strangers choose both."""


class NoLogins:
    """No provider is configured: every login is refused, and the log says what to set."""

    async def with_password(self, user: str, password: Secret) -> Login:
        """Refuse."""
        del user, password
        raise access_denied(reason="no directory is configured: set ldap.server")

    async def with_token(self, token: Secret, role_arn: str | None) -> Login:
        """Refuse."""
        del token, role_arn
        raise access_denied(reason="no issuer is configured: set web_identity")


class LoginRates:
    """How often an address may log in, and passwords of one user be tried; at all workers together where ``shared``."""

    def __init__(self, shared: Shared | None = None) -> None:
        self._addresses = Rates(shared, _MOST_COUNTED)
        self._users = Rates(shared, _MOST_COUNTED)

    def charge(self, address: str, user: str, per_address: float, per_user: float, now: datetime) -> None:
        """Count one. ``user`` may be empty. Raises Throttling."""
        try:
            self._addresses.charge(f"login from {origin(_host(address))}", per_address, now)
            if user:
                self._users.charge(f"login of {user.casefold()}", per_user, now)
        except errors.S3Error:
            raise throttled() from None


def _host(address: str) -> str:
    """Take the port off an address as the log has it: ``192.0.2.7:5000``, ``[2001:db8::7]:5000``."""
    found = _WITH_PORT.fullmatch(address)
    return found[1] or found[2] if found else address
