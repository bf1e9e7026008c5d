"""Filters of the configuration: what is one, and that nothing put into it changes what it asks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.search import compile_filter, parse_filter

from s3gateway.identity.ldap_filter import FilterError, FilterTemplate, escape


@pytest.mark.parametrize(
    ("text", "attribute"),
    [
        ("(uid=%s)", "uid"),
        ("(&(objectClass=user)(sAMAccountName=%s)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))", "sAMAccountName"),
        ("(|(uid=%s)(UID=%s))", "uid"),
        ("(|(uid=%s)(mail=%s))", ""),
        ("(&(objectClass=group)(member:1.2.840.113556.1.4.1941:=%d))", ""),
        ("(cn=*%s*)", ""),
        ("( & (a=1) (b>=%s) (c~=x) (d=*) (:dn:2.5.13.5:=y) )", None),
        (r"(cn=\28\2a\29)", ""),
    ],
)
def test_filters(text: str, attribute: str | None) -> None:
    """Each is one, and tells the attribute that is the user's name where there is one."""
    if attribute is None:  # blanks within the parentheses of an operator are not allowed anywhere
        with pytest.raises(FilterError):
            FilterTemplate(text)
    else:
        assert FilterTemplate(text).attribute == attribute


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("uid=%s", "has no ( at character 1"),
        ("(uid=%s", "has no ) at character 8"),
        ("(uid=%s))", "goes on behind its end, at character 9"),
        ("(uid)", "has no comparison like uid=%s at character 2"),
        ("(=%s)", "has no comparison like uid=%s at character 2"),
        ("(&(uid=%s)", "has no ) at character 11"),
        ("(&)", "has no ( at character 3"),
        ("(!(a=1)(b=2))", "has no ) at character 8"),
        (r"(cn=\zz)", "has no ) at character 5"),
        ("(" * 0 + "(!" * 40 + "(a=1)" + ")" * 40, "is nested too deeply"),
        ("", "has no ( at character 1"),
    ],
)
def test_no_filters(text: str, told: str) -> None:
    """What is none is refused, with the place."""
    with pytest.raises(FilterError, match="^" + told.replace("(", r"\(").replace(")", r"\)") + "$"):
        FilterTemplate(text)


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_a_name_is_compared_to_the_letter(name: str) -> None:
    """RFC 4515 §3, as ldap3 reads it: the structure stays, and the directory gets the name's own bytes."""
    filled = FilterTemplate("(&(objectClass=person)(uid=%s))").fill(name, "unused")
    parsed = parse_filter(filled, None, False, False, None, False)  # type: ignore[no-untyped-call]
    compiled = compile_filter(parsed.elements[0])  # type: ignore[no-untyped-call]
    both = compiled["and"]
    assert len(both) == 2
    match = both[1]["equalityMatch"]
    assert (str(match["attributeDesc"]), bytes(match["assertionValue"])) == ("uid", name.encode())


def test_what_is_put_in_is_not_filled_again() -> None:
    """A user may be called %d."""
    assert FilterTemplate("(&(uid=%s)(member=%d))").fill("%d", "cn=%s") == r"(&(uid=\25d)(member=cn\3d\25s))"
    assert escape("*)(uid=*") == r"\2a\29\28uid\3d\2a"
