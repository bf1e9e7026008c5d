"""A worker's side: the sockets that it accepts from, and what the parent asks of it."""

import asyncio
import json
import logging
import math
import os
import socket
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, Protocol

from s3gateway.code_location import code_location
from s3gateway.serve.accepting import Acceptor, OnStream
from s3gateway.serve.assignment import LINE_LIMIT, Assignment, to_line
from s3gateway.serve.ledger import Ledger
from s3gateway.wire.admin import Page, Pages

logger = logging.getLogger(__name__)

_BEAT_SECONDS: Final = 0.5
_SEND_BUFFER: Final = 1024 * 1024
"""Bytes: the last words of a worker leave in one write, as nothing is waited for then."""


class Orders(Protocol):
    """What the parent may ask for."""

    def drain(self, delay: float, grace: float) -> None:
        """End when nothing runs any more."""

    def end_now(self) -> None:
        """End at once."""

    def reload(self) -> None:
        """Read the configuration anew."""


class Worker:
    """This process, as its parent's. It outlives the gateway's script, which may be loaded again: `orders` is its."""

    def __init__(self, assignment: Assignment) -> None:
        self.number: Final = assignment.number
        self.ledger: Final = Ledger(assignment.ledger, assignment.slot)
        self.orders: Orders | None = None
        self._pages: Pages = {}
        self._sockets = assignment.sockets
        self._channel = assignment.channel
        self._acceptors: list[Acceptor] = []
        self._writer: asyncio.StreamWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def listen(self, on_stream: OnStream) -> list[Acceptor]:
        """Accept connections from the parent's sockets."""
        self._acceptors = [
            Acceptor(socket.socket(fileno=os.dup(file)), on_stream, self.ledger.ahead) for file in self._sockets
        ]
        self.ledger.beat(accepts=True)
        return self._acceptors

    def stop_listening(self) -> None:
        """Let go of the sockets as well: where the parent has done so, too, nobody can connect any more."""
        for acceptor in self._acceptors:
            acceptor.close()
        self.ledger.beat(accepts=False)
        sockets, self._sockets = self._sockets, ()
        for file in sockets:
            os.close(file)

    def ready(self, pages: Pages) -> None:
        """Tell the parent that connections are accepted, and serve it these pages."""
        self._pages = pages
        if self._writer is None:
            self._run(self._serve())
            self._run(self._beat())
        else:
            self._tell_ready()

    def last_words(self, metrics: bytes) -> None:
        """Tell what was counted, as this process ends."""
        self._tell({"is": "last", "body": metrics.decode()})

    def _tell_ready(self) -> None:
        self._tell({"is": "ready", "pages": [path.decode() for path in self._pages]})

    async def _serve(self) -> None:
        channel = socket.socket(fileno=self._channel)
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        reader, self._writer = await asyncio.open_unix_connection(sock=channel, limit=LINE_LIMIT)
        self._tell_ready()
        while line := await reader.readline():
            try:
                self._obey(json.loads(line))
            except Exception as error:  # noqa: BLE001 - an order that fails must not leave the worker deaf
                logger.error("an order of the parent's failed: %s", code_location(error))  # noqa: TRY400
        logger.error("the parent has gone: this worker ends when its connections have")
        if self.orders is not None:
            self.orders.drain(0, math.inf)

    def _obey(self, message: Mapping[str, Any]) -> None:
        orders = self.orders
        match message["do"]:
            case "page":
                self._run(self._answer(message["id"], message["path"]))
            case "drain" if orders:
                grace = message["grace"]
                orders.drain(message["delay"], math.inf if grace is None else grace)
            case "end" if orders:
                orders.end_now()
            case "reload" if orders:
                orders.reload()

    async def _answer(self, number: int, path: str) -> None:
        page = self._pages.get(path.encode())
        try:
            given = await page() if page else Page(b"not found\n", 404)
        except Exception as error:  # noqa: BLE001 - as the admin listener
            logger.error("admin page %s failed: %s", path, code_location(error))  # noqa: TRY400
            given = Page(b"internal error\n", 500)
        told = {"status": given.status, "type": given.content_type.decode(), "body": given.body.decode()}
        self._tell({"is": "page", "id": number, **told})

    async def _beat(self) -> None:
        while True:
            self.ledger.beat(accepts=any(acceptor.sockets for acceptor in self._acceptors))
            await asyncio.sleep(_BEAT_SECONDS)

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(to_line(message))

    def _run(self, coroutine: Any) -> None:
        task = asyncio.get_running_loop().create_task(coroutine, name="s3gateway worker")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@cache
def this_worker() -> Worker | None:
    """Give this process as a worker; None where no parent has started it."""
    assignment = Assignment.from_environment(os.environ)
    return Worker(assignment) if assignment else None
