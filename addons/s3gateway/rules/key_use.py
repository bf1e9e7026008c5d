"""How often, and when last, each key of a client was used: counted here, kept in a file, merged over processes.

Times are seconds since 1970. A secret is known by a short keyed hash of it (:meth:`Ledger.mark`): too short to guess
the secret by, long enough to tell a few apart.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from s3gateway.config.model import KeyPair
from s3gateway.sigv4.model import Secret

SCHEMA: Final = "s3-gateway-state/1"
HOUR: Final = 3600
_DAY_HOURS: Final = 24
_FORGOTTEN_AFTER: Final = 90 * _DAY_HOURS * HOUR
"""Keys that are configured no more are dropped when they were last used so long ago."""

_MARK_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class Use:
    """Of one key: first and last use, and the number of requests by hour since 1970, for the last day."""

    first: float
    last: float
    hours: Mapping[int, int] = field(default_factory=dict)

    def merged(self, other: "Use") -> "Use":
        """Give the sum of two counts of different requests."""
        hours = dict(self.hours)
        for hour, count in other.hours.items():
            hours[hour] = hours.get(hour, 0) + count
        first, last = min(self.first, other.first), max(self.last, other.last)
        oldest = int(last // HOUR) - _DAY_HOURS
        return Use(first, last, {hour: count for hour, count in hours.items() if hour >= oldest})

    def last_day(self, now: float) -> int:
        """Requests of the last 24 hours; the hour in which these began counts whole."""
        return sum(count for hour, count in self.hours.items() if hour >= int(now // HOUR) - _DAY_HOURS)


Mark = tuple[str, str]
"""Access key id, and the mark of its secret."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """The use of all keys ``since`` a moment. ``salt`` is the key of the marks."""

    since: float
    salt: bytes = field(repr=False)
    uses: Mapping[Mark, Use] = field(default_factory=dict)

    def mark(self, access_key_id: str, secret: Secret) -> Mark:
        """Give what a key is known by here."""
        text = access_key_id.encode() + b"\0" + secret.reveal()
        return access_key_id, hmac.digest(self.salt, text, "sha256").hex()[:_MARK_DIGITS]

    def use(self, access_key_id: str, secret: Secret) -> Use | None:
        """Give the use of one key; None if it was not used since."""
        return self.uses.get(self.mark(access_key_id, secret))

    def merged(self, new: Iterable[tuple[KeyPair, Use]], now: float) -> "Ledger":
        """Give the ledger with what was counted besides."""
        uses = {mark: use for mark, use in self.uses.items() if now - use.last < _FORGOTTEN_AFTER}
        for keys, use in new:
            mark = self.mark(keys.access_key_id, keys.secret)
            uses[mark] = uses[mark].merged(use) if mark in uses else use
        return replace(self, uses=uses)

    def to_json(self) -> dict[str, Any]:
        """Give the document that :func:`read_ledger` reads."""
        keys: dict[str, dict[str, Any]] = {}
        for (access_key_id, mark), use in sorted(self.uses.items()):
            hours = {str(hour): count for hour, count in sorted(use.hours.items())}
            keys.setdefault(access_key_id, {})[mark] = {"first": use.first, "last": use.last, "hours": hours}
        return {"schema": SCHEMA, "since": self.since, "salt": self.salt.hex(), "keys": keys}


def read_ledger(document: object) -> Ledger:
    """Read what :meth:`Ledger.to_json` gave. Raises ValueError for anything else."""
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise ValueError
    try:
        uses = {
            (str(access_key_id), str(mark)): Use(
                float(use["first"]), float(use["last"]), {int(hour): int(n) for hour, n in use["hours"].items()}
            )
            for access_key_id, marks in document["keys"].items()
            for mark, use in marks.items()
        }
        return Ledger(float(document["since"]), bytes.fromhex(document["salt"]), uses)
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError from error


class Counter:
    """Counts in memory what is not in the ledger yet."""

    def __init__(self) -> None:
        self._new: dict[tuple[str, bytes], tuple[KeyPair, _Count]] = {}

    def note(self, keys: KeyPair, now: float) -> None:
        """Count one request that was signed with these keys and proven."""
        key = keys.access_key_id, keys.secret.reveal()
        found = self._new.get(key)
        if found is None:
            found = self._new[key] = keys, _Count(now)
        found[1].note(now)

    def take(self) -> list[tuple[KeyPair, Use]]:
        """Give what was counted, and begin anew."""
        taken, self._new = self._new, {}
        return [(keys, Use(count.first, count.last, count.hours)) for keys, count in taken.values()]

    def put_back(self, taken: Iterable[tuple[KeyPair, Use]]) -> None:
        """Count again what could not be written."""
        for keys, use in taken:
            key = keys.access_key_id, keys.secret.reveal()
            count = self._new[key][1] if key in self._new else _Count(use.first)
            count.add(use)
            self._new[key] = keys, count


class _Count:
    __slots__ = ("first", "hours", "last")

    def __init__(self, now: float) -> None:
        self.first = self.last = now
        self.hours: dict[int, int] = {}

    def note(self, now: float) -> None:
        hour = int(now // HOUR)
        self.last = now
        self.hours[hour] = self.hours.get(hour, 0) + 1

    def add(self, use: Use) -> None:
        merged = Use(self.first, self.last, self.hours).merged(use)
        self.first, self.last, self.hours = merged.first, merged.last, dict(merged.hours)
