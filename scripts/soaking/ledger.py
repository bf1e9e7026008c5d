"""Which bytes may be in a key, told from what its clients were told: acknowledged, refused, cut off, or nothing.

Each attempt to write has bytes of its own, so its SHA-256 is its name. A key may hold what was acknowledged last, or
what was acknowledged while that was under way, or an attempt of which nobody knows the end (the backend was killed). It
may never hold an attempt that was refused or cut, nor bytes that nobody sent.
"""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Outcome(Enum):
    """How an attempt ended for the client that made it."""

    UNKNOWN = auto()
    ACKNOWLEDGED = auto()
    DEAD = auto()


class Finding(Enum):
    """What is in a key at the end; the value is its name in the report."""

    INTACT = "intact"
    LOST = "lost"
    STALE = "overwritten and back"
    UNWANTED = "refused or cut, and there"
    STRANGE = "half-written"


@dataclass(slots=True)
class Attempt:
    """One write: the SHA-256 in hex (None: a deletion), and when it began and ended, in the ledger's own count."""

    digest: str | None
    began: int
    ended: int | None = None
    outcome: Outcome = Outcome.UNKNOWN


@dataclass(slots=True)
class Ledger:
    """Every attempt on every key, and every download. Threads share it."""

    _attempts: dict[str, list[Attempt]] = field(default_factory=dict)
    _reads: set[tuple[str, str]] = field(default_factory=set)
    _count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, key: str, digest: str | None) -> Attempt:
        """Note a write that is about to be sent; until it is closed nobody knows its end."""
        with self._lock:
            self._count += 1
            attempt = Attempt(digest, self._count)
            self._attempts.setdefault(key, []).append(attempt)
            return attempt

    def close(self, attempt: Attempt, outcome: Outcome) -> None:
        """Note what its client was told."""
        with self._lock:
            self._count += 1
            attempt.ended, attempt.outcome = self._count, outcome

    def read(self, key: str, digest: str) -> None:
        """Note a download that ended well."""
        with self._lock:
            self._reads.add((key, digest))

    @property
    def tried(self) -> list[str]:
        """Every key that somebody tried to write."""
        with self._lock:
            return list(self._attempts)

    def total(self, outcome: Outcome) -> int:
        """How many attempts ended so."""
        with self._lock:
            return sum(len(_of(tried, outcome)) for tried in self._attempts.values())

    def find(self, key: str, digest: str | None) -> Finding:
        """Judge what is in a key at the end of all traffic; None when there is no object."""
        tried = self._attempts.get(key, [])
        if digest in _allowed(tried):
            return Finding.INTACT
        outcomes = {attempt.outcome for attempt in tried if attempt.digest == digest}
        if digest is None:
            return Finding.LOST
        if Outcome.DEAD in outcomes:
            return Finding.UNWANTED
        return Finding.STALE if outcomes else Finding.STRANGE

    def findings(self, present: Mapping[str, str]) -> dict[Finding, list[str]]:
        """Judge every key that was written or is there; `present` has the SHA-256 of each object."""
        found: dict[Finding, list[str]] = {finding: [] for finding in Finding}
        for key in sorted({*self._attempts, *present}):
            found[self.find(key, present.get(key))].append(key)
        return found

    def torn_reads(self) -> list[str]:
        """Keys of which a download ended well with bytes that were never whole, or never accepted."""
        good = {
            (key, attempt.digest)
            for key, tried in self._attempts.items()
            for attempt in tried
            if attempt.outcome is not Outcome.DEAD
        }
        return sorted({key for key, digest in self._reads if (key, digest) not in good})

    @property
    def reads(self) -> int:
        """How many different contents were downloaded."""
        return len(self._reads)


def _of(tried: Iterable[Attempt], outcome: Outcome) -> list[Attempt]:
    return [attempt for attempt in tried if attempt.outcome is outcome]


def _allowed(tried: list[Attempt]) -> set[str | None]:
    """What no acknowledged write has replaced since; an empty key counts as acknowledged before all of it."""
    acknowledged = [Attempt(None, 0, 0, Outcome.ACKNOWLEDGED), *_of(tried, Outcome.ACKNOWLEDGED)]
    last = max(attempt.began for attempt in acknowledged)
    current = {attempt.digest for attempt in acknowledged if (attempt.ended or 0) >= last}
    return current | {attempt.digest for attempt in _of(tried, Outcome.UNKNOWN)}
