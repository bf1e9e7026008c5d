"""What a provider of logins tells: who has logged in. A directory and an issuer of web identities tell it alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from s3gateway.sigv4.model import KeyPair, Secret

LDAP: Final = "ldap"
CLIENT: Final = "client"
LOOKUP: Final = "lookup"

AUDIENCE: Final = "aud"
"""The claim that holds the audiences of a web identity; several are separated by line feeds."""


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody whose identity is proven.

    ``source`` is :data:`LDAP`, :data:`CLIENT`, :data:`LOOKUP`, or the URL of the issuer. ``user`` is the name that the
    directory or the issuer has for them, and the value of ``{user}``; never what was typed. ``subject`` is what a
    revocation names: a DN, a ``sub``, a client's name. ``expires`` is the latest end of a session. ``backend`` are
    credentials that the backend's own STS gave for this login; they travel in the sealed session, which ends when they
    do.
    """

    source: str
    user: str
    subject: str
    groups: tuple[str, ...] = ()
    claims: Mapping[str, str] = field(default_factory=dict, repr=False)
    expires: datetime | None = None
    backend: KeyPair | None = None


class Logins(Protocol):
    """Proves passwords and tokens. Raises :class:`~s3gateway.identity.sts.StsError` in all other cases.

    AccessDenied is a wrong one, InvalidIdentityToken one that is not valid here, ExpiredTokenException one that was,
    IDPCommunicationError (503) one that nobody could ask about.
    """

    async def with_password(self, user: str, password: Secret) -> Login:
        """Log in at the directory."""

    async def with_token(self, token: Secret, role_arn: str | None) -> Login:
        """Log in with a web identity token. ``role_arn`` is the role that is asked for, for what depends on it."""
