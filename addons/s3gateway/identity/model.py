"""Roles, and who may take them; revocations. Values of the configuration."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from s3gateway.rules.access import Access

SHARED: Final = "shared"
SESSION: Final = "session"
AS_USER: Final = "as_user"
"""Whose hand reaches the backend: the gateway's own key, a session that the rules narrow, or the user's own login."""

SHORTEST_SESSION: Final = 900
LONGEST_SESSION: Final = 43_200
USUAL_SESSION: Final = 3600
"""Seconds, all three AWS's own (AWS STS API Reference, "AssumeRole")."""


@dataclass(frozen=True, slots=True)
class WebIdentities:
    """Web identities that may take a role: of this issuer, for one of the audiences, with one of the subjects.

    Audiences and subjects are patterns (``*``, ``?``); without audiences any counts that the issuer's own rules take.
    """

    issuer: str
    audiences: tuple[str, ...]
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Role:
    """What a session may do, and who may have one: clients (patterns), members of directory groups, web identities.

    ``access`` may hold ``{templates}`` in buckets and prefixes. ``longest_session`` is in seconds.
    """

    name: str
    access: Access
    arn: str = ""
    clients: tuple[str, ...] = ()
    ldap_groups: tuple[str, ...] = ()
    web_identities: tuple[WebIdentities, ...] = ()
    longest_session: int = LONGEST_SESSION
    backend_identity: str | None = None

    @property
    def takes_logins(self) -> bool:
        """Whether others than clients may take it, so that sessions have users whom the configuration does not name."""
        return bool(self.ldap_groups or self.web_identities)


@dataclass(frozen=True, slots=True)
class Revocation:
    """Sessions of ``subject`` (or user, a pattern) that were issued before a moment are void."""

    subject: str
    before: datetime
