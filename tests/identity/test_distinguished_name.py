"""Distinguished names: spellings that a directory takes for one are equal."""

import pytest

from s3gateway.identity.distinguished_name import DnError, normal_dn


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=Ops,OU=Groups,DC=example,DC=com", "cn=ops, ou=groups , dc=Example,dc=COM"),
        ("cn=a+uid=b,dc=x", "UID=b + CN=A,dc=x"),
        (r"cn=Sales\, EMEA,dc=x", r"cn=sales\2c emea,dc=x"),
        (r"cn=M\C3\BCller,dc=x", "cn=müller,dc=x"),
        ("cn=two  blanks,dc=x", "cn=two blanks,dc=x"),
        ("2.5.4.3=a,dc=x", "2.5.4.3=A,dc=x"),
        ("cn=a;dc=x", "cn=a,dc=x"),
    ],
)
def test_equal(one: str, other: str) -> None:
    """RFC 4514 §3 and RFC 4518: case, blanks, and the way of escaping make no difference."""
    assert normal_dn(one) == normal_dn(other)
    assert normal_dn(normal_dn(one)) == normal_dn(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("cn=a,dc=x", "cn=b,dc=x"), (r"cn=a\,dc=x", "cn=a,dc=x"), (r"cn=a\+uid=b,dc=x", "cn=a+uid=b,dc=x")],
)
def test_different(one: str, other: str) -> None:
    """An escaped separator is part of a value."""
    assert normal_dn(one) != normal_dn(other)


@pytest.mark.parametrize("text", ["", "alice", "=x", "cn=a,,dc=x", r"cn=\ff,dc=x", "cn=a,dc"])
def test_no_names(text: str) -> None:
    """What is no name is refused."""
    with pytest.raises(DnError):
        normal_dn(text)
