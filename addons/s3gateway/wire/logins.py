"""How often anybody may try to log in."""

import re
from datetime import datetime
from typing import Final

from s3gateway import errors
from s3gateway.identity.sts import throttled
from s3gateway.rules.connections import origin
from s3gateway.rules.rate import Rates, Shared

_WITH_PORT: Final = re.compile(r"\[([^]]+)\]:[0-9]+|([^:]+):[0-9]+")
_MOST_COUNTED: Final = 16_384
"""Addresses and user names whose logins are counted; strangers choose both."""


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
