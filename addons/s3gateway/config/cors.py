"""``cors:`` of the configuration -> rules. What no browser could ever send is refused: its pages would be, for ever.

A browser sends the origin as ``scheme://host[:port]``, in lower case, without the scheme's own port and without a path.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from s3gateway.config.check import BUCKETS_OWN, ConfigError, quoted
from s3gateway.config.model import BucketsOwn
from s3gateway.config.patterns import check_bucket
from s3gateway.rules.cors import METHODS, MOST_RULES, TOKEN, CorsRule

_ORIGIN: Final = re.compile(
    r"null|\*|[a-z*][a-z0-9+.*-]*://[a-z0-9._*-]+(?::[0-9*]+)?|[a-z][a-z0-9+.-]*://\[[0-9a-f:.]+\](?::[0-9*]+)?"
)
_OPEN: Final = re.compile(r"\*[a-z0-9._:-]+|[a-z][a-z0-9+.:/-]*\*")
"""With an asterisk at either end anything may be missing there: ``*.example.com``, ``http*``."""

_OWN_PORT: Final = re.compile(r"(http://[^/:]+):80|(https://[^/:]+):443")


def read_cors(values: Any) -> tuple[CorsRule, ...] | BucketsOwn | None:
    """Give the checked value of ``cors``: rules, or that the backend has them, or None where it is not there."""
    if values is None or values == BUCKETS_OWN:
        return BucketsOwn() if values else None
    if len(values) > MOST_RULES:
        raise ConfigError("cors", f"has {len(values)} rules", f"keep {MOST_RULES}, as many as S3 takes for a bucket")
    return tuple(_rule(f"cors[{i}]", rule) for i, rule in enumerate(values))


def _rule(key: str, values: dict[str, Any]) -> CorsRule:
    for name in ("origins", "methods"):
        if not values[name]:
            raise ConfigError(f"{key}.{name}", "is empty", "list at least one, or leave the rule out")
    return CorsRule(
        _each(f"{key}.origins", values["origins"], _origin),
        _each(f"{key}.methods", values["methods"], _method),
        tuple(name.lower() for name in _each(f"{key}.headers", values["headers"], _header)),
        _each(f"{key}.expose", values["expose"], _exposed),
        values["max_age"],
        check_bucket(f"{key}.bucket", values["bucket"]),
    )


def _each(key: str, values: Iterable[str], check: Callable[[str, str], str]) -> tuple[bytes, ...]:
    return tuple(check(f"{key}[{i}]", value).encode() for i, value in enumerate(values))


def _origin(key: str, origin: str) -> str:
    _one_star(key, origin)
    if (_ORIGIN.fullmatch(origin) or _OPEN.fullmatch(origin)) and not _OWN_PORT.fullmatch(origin):
        return origin
    better = _as_browsers_write(origin)
    remedy = f"write {quoted(better)}" if better else "write it like https://app.example.com"
    raise ConfigError(key, f"{quoted(origin)} is the origin of no page", remedy)


def _as_browsers_write(origin: str) -> str:
    """Guess what was meant; empty where that fails."""
    text = origin.strip().lower()
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
    except ValueError:
        return ""
    better = f"{url.scheme}://{url.netloc.rpartition('@')[2]}"
    if own := _OWN_PORT.fullmatch(better):
        better = own[1] or own[2]
    return better if _ORIGIN.fullmatch(better) else ""


def _method(key: str, method: str) -> str:
    if method in METHODS:
        return method
    if method == "OPTIONS":
        remedy = "leave it out: browsers send it by themselves, and it needs no rule"
    elif method.upper() in METHODS:
        remedy = f"write {method.upper()}"
    else:
        remedy = f"list what is meant of {', '.join(METHODS)}"
    raise ConfigError(key, f"{quoted(method)} is no method that a rule may allow", remedy)


def _header(key: str, name: str) -> str:
    _one_star(key, name)
    return _name(key, name, 'write it like Content-Type, x-amz-meta-* or "*"')


def _exposed(key: str, name: str) -> str:
    if "*" in name:
        raise ConfigError(key, f"{quoted(name)} holds a *", "list the names: S3 takes no pattern here")
    return _name(key, name, "write it like ETag")


def _name(key: str, name: str, remedy: str) -> str:
    if not name.isascii() or not TOKEN.fullmatch(name.encode()):
        raise ConfigError(key, f"{quoted(name)} is no header's name", remedy)
    return name


def _one_star(key: str, text: str) -> None:
    if text.count("*") > 1:
        raise ConfigError(key, f"{quoted(text)} has more than one *", "S3 takes one; list several entries instead")
