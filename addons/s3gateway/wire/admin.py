"""The listener for operators: health, readiness, metrics. Never on the port of S3; it gives no secret."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from s3gateway import errors
from s3gateway.code_location import code_location
from s3gateway.http1.head import Request, reason, write_answer
from s3gateway.http1.heads import Heads

logger = logging.getLogger(__name__)

_HEAD_LIMIT: Final = 8 * 1024
_PATIENCE_SECONDS: Final = 10.0
_READS: Final = frozenset((b"GET", b"HEAD"))


@dataclass(frozen=True, slots=True)
class Page:
    """What is answered."""

    body: bytes
    status: int = 200
    content_type: bytes = b"text/plain; charset=utf-8"


Pages = Mapping[bytes, Callable[[], Awaitable[Page]]]
"""A page for each path."""


class Admin:
    """Listens on an address of its own and answers with ``pages``."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._server: asyncio.Server | None = None

    async def listen(self, host: str, port: int) -> None:
        """Listen; the log tells where, or why not."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self._pages), host, port)
        except OSError as error:
            why = f"cannot listen on port {port} of {host}: {error.strerror}"
            logger.error("admin: %s; health and metrics are not served", why)  # noqa: TRY400 - no traceback
            return
        logger.warning("admin on %s:%d: %s", host, port, b" ".join(sorted(self._pages)).decode())

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()


class _Connection(asyncio.Protocol):
    """One request, one answer."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._heads = Heads()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._deadline = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._end)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection."""
        self._transport = transport  # type: ignore[assignment]  # asyncio's annotation says less

    def data_received(self, data: bytes) -> None:
        """Answer the first request; more than one there is not."""
        if self._task is not None:
            return
        self._heads.add(data)
        try:
            request = self._heads.take(_HEAD_LIMIT)
        except errors.S3Error as error:
            self._give(Page(error.message.encode(), error.status), b"GET")
            return
        if request is not None:
            self._task = asyncio.get_running_loop().create_task(self._answer(request), name="s3gateway admin")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Let go of it."""
        self._deadline.cancel()
        self._transport = None
        if self._task is not None:
            self._task.cancel()

    async def _answer(self, request: Request) -> None:
        head = request.head
        page = self._pages.get(head.path)
        if page is None:
            given = Page(b"not found: " + b" ".join(sorted(self._pages)) + b"\n", 404)
        elif head.method not in _READS:
            given = Page(b"GET only\n", 405)
        else:
            try:
                given = await page()
            except Exception as error:  # noqa: BLE001 - a page must not end the listener
                logger.error("admin page %s failed: %s", head.path.decode("latin-1"), code_location(error))  # noqa: TRY400
                given = Page(b"internal error\n", 500)
        self._give(given, head.method)

    def _give(self, page: Page, method: bytes) -> None:
        if self._transport is None:
            return
        fields = (
            (b"Content-Type", page.content_type),
            (b"Content-Length", b"%d" % len(page.body)),
            (b"Cache-Control", b"no-store"),
            (b"Connection", b"close"),
        )
        head = write_answer(page.status, reason(page.status), fields)
        self._transport.write(head if method == b"HEAD" else head + page.body)
        self._transport.close()

    def _end(self) -> None:
        if self._transport is not None:
            self._transport.abort()
