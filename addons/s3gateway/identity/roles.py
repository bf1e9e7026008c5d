"""Which roles are open to a login, which one is meant by an ARN, and what of a login a session must carry for them."""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

from s3gateway.identity.distinguished_name import normal_dn
from s3gateway.identity.login import AUDIENCE, CLIENT, LDAP, Login
from s3gateway.identity.model import Role
from s3gateway.identity.templates import USER, names_in
from s3gateway.identity.wildcards import matches

NO_ACCOUNT: Final = "000000000000"
"""The account in ARNs of what has none of its own."""

_ROLE_ARN: Final = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{0,12}:role/(?:[!-~]+/)?([\w+=,.@-]+)")


def opened_by(login: Login, roles: Iterable[Role]) -> tuple[Role, ...]:
    """Give the roles that this login may take, in the order of the configuration."""
    return tuple(role for role in roles if _is_open(role, login))


def meant_by(arn: str, roles: Iterable[Role]) -> Role | None:
    """Find a role by its name or its ARN. One without an ARN of its own has any whose last part is its name."""
    found = _ROLE_ARN.fullmatch(arn)
    name = found[1] if found else arn
    for role in roles:
        if arn and (arn in {role.name, role.arn} or (not role.arn and role.name == name)):
            return role
    return None


def arn_of(role: Role) -> str:
    """Give a role's ARN."""
    return role.arn or f"arn:aws:iam::{NO_ACCOUNT}:role/{role.name}"


def values_for(login: Login, roles: Iterable[Role]) -> Mapping[str, str]:
    """Give what the templates of these roles take from a login; of it, nothing else goes into the session."""
    known = {**login.claims, USER: login.user}
    names = sorted({name for role in roles for name in names_in(role.access)})
    return {name: known[name] for name in names if name in known}


def _is_open(role: Role, login: Login) -> bool:
    if login.source == CLIENT:
        return any(fnmatchcase(login.user, pattern) for pattern in role.clients)
    if login.source == LDAP:
        groups = {normal_dn(group) for group in login.groups}
        return any(normal_dn(group) in groups for group in role.ldap_groups)
    audiences = login.claims.get(AUDIENCE, "").split("\n")
    return any(
        trusted.issuer == login.source
        and (not trusted.audiences or any(matches(one, each) for one in audiences for each in trusted.audiences))
        and any(matches(login.subject, each) for each in trusted.subjects)
        for trusted in role.web_identities
    )
