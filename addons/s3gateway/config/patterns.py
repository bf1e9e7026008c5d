"""Patterns and prefixes of rules. One that nothing can match is refused: its objects would be stored unencrypted.

Buckets and clients are patterns (:mod:`fnmatch`), prefixes are literal, and all three come from people who know it
the other way round from elsewhere.
"""

import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from fnmatch import fnmatchcase

from s3gateway.config.check import ConfigError, quoted

_BUCKET = re.compile(r"(?:[A-Za-z0-9._*?-]|\[!?[A-Za-z0-9._-]+\])+")
"""What a bucket's name may hold (:mod:`s3gateway.rules.operations`), with ``*``, ``?`` and ``[...]``."""


def check_bucket(key: str, pattern: str) -> str:
    """Give back a pattern that buckets can match."""
    if _BUCKET.fullmatch(pattern):
        return pattern
    bucket, _, rest = re.sub(r"^(?:arn:aws:s3:::|\w+:/*)", "", pattern).strip("/").partition("/")
    remedy = "write a bucket's name, or a pattern of names with * and ?"
    if bucket and _BUCKET.fullmatch(bucket):
        remedy = f"write {quoted(bucket)}" + (", and what keys begin with as a prefix" if rest.strip("*/") else "")
    raise ConfigError(key, f"{quoted(pattern)} is no bucket's name and matches none", remedy)


def check_prefix(key: str, prefix: str) -> str:
    """Give back a prefix that keys can begin with, as S3 clients write them."""
    if not prefix.startswith("/") and not re.search(r"[*?]", prefix):
        return prefix
    literal = re.split(r"[*?]", prefix.lstrip("/"))[0]
    remedy = f"write {quoted(literal)}" if literal else "leave it out"
    if not literal and prefix.strip("/*?"):
        remedy = "write what the keys begin with, to the letter"
    problem = "begins with a slash, and keys do not" if prefix.startswith("/") else "is taken literally"
    raise ConfigError(key, f"{quoted(prefix)} {problem}", remedy)


def check_client(key: str, pattern: str, names: Iterable[str]) -> None:
    """Refuse a pattern that fits no client's name."""
    known = sorted(set(names))
    if not any(fnmatchcase(name, pattern) for name in known):
        near = get_close_matches(pattern, known, 1)
        remedy = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
        raise ConfigError(key, f"{quoted(pattern)} matches no client's name", remedy)


def each(key: str, values: Iterable[str], read: Callable[[str, str], str]) -> tuple[str, ...]:
    """Read each entry of a list by its own path."""
    return tuple(read(f"{key}[{i}]", value) for i, value in enumerate(values))
