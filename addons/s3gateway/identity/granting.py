"""A proven login and what it asks for -> the session that it gets, or why none."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from s3gateway.identity.calls import Call, duration, session_name
from s3gateway.identity.login import CLIENT, Login
from s3gateway.identity.model import Role
from s3gateway.identity.policy import read_policy
from s3gateway.identity.roles import meant_by, opened_by, values_for
from s3gateway.identity.session import Session, new_keys
from s3gateway.identity.sts import StsError, access_denied, expired_token
from s3gateway.identity.templates import TemplateError, expanded

_MOST_SHOWN: Final = 2048


def granted(
    call: Call, login: Login, roles: Sequence[Role], longest: int, now: datetime, entropy: bytes, parent: str = ""
) -> Session:
    """Make the session. ``parent`` is the key id of a client that asks for one of its own.

    Raises :class:`~s3gateway.identity.sts.StsError`: AccessDenied where no role is open, MalformedPolicyDocument,
    InvalidParameterValue.
    """
    opened = chosen(call, login, roles)
    if call.get("Policy"):
        read_policy(call.get("Policy"))
    seconds = duration(call, min((longest, *(role.longest_session for role in opened))))
    issued = int(now.timestamp())
    ends = issued + seconds if login.expires is None else min(issued + seconds, int(login.expires.timestamp()))
    if ends <= issued:
        raise expired_token()
    values = values_for(login, opened)
    for role in opened:
        try:
            expanded(role.access, values)
        except TemplateError as error:
            raise access_denied(reason=f"role {role.name}: {error}") from None
    return Session(
        keys=new_keys(entropy),
        source=login.source,
        user=login.user,
        subject=login.subject,
        name=session_name(call, login.user),
        issued=issued,
        expires=ends,
        roles=tuple(role.name for role in opened),
        parent=parent,
        values=values,
        policy=call.get("Policy"),
        backend=login.backend,
    )


def chosen(call: Call, login: Login, roles: Sequence[Role]) -> tuple[Role, ...]:
    """Give the role that was asked for, or without one all that are open; none where a client keeps its own rights."""
    arn = call.get("RoleArn")
    if not roles:
        if login.source == CLIENT:
            return ()
        raise access_denied(reason="no roles are configured, so a login has no rights")
    opened = opened_by(login, roles)
    if not arn:
        if not opened:
            raise access_denied(reason=f"no role is open to {_told(login)}")
        return opened
    role = meant_by(arn, roles)
    if role is None or role not in opened:
        why = "there is no such role" if role is None else f"role {role.name} is not open to {_told(login)}"
        raise _not_authorized(call, why)
    return (role,)


def _not_authorized(call: Call, why: str) -> StsError:
    """403 in AWS's words, which do not say whether there is such a role."""
    arn = call.get("RoleArn")[:_MOST_SHOWN]
    return access_denied(f"Not authorized to perform sts:{call.action} on resource: {arn}", why)


def _told(login: Login) -> str:
    return f"{login.source} {login.subject}"
