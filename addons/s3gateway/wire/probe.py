"""Whether the backend can be reached now: a connection is made, TLS included, and kept for the next request."""

import asyncio

from s3gateway.wire.backend_connection import BackendConnection
from s3gateway.wire.backends import Pool


async def reach(pool: Pool, seconds: float) -> str:
    """Connect; give why that was not possible within ``seconds``, and an empty text where it was."""
    visitor = _Visitor()
    opening = pool.connect(visitor)
    try:
        async with asyncio.timeout(seconds):
            return await visitor.found
    except TimeoutError:
        return f"not connected within {seconds:g} s"
    finally:
        if not visitor.found.done() or visitor.found.cancelled():
            opening.cancel()


class _Visitor:
    """:class:`s3gateway.wire.backend_connection.User` of a connection that it asks nothing of."""

    def __init__(self) -> None:
        self.found: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def _tell(self, why: str) -> None:
        if not self.found.done():
            self.found.set_result(why)

    def backend_is_up(self, backend: BackendConnection) -> None:
        """Give it back at once."""
        self._tell("")
        backend.give_back()

    def backend_failed(self, why: str) -> None:
        """Tell why."""
        self._tell(why)

    def backend_data(self, data: bytes) -> None:
        """Nothing was asked."""

    def backend_gone(self, why: str) -> None:
        """It has ended before it was up."""
        self._tell(why)

    def backend_is_full(self) -> None:
        """Nothing is written."""

    def backend_has_room(self) -> None:
        """Nothing is written."""
