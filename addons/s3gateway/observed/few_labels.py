"""Values of a label of a metric, where others choose them: the first so many have one of their own."""

from typing import Final

OTHER: Final = "other"
"""Of further ones the sum is told."""


class FewLabels:
    """At most ``most`` values, and :data:`OTHER`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, value: str) -> str:
        """Give the label for a value."""
        if value not in self._known:
            if len(self._known) >= self._most:
                return OTHER
            self._known.add(value)
        return value
