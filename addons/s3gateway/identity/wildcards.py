"""Patterns as AWS writes them: ``*`` is any text, slashes included, ``?`` one character; nothing else is special."""

import re
from fnmatch import translate
from functools import lru_cache


def matches(text: str, pattern: str) -> bool:
    """Whether all of ``text`` fits. Bounded: a star never looks at a character twice for the same place."""
    return _compiled(pattern).match(text) is not None


def literal(text: str) -> str:
    """Write a text so that a pattern of :mod:`fnmatch` takes it literally."""
    return re.sub(r"([*?[])", r"[\1]", text)


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(translate(pattern.replace("[", "[[]")))
