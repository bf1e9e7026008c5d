"""What is asked of an LDAP directory, and what its answers mean. Sans-IO; :mod:`s3gateway.wire.directory` asks.

Two models. A user logs in with name and password: the lookup account finds the one entry of that name, the password is
proven by a bind as that entry, and the lookup account finds the entry's groups. Or entries hold an access key and its
secret, and requests are signed with them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from s3gateway.identity.distinguished_name import DnError, normal_dn
from s3gateway.identity.ldap_filter import FilterTemplate
from s3gateway.identity.remote_keys import Terms
from s3gateway.sigv4.model import Secret

LDAPS: Final = "ldaps"
STARTTLS: Final = "starttls"
INSECURE: Final = "insecure"

NO_ATTRIBUTES: Final = ("1.1",)
"""RFC 4511 §4.5.1.8: only the names of entries are wanted."""

MOST_GROUPS: Final = 1000
"""Of one user; as many as Active Directory gives at once."""

_LONGEST_NAME: Final = 256
"""Characters of a user name, and of an access key."""


class UnusableError(Exception):
    """An entry, or a name, with which nobody is logged in. The message is for the log, never for the client."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where a directory listens."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Keys:
    """The second model: entries that ``filter`` finds by an access key (``%s``) hold it, and its secret."""

    bases: tuple[str, ...]
    filter: FilterTemplate
    access_key_attribute: str
    secret_key_attribute: str
    terms: Terms


@dataclass(frozen=True, slots=True)
class LdapSettings:
    """A directory, and how its entries are read. ``srv_record`` is asked for servers where it is not empty.

    ``security`` is one of :data:`LDAPS`, :data:`STARTTLS`, :data:`INSECURE`. Without ``bind_dn`` lookups are anonymous.
    ``timeout`` is in seconds and for a whole login; ``connections`` is the most of each of the two kinds.
    """

    servers: tuple[Server, ...]
    srv_record: str
    security: str
    ca_file: Path | None
    verifies: bool
    bind_dn: str
    bind_password: Secret | None
    user_bases: tuple[str, ...]
    user_filter: FilterTemplate | None
    user_attribute: str
    attributes: tuple[str, ...]
    group_bases: tuple[str, ...]
    group_filter: FilterTemplate | None
    keys: Keys | None
    timeout: float
    connections: int


@dataclass(frozen=True, slots=True)
class Search:
    """One search of a whole subtree; ``most`` entries are wanted."""

    base: str
    filter: str
    attributes: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry: its name as the directory writes it, and the values of its attributes by lower-case name."""

    dn: str
    attributes: Mapping[str, tuple[bytes, ...]] = field(repr=False)

    def texts(self, attribute: str) -> tuple[str, ...]:
        """The values under exactly this name that are text."""
        values = self.attributes.get(attribute.lower(), ())
        return tuple(value.decode() for value in values if _is_text(value))


@dataclass(frozen=True, slots=True)
class User:
    """Who was found: ``name`` is the directory's own, ``claims`` the attributes that have one value."""

    dn: str
    name: str
    claims: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HeldKey:
    """An access key that an entry holds."""

    secret: Secret
    user: User


def check_name(name: str) -> None:
    """Raise :class:`UnusableError` for what no user and no access key is called, before anybody is asked."""
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise UnusableError("the name is empty, too long, or holds what cannot be printed")


def user_searches(directory: LdapSettings, name: str) -> tuple[Search, ...]:
    """Give the searches for the entry of this user, one for each base. Two entries are enough to know too many."""
    if directory.user_filter is None:
        raise UnusableError("ldap.user_dn_search_filter is not set: no user logs in by name")
    text = directory.user_filter.fill(name)
    attributes = _each_once(directory.user_attribute, *directory.attributes)
    return tuple(Search(base, text, attributes, 2) for base in directory.user_bases)


def the_user(directory: LdapSettings, entries: Iterable[Entry], name: str) -> User:
    """Give the one user among what the searches for ``name`` found. Raises :class:`UnusableError`."""
    return _user(directory, _the_one(entries), name)


def group_searches(directory: LdapSettings, user: User) -> tuple[Search, ...]:
    """Give the searches for this user's groups, one for each base."""
    if directory.group_filter is None:
        return ()
    text = directory.group_filter.fill(user.name, user.dn)
    return tuple(Search(base, text, NO_ATTRIBUTES, MOST_GROUPS) for base in directory.group_bases)


def groups_of(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Give the groups' names as :func:`~s3gateway.identity.distinguished_name.normal_dn` writes them, each once."""
    return tuple(dict.fromkeys(_normal(entry.dn) for entry in entries))


def key_searches(directory: LdapSettings, access_key_id: str) -> tuple[Search, ...]:
    """Give the searches for the entry that holds this access key. Raises :class:`UnusableError`."""
    keys = directory.keys
    if keys is None:
        raise UnusableError("ldap.secret_key_attribute is not set: entries hold no keys")
    text = keys.filter.fill(access_key_id)
    own = (keys.access_key_attribute, keys.secret_key_attribute, directory.user_attribute)
    return tuple(Search(base, text, _each_once(*own, *directory.attributes), 2) for base in keys.bases)


def the_key(directory: LdapSettings, entries: Iterable[Entry], access_key_id: str) -> HeldKey:
    """Give what the one entry says of this access key. Raises :class:`UnusableError`.

    Directories compare without case, and keys are compared with it.
    """
    keys = directory.keys
    entry = _the_one(entries)
    if keys is None or entry.texts(keys.access_key_attribute) != (access_key_id,):
        raise UnusableError(f"the entry {entry.dn} has another access key, or several")
    secrets = entry.texts(keys.secret_key_attribute)
    if len(secrets) != 1 or not secrets[0]:
        raise UnusableError(f"the entry {entry.dn} has not one secret that can be read")
    user = _user(directory, entry, "") if directory.user_attribute else User(entry.dn, access_key_id, {})
    return HeldKey(Secret(secrets[0]), user)


def _the_one(entries: Iterable[Entry]) -> Entry:
    """Give the only entry; one that two overlapping bases found is one."""
    found = list({_normal(entry.dn): entry for entry in entries}.values())
    if len(found) != 1:
        raise UnusableError("several entries have this name" if found else "no entry has this name")
    return found[0]


def _user(directory: LdapSettings, entry: Entry, typed: str) -> User:
    names = entry.texts(directory.user_attribute)
    if len(names) > 1:
        names = tuple(name for name in names if _folded(name) == _folded(typed))
    if len(names) != 1:
        raise UnusableError(f"the entry {entry.dn} has not one {directory.user_attribute} that can be read")
    found = ((name, entry.texts(name)) for name in directory.attributes)
    claims = {name: values[0] for name, values in found if len(values) == 1 and values[0].isprintable()}
    return User(entry.dn, names[0], claims)


def _normal(dn: str) -> str:
    try:
        return normal_dn(dn)
    except DnError:
        raise UnusableError(f"the directory names an entry {dn[:_LONGEST_NAME]!r}, which is no name") from None


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _each_once(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for name in names if name))


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
