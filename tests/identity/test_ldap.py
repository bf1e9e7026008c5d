"""What a directory's answers mean: who was found, and with what nobody is logged in."""

from typing import Any

import pytest

from s3gateway.identity import ldap
from s3gateway.identity.ldap import Entry, Keys, LdapSettings, UnusableError
from s3gateway.identity.ldap_filter import FilterTemplate
from s3gateway.identity.remote_keys import Terms
from s3gateway.sigv4.model import Secret


def settings(**more: Any) -> LdapSettings:
    usual: dict[str, Any] = {
        "servers": (),
        "srv_record": "",
        "security": ldap.LDAPS,
        "ca_file": None,
        "verifies": True,
        "bind_dn": "cn=lookup",
        "bind_password": Secret("secret"),
        "user_bases": ("ou=a,dc=x", "ou=b,dc=x"),
        "user_filter": FilterTemplate("(uid=%s)"),
        "user_attribute": "uid",
        "attributes": ("department", "mail"),
        "group_bases": ("ou=g,dc=x",),
        "group_filter": FilterTemplate("(|(member=%d)(memberUid=%s))"),
        "keys": Keys(("ou=a,dc=x",), FilterTemplate("(key=%s)"), "key", "secret", Terms(120, 30, 3600, 20)),
        "timeout": 10.0,
        "connections": 8,
    }
    return LdapSettings(**{**usual, **more})


def entry(dn: str = "uid=alice,ou=a,dc=x", **attributes: tuple[bytes, ...] | bytes) -> Entry:
    return Entry(dn, {name: value if isinstance(value, tuple) else (value,) for name, value in attributes.items()})


def refusal(*entries: Entry, typed: str = "alice") -> str:
    with pytest.raises(UnusableError) as caught:
        ldap.the_user(settings(), entries, typed)
    return str(caught.value)


def test_the_searches() -> None:
    """One for each base; two entries are enough to know that there are too many."""
    searches = ldap.user_searches(settings(), "a*b")
    assert [(one.base, one.filter, one.most) for one in searches] == [
        ("ou=a,dc=x", r"(uid=a\2ab)", 2),
        ("ou=b,dc=x", r"(uid=a\2ab)", 2),
    ]
    assert searches[0].attributes == ("uid", "department", "mail")


def test_the_name_is_the_directorys_own() -> None:
    """``Alice`` and ``alice`` are one user, whose name is what the entry says."""
    alice = entry(uid=b"Alice", department=b"f", mail=(b"a@x", b"b@x"), objectsid=b"\x01\x05S")
    found = ldap.the_user(settings(attributes=("department", "mail", "objectSid")), [alice], "aLICE")
    assert (found.dn, found.name, dict(found.claims)) == ("uid=alice,ou=a,dc=x", "Alice", {"department": "f"})


def test_an_entry_found_twice_is_one() -> None:
    """Two bases may overlap, and a directory may write a name in two ways."""
    both = [entry(uid=b"alice"), entry("UID=Alice, OU=a,DC=x", uid=b"alice")]
    assert ldap.the_user(settings(), both, "alice").name == "alice"


def test_nobody_is_logged_in_with_these() -> None:
    assert refusal() == "no entry has this name"
    assert refusal(entry(uid=b"alice"), entry("uid=alice,ou=b,dc=x", uid=b"alice")) == "several entries have this name"
    for bad in (entry(), entry(uid=b"\xff"), entry(uid=(b"bob", b"carol"))):
        assert "has not one uid that can be read" in refusal(bad)
    assert "which is no name" in refusal(entry("nonsense", uid=b"alice"))


def test_of_several_names_it_is_the_one_that_was_typed() -> None:
    assert ldap.the_user(settings(), [entry(uid=(b"bob", b"Alice"))], "alice").name == "Alice"


@pytest.mark.parametrize("name", ["", "x" * 257, "a\x00b", "a\nb"])
def test_what_no_user_is_called(name: str) -> None:
    with pytest.raises(UnusableError):
        ldap.check_name(name)


def test_groups() -> None:
    """They are asked for with the directory's own words, and told in one way of writing."""
    user = ldap.the_user(settings(), [entry("uid=a(b),dc=x", uid=b"A(b)")], "a(B)")
    (search,) = ldap.group_searches(settings(), user)
    assert search.filter == r"(|(member=uid\3da\28b\29\2cdc\3dx)(memberUid=A\28b\29))"
    groups = ldap.groups_of([Entry("CN=Ops,DC=x", {}), Entry("cn=ops, dc=X", {}), Entry("cn=b,dc=x", {})])
    assert groups == ("cn=ops,dc=x", "cn=b,dc=x")


def test_a_key_that_an_entry_holds() -> None:
    held = ldap.the_key(settings(), [entry(uid=b"robot", key=b"KEY", secret=b"s")], "KEY")
    assert (held.secret.reveal(), held.user.name) == (b"s", "robot")


@pytest.mark.parametrize(
    "found",
    [
        entry(uid=b"robot", key=b"key", secret=b"s"),
        entry(uid=b"robot", key=(b"KEY", b"OTHER"), secret=b"s"),
        entry(uid=b"robot", key=b"KEY"),
        entry(uid=b"robot", key=b"KEY", secret=b""),
        entry(uid=b"robot", key=b"KEY", secret=(b"s", b"t")),
        entry(key=b"KEY", secret=b"s"),
    ],
)
def test_entries_that_hold_no_key(found: Entry) -> None:
    """Another key (directories compare without case), several, no secret, several, or nobody's."""
    with pytest.raises(UnusableError):
        ldap.the_key(settings(), [found], "KEY")
