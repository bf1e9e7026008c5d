"""A key that somebody else knows -> the client that it is of, under the configuration in force.

A user of ``lookup`` may do what the first of its ``rights`` says that is for them; one of a directory what the roles
say that are open to them. Without one, nothing.
"""

from s3gateway import errors, session_client
from s3gateway.config.model import Client, Config
from s3gateway.identity.login import LOOKUP
from s3gateway.identity.remote_keys import FoundKey
from s3gateway.identity.rights import SessionAccess
from s3gateway.identity.roles import opened_by, values_for
from s3gateway.rules.access import Access
from s3gateway.sigv4.model import KeyPair


def of_key(access_key_id: str, found: FoundKey, config: Config) -> Client:
    """Give the client."""
    keys, login = KeyPair(access_key_id, found.secret), found.login
    if login.source == LOOKUP:
        rights = config.lookup.rights if config.lookup is not None else ()
        access = next((right.access for right in rights if right.is_for(login)), Access(()))
        return Client(login.user, keys, access, login=login)
    roles = opened_by(login, config.roles)
    names, values = tuple(role.name for role in roles), values_for(login, roles)
    allowed = session_client.allowed_by(names, values, config)
    try:
        policy = session_client.policy_at_backend(names, allowed, config, has_own=False)
    except errors.S3Error:  # the backend cannot be told what it may do, or who it is
        allowed, policy = (), ""
    return Client(login.user, keys, SessionAccess(allowed), names, login=login, backend_policy=policy)
