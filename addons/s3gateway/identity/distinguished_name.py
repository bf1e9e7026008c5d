"""Distinguished names (RFC 4514), written in one way, so that two spellings of a name are equal."""

import re
from functools import lru_cache
from typing import Final

_ESCAPED: Final = re.compile(r"(?:\\[0-9A-Fa-f]{2})+|\\(.)", re.DOTALL)
_SPECIAL: Final = re.compile(r'[,+"\\<>;=#]')
_ASSERTION: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)\s*=(.*)", re.DOTALL)


class DnError(ValueError):
    """A text that is no distinguished name."""


@lru_cache(1024)  # each login asks for its groups, and for those of all roles
def normal_dn(text: str) -> str:
    """Give the name in lower case, without blanks around its parts, with one way of escaping.

    Directories compare names and organisational units without case. Raises :class:`DnError`.
    """
    return ",".join("+".join(sorted(map(_assertion, _split(part, "+")))) for part in _split(text, ",;"))


def _split(text: str, separators: str) -> list[str]:
    """Split at separators that are not escaped."""
    parts, begin, at = [], 0, 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] in separators:
            parts.append(text[begin:at])
            begin = at + 1
        at += 1
    return [*parts, text[begin:]]


def _assertion(text: str) -> str:
    match = _ASSERTION.fullmatch(text)
    if match is None:
        raise DnError(text)
    return f"{match[1].lower()}={_normal_value(match[2])}"


def _normal_value(text: str) -> str:
    value = text.lstrip()
    bare = value.rstrip()
    if bare.endswith("\\") and (len(bare) - len(bare.rstrip("\\"))) % 2:
        bare += " "  # a blank that is escaped belongs to the value
    try:
        plain = _ESCAPED.sub(_plain, bare)
    except UnicodeDecodeError:
        raise DnError(text) from None
    return _SPECIAL.sub(lambda char: "\\" + char[0], " ".join(plain.casefold().split()))


def _plain(match: re.Match[str]) -> str:
    return match[1] if match[1] is not None else bytes.fromhex(match[0].replace("\\", "")).decode()
