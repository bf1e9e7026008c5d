"""Access keys that the configuration does not name and somebody else may know: what is kept of them. Sans-IO.

Strangers choose the keys that are asked for. So what is kept is bounded, apart for keys that were found and for those
that nobody has, and so is how often somebody is asked. ``now`` is in seconds of a monotonic clock.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from s3gateway.identity.login import Login
from s3gateway.sigv4.model import Secret

MOST_KEPT: Final = 10_000
"""Keys that were found, and as many that nobody has."""

_ACCESS_KEY_ID: Final = re.compile(r"[!-+\--.0-~]{1,128}")
"""What can be one: SigV4's credential holds neither comma nor slash. AWS's own have 16 to 128 letters and digits."""


class CannotAskError(Exception):
    """There is no answer, or none that can be used. The message is for the log, and quotes nothing of an answer.

    ``is_down`` says that nobody else need be asked for now; an odd answer may be about one key alone.
    """

    def __init__(self, why: str, *, is_down: bool = True) -> None:
        super().__init__(why)
        self.is_down = is_down


def may_be_key(access_key_id: str) -> bool:
    """Whether anybody can have such a key; if not, nobody need be asked."""
    return bool(_ACCESS_KEY_ID.fullmatch(access_key_id))


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key's secret, and whose it is."""

    secret: Secret
    login: Login


@dataclass(frozen=True, slots=True)
class Terms:
    """How long answers count, in seconds, and how many questions there are a second.

    An answer that names a key counts for ``cache``, and while no other one comes for ``last_good``; one that names none
    for ``negative_cache``.
    """

    cache: float
    negative_cache: float
    last_good: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Kept[S]:
    """What was answered, and by whom, with the end of its time; ``found`` is None for a key that nobody has."""

    found: FoundKey | None
    source: S | None
    fresh_until: float
    usable_until: float


@dataclass(slots=True)
class KnownKeys[S]:
    """The answers so far. Random keys push out no key that there is."""

    _found: dict[str, Kept[S]] = field(default_factory=dict, repr=False)
    _nobodys: dict[str, Kept[S]] = field(default_factory=dict, repr=False)

    def usable(self, access_key_id: str, now: float) -> Kept[S] | None:
        """Give the last answer, while it counts, or would if no other one came."""
        kept = self._found.get(access_key_id) or self._nobodys.get(access_key_id)
        return kept if kept is not None and now < kept.usable_until else None

    def keep(self, access_key_id: str, found: FoundKey, source: S, terms: Terms, now: float) -> Kept[S]:
        """Keep an answer that names a key in place of the one before."""
        usable_until = now + max(terms.cache, terms.last_good)
        return self._put(access_key_id, Kept(found, source, now + terms.cache, usable_until))

    def keep_nobodys(self, access_key_id: str, seconds: float, now: float) -> Kept[S]:
        """Keep, for ``seconds``, that nobody has a key."""
        return self._put(access_key_id, Kept(None, None, now + seconds, now + seconds))

    def _put(self, access_key_id: str, kept: Kept[S]) -> Kept[S]:
        self._found.pop(access_key_id, None)
        self._nobodys.pop(access_key_id, None)
        place = self._found if kept.found else self._nobodys
        place[access_key_id] = kept
        if len(place) > MOST_KEPT:
            del place[next(iter(place))]
        return kept


@dataclass(slots=True)
class Bound:
    """How many questions there may be: ``per_second`` in the long run, at most as many at once, and at least one."""

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
