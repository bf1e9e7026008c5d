"""Health polls come once a second for as long as somebody waits. They are counted, and told of once a minute."""

from collections import Counter
from collections.abc import Callable
from typing import Final

MINUTE: Final = 60.0

Later = Callable[[float, Callable[[], None]], object]
"""Calls something after so many seconds."""


class Polls:
    """Counts polls by path and status. ``tell`` takes the line; ``later`` is the clock."""

    def __init__(self, tell: Callable[[str], None], later: Later) -> None:
        self._tell = tell
        self._later = later
        self._counts: Counter[tuple[str, int]] = Counter()

    def count(self, path: str, status: int) -> None:
        """Count one; the first of a minute has the line written at its end."""
        if not self._counts:
            self._later(MINUTE, self.flush)
        self._counts[path, status] += 1

    def flush(self) -> None:
        """Tell of what was counted since the last time."""
        counts, self._counts = self._counts, Counter()
        if counts:
            each = ", ".join(f"{number} {path} answered {status}" for (path, status), number in sorted(counts.items()))
            self._tell(f"health polls without a signature in the last minute: {each}")
