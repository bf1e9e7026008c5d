"""The end of a gateway that serves: it tells, listens no more, and lets what runs come to its end.

::

    serving -> ending: /readyz is 503, for ``delay`` -> draining: no listener, each answer closes its connection -> over

A connection that is idle stays until its next request, whose answer ends it: to close it at once could meet a request
that is on its way.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from typing import Final

from s3gateway.wire.service import Service

logger = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.05


class Draining:
    """How one gateway ends. ``connections`` and ``in_flight`` count clients, and those with a request under way."""

    def __init__(
        self,
        service: Service,
        stop_listening: Callable[[], None],
        connections: Callable[[], int],
        in_flight: Callable[[], int],
    ) -> None:
        self._service = service
        self._stop_listening = stop_listening
        self._connections = connections
        self._in_flight = in_flight
        self._grace = math.inf
        self._deadline: float | None = None

    async def run(self, delay: float, grace: float) -> None:
        """Return when it is over; at once where there is no ``grace``, as nothing is waited for then.

        Both in seconds; an infinite grace waits as long as something runs, which ``limits.*`` bound.
        """
        loop = asyncio.get_running_loop()
        self._service.is_ending = True
        self.shorten(grace)
        if delay:
            logger.warning("ending: not ready any more, and listening for another %g s", delay)
            await asyncio.sleep(delay)
        self._stop_listening()
        self._service.is_draining = True
        self._deadline = loop.time() + self._grace
        if self._connections() and self._grace:
            logger.warning("ending: %s", self._told())
        while self._connections() and loop.time() < self._deadline:  # noqa: ASYNC110 - nothing tells of each end
            await asyncio.sleep(_LOOK_SECONDS)
        if cut := self._in_flight():
            logger.warning("ending: %d transfers are cut; shutdown.grace is over", cut)

    def shorten(self, grace: float) -> None:
        """Wait no longer than so many seconds from now on, or from the listener's end."""
        self._grace = min(self._grace, grace)
        if self._deadline is not None:
            self._deadline = min(self._deadline, asyncio.get_running_loop().time() + grace)

    def _told(self) -> str:
        bound = "" if math.isinf(self._grace) else f" at most {self._grace:g} s"
        return f"waits{bound} for {self._connections()} connections, {self._in_flight()} with a request under way"
