"""``roles:`` of the configuration: what sessions may do, and who may have one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any, Final

from s3gateway.config.backend_identity import read_backend_policy
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.ldap import check_dn
from s3gateway.config.patterns import check_client
from s3gateway.config.sts import check_session
from s3gateway.identity.model import SESSION, Role, WebIdentities
from s3gateway.identity.templates import without_templates
from s3gateway.rules.access import Access

_NAME: Final = re.compile(r"[\w+=,.@-]{1,64}", re.ASCII)
_ARN: Final = re.compile(r"arn:[!-~]{16,2040}")

ReadAccess = Callable[[str, Mapping[str, Any]], Access]
"""Reads the rules of a client, or a role, that stand at a path."""


def read_roles(
    entries: Sequence[Mapping[str, Any]], read_access: ReadAccess, clients: Iterable[str]
) -> tuple[Role, ...]:
    """Give the checked list. ``clients`` are the names that the configuration has. Raises :class:`ConfigError`."""
    known = sorted(set(clients))
    roles: dict[str, Role] = {}
    for i, entry in enumerate(entries):
        role = _role(f"roles[{i}]", entry, read_access, known)
        if role.name in roles:
            raise ConfigError(f"roles[{i}].name", f"{quoted(role.name)} is used twice", "give each role its own")
        if role.arn and any(role.arn == other.arn for other in roles.values()):
            raise ConfigError(f"roles[{i}].arn", f"{quoted(role.arn)} is used twice", "give each role its own")
        roles[role.name] = role
    return tuple(roles.values())


def check_role(key: str, pattern: str, roles: Iterable[Role]) -> None:
    """Refuse a pattern that fits no role's name."""
    names = sorted(role.name for role in roles)
    if not any(fnmatchcase(name, pattern) for name in names):
        near = get_close_matches(pattern, names, 1)
        remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names) or 'none'}"
        raise ConfigError(key, f"{quoted(pattern)} matches no role's name", remedy)


def _role(key: str, entry: Mapping[str, Any], read_access: ReadAccess, clients: Sequence[str]) -> Role:
    if not _NAME.fullmatch(entry["name"]):
        remedy = "write up to 64 letters, digits and + = , . @ _ -"
        raise ConfigError(f"{key}.name", f"{quoted(entry['name'])} is no role's name", remedy)
    arn = entry["arn"] or ""
    if arn and not _ARN.fullmatch(arn):
        remedy = "write it like arn:aws:iam::000000000000:role/analysts"
        raise ConfigError(f"{key}.arn", f"{quoted(arn)} is no ARN", remedy)
    web_identities = tuple(
        _web_identities(f"{key}.web_identities[{i}]", each) for i, each in enumerate(entry["web_identities"])
    )
    if not (entry["clients"] or entry["ldap_groups"] or web_identities):
        raise ConfigError(key, "nobody may take it", "name clients, ldap_groups or web_identities")
    for i, group in enumerate(entry["ldap_groups"]):
        check_dn(f"{key}.ldap_groups[{i}]", group)
    for i, pattern in enumerate(entry["clients"]):
        if clients:  # else whoever signs is looked up elsewhere
            check_client(f"{key}.clients[{i}]", pattern, clients)
    access = _access(key, entry, read_access)
    if entry["backend_identity"] == SESSION:
        read_backend_policy(key, entry, access)
    return Role(
        entry["name"],
        access,
        arn,
        tuple(entry["clients"]),
        tuple(entry["ldap_groups"]),
        web_identities,
        check_session(f"{key}.longest_session", entry["longest_session"]),
        entry["backend_identity"],
    )


def _web_identities(key: str, entry: Mapping[str, Any]) -> WebIdentities:
    if not entry["subjects"]:
        raise ConfigError(f"{key}.subjects", "is empty", 'list patterns of subjects, "*" for all of the issuer\'s')
    return WebIdentities(entry["issuer"], tuple(entry["audiences"]), tuple(entry["subjects"]))


def _access(key: str, entry: Mapping[str, Any], read_access: ReadAccess) -> Access:
    """Read the rules. They are checked with a letter in the place of each template."""
    checked = {name: [without_templates(text) for text in entry[name]] for name in ("buckets", "prefixes")}
    for name, texts in checked.items():
        for i, text in enumerate(texts):
            if "{" in text or "}" in text:
                problem = f"{quoted(entry[name][i])} holds a brace that is no template"
                raise ConfigError(f"{key}.{name}[{i}]", problem, "write templates like {user} or {sub}")
    access = read_access(key, {**entry, **checked})
    return Access(
        tuple(entry["buckets"]), tuple(entry["prefixes"]), access.operations, access.read_only, access.list_buckets
    )
