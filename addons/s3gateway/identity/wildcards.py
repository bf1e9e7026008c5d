"""Patterns as AWS writes them: ``*`` is any text, slashes included, ``?`` one character; nothing else is special."""

import re
from fnmatch import translate
from functools import lru_cache
from typing import Final

_ESCAPE: Final = re.compile(r"\$\{([*?$])\}")
"""How a policy writes these characters themselves (IAM User Guide, "IAM policy elements: Variables and tags")."""


def matches(text: str, pattern: str) -> bool:
    """Whether all of ``text`` fits. Bounded: a star never looks at a character twice for the same place."""
    return _compiled(pattern).match(text) is not None


def matches_escaped(text: str, pattern: str) -> bool:
    """The same for a pattern of a policy, where ``${*}``, ``${?}`` and ``${$}`` are these characters themselves."""
    return _compiled_escaped(pattern).match(text) is not None


def unescaped(text: str) -> str:
    """Give a policy's text that is no pattern as it is compared."""
    return _ESCAPE.sub(r"\1", text)


def has_variable(text: str) -> bool:
    """Whether a policy's text holds what would be filled in, other than an escaped character."""
    return "${" in _ESCAPE.sub("", text)


def literal(text: str) -> str:
    """Write a text so that a pattern of :mod:`fnmatch` takes it literally."""
    return re.sub(r"([*?[])", r"[\1]", text)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))


@lru_cache(maxsize=4096)
def _compiled_escaped(pattern: str) -> re.Pattern[str]:
    pieces = _ESCAPE.split(pattern)  # every second one is an escaped character
    return re.compile(
        translate("".join(f"[{one}]" if at % 2 else one.replace("[", "[[]") for at, one in enumerate(pieces)))
    )
