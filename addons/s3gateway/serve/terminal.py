"""Whether a SIGHUP means that the terminal was closed, or was sent by somebody who wants a reload."""

import os
from typing import Final

_STANDARD: Final = (0, 1, 2)


class Terminal:
    """The terminal that this process had when this was made, if it had one."""

    def __init__(self) -> None:
        self._was_there = _is_there()

    @property
    def was_closed(self) -> bool:
        """Whether it is there no more."""
        return self._was_there and not _is_there()


def _is_there() -> bool:
    return any(map(os.isatty, _STANDARD))
