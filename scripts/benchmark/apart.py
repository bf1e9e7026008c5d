"""Processes that must not wait for each other: cores and priorities, so far as the system gives them.

A new process runs where its parent runs, so this is set before it is started.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum


class Turn(IntEnum):
    """Who runs first where several want to: priorities of SCHED_RR, and 0 for everybody else's."""

    ANY = 0
    MEASURED_WITH = 5
    MEASURES = 10


@contextmanager
def cores() -> Iterator[tuple[set[int], set[int]]]:
    """Give a core for what is measured, and the others for the rest; afterwards this process runs as it did."""
    own = os.sched_getaffinity(0)
    first = {min(own)}
    try:
        yield first, (own - first) or first
    finally:
        settle(own, Turn.ANY)


def settle(on: set[int], turn: Turn) -> None:
    """Run on these cores from now on, at this priority if that is allowed; its threads and processes begin so, too."""
    os.sched_setaffinity(0, on)
    policy = os.SCHED_RR if turn else os.SCHED_OTHER
    with suppress(PermissionError):
        os.sched_setscheduler(0, policy, os.sched_param(turn))
