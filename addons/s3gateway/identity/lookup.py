"""Keys that somebody else knows, asked for by HTTP, in the protocol of trino's aws-proxy. Sans-IO.

``GET {url}/{access key id}`` is answered 200 with ``{"emulated": {"accessKey": ..., "secretKey": ...}, "identity":
{"user": ..., "groups": [...]}}``, or 404 for a key that nobody has. Anything else is a failure of whoever answers.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import quote

from s3gateway.rules.access import Access
from s3gateway.sigv4.model import Secret

MOST_BYTES: Final = 64 * 1024
"""Of an answer."""

_ACCESS_KEY_ID: Final = re.compile(r"[!-+\--.0-~]{1,128}")
"""What can be one: SigV4's credential holds neither comma nor slash. AWS's own have 16 to 128 letters and digits."""

_MOST_KEPT: Final = 10_000
_LONGEST_NAME: Final = 128
_NOT_IN_NAMES: Final = re.compile(r"[\x00-\x1f\x7f]|^\s|\s$")
_FOUND, _UNKNOWN = 200, 404


class AnswerError(Exception):
    """An answer that cannot be used. The message is for the log, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key that the provider knows: whose it is, and its secret."""

    access_key_id: str
    secret: Secret
    user: str
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Right:
    """What users (patterns), or members of groups (patterns), may do; with neither it is for all."""

    users: tuple[str, ...]
    groups: tuple[str, ...]
    access: Access

    def is_for(self, found: FoundKey) -> bool:
        """Whether a user is one of those."""
        if not self.users and not self.groups:
            return True
        return any(fnmatchcase(found.user, pattern) for pattern in self.users) or any(
            fnmatchcase(group, pattern) for group in found.groups for pattern in self.groups
        )


def may_be_key(access_key_id: str) -> bool:
    """Whether anybody can have such a key; if not, nobody need be asked."""
    return bool(_ACCESS_KEY_ID.fullmatch(access_key_id))


def target(path: str, access_key_id: str) -> bytes:
    """Give the request target; ``path`` is the URL's own."""
    return f"{path.rstrip('/')}/{quote(access_key_id, safe='')}".encode()


def read_answer(status: int, body: bytes, access_key_id: str) -> FoundKey | None:
    """Read an answer; None says that nobody has the key. Raises :class:`AnswerError`."""
    if status == _UNKNOWN:
        return None
    if status != _FOUND:
        raise AnswerError(f"it answered {status}")
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise AnswerError("its answer is no JSON") from None
    emulated, identity = (_member(document, name, dict) for name in ("emulated", "identity"))
    if _member(emulated, "accessKey", str) != access_key_id:
        raise AnswerError("its answer is about another access key")
    if emulated.get("session") is not None:
        raise AnswerError("its key needs a session token of its own")
    user, secret = _member(identity, "user", str), _member(emulated, "secretKey", str)
    groups = identity.get("groups") or []
    if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
        raise AnswerError("identity.groups is no list of text")
    if not user or len(user) > _LONGEST_NAME or _NOT_IN_NAMES.search(user):
        raise AnswerError("identity.user is no name")
    if not secret or not secret.isprintable():
        raise AnswerError("emulated.secretKey is no secret")
    return FoundKey(access_key_id, Secret(secret), user, tuple(groups))


def _member(document: Any, name: str, kind: type) -> Any:
    value = document.get(name) if isinstance(document, dict) else None
    if not isinstance(value, kind):
        raise AnswerError(f"its answer has no {name}")
    return value


@dataclass(frozen=True, slots=True)
class AnswerAges:
    """How long an answer counts that names a key, one that names none, and the first while no other one comes."""

    known: timedelta
    unknown: timedelta
    last_good: timedelta


@dataclass(slots=True)
class _Kept:
    found: FoundKey | None
    at: float


@dataclass(slots=True)
class KnownKeys:
    """The answers so far. ``now`` is in seconds of a monotonic clock.

    Those that name no key are kept apart, so that random keys push out no key that there is.
    """

    spans: AnswerAges
    _found: dict[str, _Kept] = field(default_factory=dict, repr=False)
    _unknown: dict[str, _Kept] = field(default_factory=dict, repr=False)

    def fresh(self, access_key_id: str, now: float) -> tuple[bool, FoundKey | None]:
        """Give whether there is an answer that counts, and what it names."""
        for kept, span in ((self._found, self.spans.known), (self._unknown, self.spans.unknown)):
            entry = kept.get(access_key_id)
            if entry is not None and now - entry.at < span.total_seconds():
                return True, entry.found
        return False, None

    def last_good(self, access_key_id: str, now: float) -> FoundKey | None:
        """Give the last key that was named, for while nobody answers."""
        entry = self._found.get(access_key_id)
        if entry is None or now - entry.at >= max(self.spans.last_good, self.spans.known).total_seconds():
            return None
        return entry.found

    def keep(self, access_key_id: str, found: FoundKey | None, now: float) -> None:
        """Keep an answer in place of the one before."""
        self._found.pop(access_key_id, None)
        self._unknown.pop(access_key_id, None)
        kept = self._unknown if found is None else self._found
        kept[access_key_id] = _Kept(found, now)
        if len(kept) > _MOST_KEPT:
            del kept[next(iter(kept))]


@dataclass(slots=True)
class Bound:
    """How many look-ups there may be: ``per_second`` in the long run, at most as many at once."""

    per_second: float
    _tokens: float = 0.0
    _at: float | None = None

    def take(self, now: float) -> bool:
        """Whether there may be one more."""
        most = max(self.per_second, 1.0)
        self._tokens = most if self._at is None else min(most, self._tokens + (now - self._at) * self.per_second)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
