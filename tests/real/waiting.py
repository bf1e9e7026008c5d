"""Waiting for what happens, in another process or in this: as long as it takes, within a generous limit."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

LIMIT = 60.0


def eventually[T](look: Callable[[], T], what: str = "") -> T:
    """Look until there is something; fail after a minute."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, what or "waited in vain"
        time.sleep(0.02)
    return found


@contextmanager
def ends() -> Iterator[None]:
    """Fail what computes for a minute: of enough input, what takes the square of its length never comes to an end."""

    def give_up(*_: object) -> None:
        raise AssertionError("it does not come to an end")

    before = signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def whole_lines(path: Path) -> str:
    """What another process has written there, up to its last line end: the kernel shows a write page by page."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return text[: text.rfind("\n") + 1]
