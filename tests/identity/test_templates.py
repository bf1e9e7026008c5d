"""What a template's value may be: nothing that could change the shape of a rule, and never cut or escaped."""

import pytest

from s3gateway.identity.templates import TemplateError, expanded, names_in
from s3gateway.rules.access import Access

HOME = Access(("team-{team}", "shared"), ("home/{user}/", "pub/"), ("Get*",), read_only=True)


def test_values_are_put_in() -> None:
    found = expanded(HOME, {"user": "alice smith", "team": "a[1]"})
    assert found == Access(("team-a[[]1]", "shared"), ("home/alice smith/", "pub/"), ("Get*",), read_only=True)
    assert names_in(HOME) == {"user", "team"}


def test_in_a_bucket_it_is_literal() -> None:
    found = expanded(Access(("{user}-*",)), {"user": "[ab]"})
    assert not found.allows_bucket("a-x")
    assert found.allows_bucket("[ab]-x")


def test_without_templates_it_is_the_same() -> None:
    plain = Access(("*",), ("a/",))
    assert expanded(plain, {}) is plain


@pytest.mark.parametrize(
    "value",
    ["", "a/b", "a\\b", "*", "a?", "{user}", "}", "..", "a..b", " a", "a ", "\ta", "a\n", "a\0b", "\x7f", "\x85x",
     "\ud800", "\u2028", "\u3000a", "x" * 129, "é" * 65],
)  # fmt: skip
@pytest.mark.parametrize("where", [Access(("b-{user}",)), Access(("b",), ("{user}/",))])
def test_bad_values(value: str, where: Access) -> None:
    with pytest.raises(TemplateError, match=r"^\{user\}"):
        expanded(where, {"user": value})


@pytest.mark.parametrize("value", ["a", "x" * 128, "é" * 64, "a.b", "o'neil", "a b", "user@example.com", "a:b"])
def test_good_values(value: str) -> None:
    assert expanded(Access(("b",), ("{user}/",)), {"user": value}).prefixes == (f"{value}/",)


def test_a_value_that_the_login_lacks() -> None:
    with pytest.raises(TemplateError, match=r"^\{sub\}"):
        expanded(Access(("b",), ("{sub}/",)), {"user": "a"})
