"""Deadlines: whatever has one is asked once a second whether it is over, which costs a microsecond for each.

A timer for each wait would be set and cancelled several times in a small request, and cost more than all of it.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from s3gateway.code_location import code_location

logger = logging.getLogger(__name__)

SECONDS: Final = 1.0


class Timed(Protocol):
    """What may stand still for too long."""

    def check(self, now: float) -> None:
        """End what has stood still for too long; ``now`` is the event loop's time in seconds."""


class Clock:
    """Asks everything in ``watched``; ``before`` is called first each time, for what has no connection.

    ``now()`` is the event loop's time in seconds.
    """

    def __init__(self, before: Callable[[float], None]) -> None:
        self.watched: set[Timed] = set()
        self.now = asyncio.get_running_loop().time
        self._before = before
        self._task = asyncio.create_task(self._run(), name="s3gateway clock")

    def stop(self) -> None:
        """Ask no more."""
        self._task.cancel()

    async def _run(self) -> None:
        await asyncio.sleep(0)  # mitmproxy's loop begins tasks at once, and whoever makes a clock has not got it yet
        while True:
            self._ask_all()
            await asyncio.sleep(SECONDS)

    def _ask_all(self) -> None:
        """Ask each; while :meth:`_run` sleeps, no variable of its holds one that has ended."""
        self._ask(self._before, self.now())
        for one in tuple(self.watched):
            self._ask(one.check, self.now())

    @staticmethod
    def _ask(check: Callable[[float], None], now: float) -> None:
        try:
            check(now)
        except Exception as error:  # noqa: BLE001 - one odd connection must not keep the others from being watched
            logger.error("connections not watched: %s", code_location(error))  # noqa: TRY400
