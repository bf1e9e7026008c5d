"""Waiting for what happens in another process: as long as it takes, within a generous limit."""

import time
from collections.abc import Callable
from pathlib import Path

LIMIT = 60.0


def eventually[T](look: Callable[[], T], what: str = "") -> T:
    """Look until there is something; fail after a minute."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, what or "waited in vain"
        time.sleep(0.02)
    return found


def whole_lines(path: Path) -> str:
    """What another process has written there, up to its last line end: the kernel shows a write page by page."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text[: text.rfind("\n") + 1]
