"""How often anybody may try to log in."""

from datetime import datetime
from typing import Final

from s3gateway import errors
from s3gateway.identity.sts import throttled
from s3gateway.rules.connections import origin
from s3gateway.rules.rate import Rates

_MOST_COUNTED: Final = 16_384
"""Addresses and user names whose logins are counted; strangers choose both."""


class LoginRates:
    """How often an address may log in, and passwords of one user be tried."""

    def __init__(self) -> None:
        self._addresses = Rates(_MOST_COUNTED)
        self._users = Rates(_MOST_COUNTED)

    def charge(self, address: str, user: str, per_address: float, per_user: float, now: datetime) -> None:
        """Count one. ``user`` may be empty. Raises Throttling."""
        try:
            self._addresses.charge(origin(address), per_address, now)
            if user:
                self._users.charge(user.casefold(), per_user, now)
        except errors.S3Error:
            raise throttled() from None
