"""Gives memory back to the system that large bodies have left with the allocator.

glibc keeps what is freed between what is in use. After uploads in chunks of many MiB that may be several times what the
process needs. ``malloc_trim`` returns it in milliseconds; ``MALLOC_TRIM_THRESHOLD_`` would do so at each release, which
takes twice the time of a large upload.
"""

import ctypes
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_AFTER_BYTES: Final = 64 * 1024 * 1024
_WORTH_BYTES: Final = 4 * 1024 * 1024
"""Less than that leaves nothing to speak of."""
_AFTER_SECONDS: Final = 1.0


class Memory:
    """Told of what has moved, it trims now and then; where there is no glibc it does nothing."""

    def __init__(self) -> None:
        self._moved = self._seen = 0
        self._last = 0.0
        self._trim: Callable[[int], int] | None = None
        with suppress(OSError, AttributeError):
            self._trim = ctypes.CDLL(None).malloc_trim

    def trim(self) -> None:
        """Give back what can be given."""
        if self._trim is not None:
            self._trim(0)

    def moved(self, count: int) -> None:
        """Count the bytes of an exchange that has ended."""
        self._moved += count

    def check(self, now: float) -> None:
        """Trim if much has moved, and not too often, or when less has and no more follows; ``now`` is in seconds."""
        is_quiet, self._seen = self._moved == self._seen, self._moved
        enough = _WORTH_BYTES if is_quiet else _AFTER_BYTES
        if self._moved >= enough and now - self._last >= _AFTER_SECONDS:
            self._moved, self._seen, self._last = 0, 0, now
            self.trim()
