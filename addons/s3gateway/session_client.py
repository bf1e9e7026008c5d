"""Key id and session token -> the client that they are of: one of the configuration, or a session's.

A session becomes a :class:`~s3gateway.config.model.Client` of its own, so that everything behind stays as it is. What
a token holds is looked up under the configuration in force: a role that has changed, or gone, changes running sessions.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

from s3gateway import errors
from s3gateway.config.model import Client, Config, Sts
from s3gateway.identity.backend_policy import PolicyError, policy_of
from s3gateway.identity.login import CLIENT, LDAP
from s3gateway.identity.model import AS_USER, SESSION
from s3gateway.identity.policy import Policy, read_policy
from s3gateway.identity.rights import SessionAccess
from s3gateway.identity.session import Session, expired_token, invalid_token, unseal
from s3gateway.identity.sts import StsError
from s3gateway.identity.templates import TemplateError, expanded
from s3gateway.identity.wildcards import matches
from s3gateway.rules.access import Access, Rights
from s3gateway.sigv4.claim import Claim

MOST_OPENED: Final = 4096
"""Sessions that are kept opened; the oldest go first, and are opened again when they come."""


def find(claimed: Claim, config: Config, now: datetime) -> Client:
    """Find who claims to have signed; nothing is proven.

    Raises InvalidAccessKeyId (403), and InvalidToken or ExpiredToken (400): at the last one SDKs get a new session.
    """
    client = config.clients.get(claimed.access_key_id)
    token = claimed.session_token
    if client is not None:
        if token is not None:
            raise invalid_token("a session token came with the access key of a client, which has none")
        return client
    if token is None or config.sts is None:
        raise errors.unknown_access_key(claimed.access_key_id)
    return _in_force(_opened(token, config.sts, config), claimed.access_key_id, now)


def name_of(claimed: Claim, config: Config) -> str:
    """Name the user of a session, expired or not; empty where its token does not open. For the log."""
    with suppress(errors.S3Error):
        if claimed.session_token is not None and config.sts is not None:
            return _opened(claimed.session_token, config.sts, config).name
    return ""


def _in_force(client: Client, access_key_id: str, now: datetime) -> Client:
    session = client.session
    if session is None or session.keys.access_key_id != access_key_id:
        raise invalid_token("the session token is that of another access key")
    if now.timestamp() >= session.expires:
        raise expired_token("the session has ended")
    return client


def _opened(token: bytes, sts: Sts, config: Config) -> Client:
    """Open a token, once under one configuration."""
    client = sts.opened.get(token)
    if client is None:
        client = _client(unseal(token, sts.ring), config)
        if len(sts.opened) >= MOST_OPENED:
            del sts.opened[next(iter(sts.opened))]
        sts.opened[token] = client
    return client


def _client(session: Session, config: Config) -> Client:
    if config.sts is not None and _is_revoked(session, config.sts):
        raise expired_token("the session is one of sts.revoked")
    allowed = allowed_by(session.roles, session.values, config) if session.roles else (_of_parent(session, config),)
    policy = _policy(session)
    access: Rights = allowed[0] if len(allowed) == 1 and policy is None else SessionAccess(allowed, policy)
    at_backend = _at_backend(session, allowed, config)
    return Client(session.user, session.keys, access, session.roles, session, backend_policy=at_backend)


def _at_backend(session: Session, allowed: tuple[Access, ...], config: Config) -> str:
    """Give the policy of its session at the backend, as :func:`policy_at_backend` does; a client's is the client's."""
    if not session.roles:
        return _parent(session, config).backend_policy
    return policy_at_backend(session.roles, allowed, config, has_own=session.backend is not None)


def policy_at_backend(names: tuple[str, ...], allowed: tuple[Access, ...], config: Config, *, has_own: bool) -> str:
    """Give the policy under which requests of these roles reach the backend.

    Empty for the shared key, or the login's own credentials, if it ``has_own``. Where roles differ the strictest one
    counts. A session policy narrows here alone. Raises AccessDenied where none is possible.
    """
    wanted = {role.backend_identity for role in config.roles if role.name in names}
    if AS_USER in wanted:
        if not has_own:
            raise errors.access_denied(reason="its role is as_user, and the backend has given its login no credentials")
        return ""
    if SESSION not in wanted:
        return ""
    try:
        return policy_of(*allowed)
    except PolicyError as error:
        raise errors.access_denied(reason=f"the session's rules {error}") from None


def _policy(session: Session) -> Policy | None:
    if not session.policy:
        return None
    try:
        return read_policy(session.policy)
    except StsError:  # another version of the gateway has understood more
        raise invalid_token("the session's policy is not understood here") from None


def allowed_by(names: tuple[str, ...], values: Mapping[str, str], config: Config) -> tuple[Access, ...]:
    """Give what these roles allow now; one that is gone, or lacks a value of the login's, allows nothing."""
    allowed = []
    for role in config.roles:
        if role.name in names:
            with suppress(TemplateError):
                allowed.append(expanded(role.access, values))
    return tuple(allowed)


def _of_parent(session: Session, config: Config) -> Access:
    """Give what the client allows whose session it is: by its key id, or by its name once that key has gone."""
    access = _parent(session, config).access
    if not isinstance(access, Access):
        raise expired_token("the client whose session it is has gone")
    return access


def _parent(session: Session, config: Config) -> Client:
    known = config.clients.get(session.parent)
    found = [known] if known else [each for each in config.clients.values() if each.name == session.subject]
    if session.source != CLIENT or len({(each.access, each.backend_policy) for each in found}) != 1:
        raise expired_token("the client whose session it is has gone")
    return found[0]


def _is_revoked(session: Session, sts: Sts) -> bool:
    names = [session.subject, session.user]
    if session.source == LDAP:
        names = [name.casefold() for name in names]
    return any(
        session.issued < revoked.before.timestamp()
        and any(
            matches(name, revoked.subject.casefold() if session.source == LDAP else revoked.subject) for name in names
        )
        for revoked in sts.revoked
    )
