"""Waiting for what happens in another process: as long as it takes, within a generous limit."""

import time
from collections.abc import Callable

LIMIT = 60.0


def eventually[T](look: Callable[[], T], what: str = "") -> T:
    """Look until there is something; fail after a minute."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, what or "waited in vain"
        time.sleep(0.02)
    return found
