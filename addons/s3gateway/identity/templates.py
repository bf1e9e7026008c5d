"""``{user}`` and ``{claim}`` in the buckets and prefixes of roles. A value that could change a rule's shape is refused.

Nothing is escaped or cut: ``home/{user}/`` with the user ``a/../b`` would be somebody else's home.
"""

import re
from collections.abc import Mapping
from typing import Final

from s3gateway.identity.wildcards import literal
from s3gateway.rules.access import Access

USER: Final = "user"
MOST_BYTES: Final = 128
"""Of a value, in UTF-8. A key has 1024, and a prefix is to leave room for the rest."""

_TEMPLATE: Final = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.:/-]*)\}")
_FORBIDDEN: Final = re.compile(r"[/\\*?{}\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029]|\.\.")


class TemplateError(ValueError):
    """A value that no template may have. The message names the template, and not the value."""


def names_in(access: Access) -> frozenset[str]:
    """Give the names of the templates in buckets and prefixes."""
    return frozenset(name for text in (*access.buckets, *access.prefixes) for name in _TEMPLATE.findall(text))


def any_value(pattern: str) -> str:
    """Give the pattern that fits for any value of its templates."""
    return _TEMPLATE.sub("*", pattern)


def without_templates(text: str) -> str:
    """Put a letter in the place of each template, so that what is left can be checked as any pattern or prefix."""
    return _TEMPLATE.sub("x", text)


def expanded(access: Access, values: Mapping[str, str]) -> Access:
    """Put the values in. In a bucket's pattern they are matched literally. Raises :class:`TemplateError`."""
    if not names_in(access):
        return access
    return Access(
        tuple(_expand(text, values, in_pattern=True) for text in access.buckets),
        tuple(_expand(text, values, in_pattern=False) for text in access.prefixes),
        access.operations,
        access.read_only,
        access.list_buckets,
    )


def _expand(text: str, values: Mapping[str, str], *, in_pattern: bool) -> str:
    def value_of(match: re.Match[str]) -> str:
        value = _checked(match[1], values.get(match[1], ""))
        return literal(value) if in_pattern else value

    return _TEMPLATE.sub(value_of, text)


def _checked(name: str, value: str) -> str:
    told = "{" + name + "}"
    if not value:
        raise TemplateError(f"{told} is empty or not known")
    if _FORBIDDEN.search(value) or value != value.strip():
        raise TemplateError(f"{told} holds a character that no part of a key may bring in")
    if len(value.encode()) > MOST_BYTES:
        raise TemplateError(f"{told} is longer than {MOST_BYTES} bytes")
    return value
