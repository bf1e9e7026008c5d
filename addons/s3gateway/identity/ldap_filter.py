"""LDAP search filters of the configuration (RFC 4515), in which ``%s`` stands for a user's name and ``%d`` for a DN.

A template is checked when the configuration is read. What is put into it later cannot change its structure: every byte
that is no letter or digit is escaped.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_ITEM: Final = re.compile(
    r"(?P<attribute>[A-Za-z0-9][A-Za-z0-9.;-]*)?(?P<extended>(?::[dD][nN])?(?P<rule>:[A-Za-z0-9.-]+)?:)?"
    r"(?P<kind>[~<>]?)=(?P<value>(?:[^()\\\0]|\\[0-9A-Fa-f]{2})*)"
)
_PLACES: Final = re.compile("%[sd]")
_PLAIN: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
_DEEPEST: Final = 32


class FilterError(ValueError):
    """A text that is no filter; the message says what is wrong, and where."""


@dataclass(frozen=True, slots=True)
class FilterTemplate:
    """A checked filter. ``attribute`` is the one that it compares with ``%s``; empty where none is, or several are.

    Raises :class:`FilterError`.
    """

    text: str
    attribute: str = field(init=False)

    def __post_init__(self) -> None:
        compared: list[str] = []
        end = _read(self.text, 0, compared, 0)
        if self.text[end:].strip():
            raise FilterError(f"goes on behind its end, at character {end + 1}")
        names = {name.lower(): name for name in reversed(compared)}
        object.__setattr__(self, "attribute", next(iter(names.values())) if len(names) == 1 else "")

    def fill(self, user: str, dn: str = "") -> str:
        """Give the filter for this user: both are compared to the letter, whatever they hold."""
        values = {"%s": escape(user), "%d": escape(dn)}
        return _PLACES.sub(lambda place: values[place[0]], self.text)


def escape(value: str) -> str:
    r"""Write a value as it may stand in a filter: ``\xx`` for every byte of its UTF-8 that is no letter or digit."""
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:02x}" for byte in value.encode())


def _read(text: str, at: int, compared: list[str], depth: int) -> int:
    """Read one filter in its parentheses; give where it ends."""
    at = _blanks(text, at)
    if text[at : at + 1] != "(":
        raise FilterError(f"has no ( at character {at + 1}")
    if depth > _DEEPEST:
        raise FilterError("is nested too deeply")
    operator = text[at + 1 : at + 2]
    if operator and operator in "&|!":
        end = _read(text, at + 2, compared, depth + 1)
        while operator != "!" and text[_blanks(text, end) :].startswith("("):
            end = _read(text, end, compared, depth + 1)
    else:
        end = _read_item(text, at + 1, compared)
    end = _blanks(text, end)
    if text[end : end + 1] != ")":
        raise FilterError(f"has no ) at character {end + 1}")
    return end + 1


def _read_item(text: str, at: int, compared: list[str]) -> int:
    item = _ITEM.match(text, at)
    if item is None or not (item["attribute"] or item["rule"]) or (item["extended"] and item["kind"]):
        raise FilterError(f"has no comparison like uid=%s at character {at + 1}")
    if item["value"] == "%s" and not item["extended"] and not item["kind"]:
        compared.append(item["attribute"])
    return item.end()


def _blanks(text: str, at: int) -> int:
    while text[at : at + 1].isspace():
        at += 1
    return at
