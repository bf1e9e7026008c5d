"""When a session is renewed: well ahead of its end, once, and after a failure at growing distances. Sans-IO."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

_LONGEST_LEAD: Final = timedelta(minutes=10)
_PART_OF_LIFE: Final = 4
"""A short session is renewed in the last quarter of its life: one of 15 minutes, the shortest of STS, after 11."""

_FIRST_PAUSE: Final = timedelta(seconds=5)
_LONGEST_PAUSE: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Renewal:
    """When to renew next; ``at`` is None where there is no end, and nothing to renew."""

    at: datetime | None = None
    pause: timedelta = timedelta()

    @classmethod
    def of(cls, now: datetime, end: datetime | None) -> "Renewal":
        """Plan for what was given ``now`` and ends at ``end``, both timezone-aware."""
        if end is None:
            return cls()
        lead = min(_LONGEST_LEAD, (end - now) / _PART_OF_LIFE)
        return cls(max(end - lead, now + _FIRST_PAUSE))

    def is_due(self, now: datetime) -> bool:
        """Whether to renew now."""
        return self.at is not None and now >= self.at

    def failed(self, now: datetime) -> "Renewal":
        """Plan the next try after one that failed."""
        pause = min(_LONGEST_PAUSE, self.pause * 2) if self.pause else _FIRST_PAUSE
        return replace(self, at=now + pause, pause=pause)
