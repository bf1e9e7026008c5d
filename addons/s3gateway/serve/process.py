"""One worker, as its parent sees it: a process, and the channel to it."""

import asyncio
import json
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Self

from s3gateway.serve.assignment import LINE_LIMIT, VARIABLE, Assignment, to_line
from s3gateway.wire.admin import Page

logger = logging.getLogger(__name__)

_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Start:
    """How workers are started: the command line, its environment, the ledger's descriptor, the sockets."""

    command: Sequence[str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)  # it may hold credentials
    ledger: int
    sockets: Sequence[int]


class Process:
    """A running worker. ``number`` is its place, ``slot`` its own in the ledger; ``is_ending`` once it was asked to."""

    def __init__(self, number: int, slot: int, process: asyncio.subprocess.Process, channel: socket.socket) -> None:
        self.number: Final = number
        self.slot: Final = slot
        self.pid: Final = process.pid
        self.began: Final = time.monotonic()
        self.is_ready = self.is_ending = False
        self.pages: tuple[str, ...] = ()
        self.metrics = ""
        """What it has counted, as far as is known here."""
        self._process = process
        self._answers: dict[int, asyncio.Future[Page]] = {}
        self._asked = 0
        self._ready = asyncio.get_running_loop().create_future()
        self._writer: asyncio.StreamWriter | None = None
        self._channel = channel
        self._reading = asyncio.create_task(self._read(), name=f"s3gateway worker {number}")
        self._ended = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, number: int, slot: int, start: Start) -> Self:
        """Start it; it is not ready then. Raises OSError."""
        ours, theirs = socket.socketpair()
        assignment = Assignment(number, slot, tuple(start.sockets), theirs.fileno(), start.ledger)
        try:
            process = await asyncio.create_subprocess_exec(
                *start.command,
                stdin=asyncio.subprocess.DEVNULL,
                env=dict(start.environment) | {VARIABLE: assignment.to_text()},
                pass_fds=(*start.sockets, theirs.fileno(), start.ledger),
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return cls(number, slot, process, ours)

    async def ready(self) -> bool:
        """Wait until it accepts connections; False if it has ended before, or takes a minute."""
        await asyncio.wait((self._ready, self._ended), timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not self._ready.done() and not self._ended.done():
            logger.error("worker %d (pid %d) has not started within %g s", self.number, self.pid, _START_SECONDS)
            self.kill()
            await self.ended()
        return self.is_ready and not self._ended.done()

    @property
    def serves(self) -> bool:
        """Whether it accepts connections."""
        return self.is_ready and not self.is_ending and not self._ended.done()

    async def ended(self) -> int:
        """Wait for its end; the exit status, negative for a signal's number."""
        return await asyncio.shield(self._ended)

    def on_end(self, call: Callable[[], None]) -> None:
        """Call when it has ended and all that it told has been read."""
        self._ended.add_done_callback(lambda _: call())

    def drain(self, delay: float, grace: float | None) -> None:
        """Ask it to end when nothing runs any more; without ``grace`` however long that takes."""
        self.is_ending = True
        self._tell({"do": "drain", "delay": delay, "grace": grace})

    def end_now(self) -> None:
        """Ask it to end at once."""
        self.is_ending = True
        self._tell({"do": "end"})

    def reload(self) -> None:
        """Ask it to read its configuration anew."""
        self._tell({"do": "reload"})

    def kill(self) -> None:
        """End it by force."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def page(self, path: str) -> Page | None:
        """Ask for one of its pages; None if it does not answer."""
        self._asked += 1
        number = self._asked
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self._tell({"do": "page", "id": number, "path": path})
        try:
            return await asyncio.wait_for(answer, _ANSWER_SECONDS)
        except TimeoutError:
            return None
        finally:
            del self._answers[number]

    async def _wait(self) -> int:
        status = await self._process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._reading, _ANSWER_SECONDS)  # its last words may still be on their way
        return status

    async def _read(self) -> None:
        reader, self._writer = await asyncio.open_unix_connection(sock=self._channel, limit=LINE_LIMIT)
        with suppress(OSError, ValueError):
            while line := await reader.readline():
                self._take(json.loads(line))
        self._writer.close()

    def _take(self, message: Mapping[str, Any]) -> None:
        match message["is"]:
            case "ready":
                self.is_ready, self.pages = True, tuple(message["pages"])
                if not self._ready.done():
                    self._ready.set_result(None)
            case "page":
                page = Page(message["body"].encode(), message["status"], message["type"].encode())
                answer = self._answers.get(message["id"])
                if answer is not None and not answer.done():
                    answer.set_result(page)
            case "last":
                self.metrics = message["body"]

    def _tell(self, message: Mapping[str, Any]) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(to_line(message))


def environment_of_workers() -> dict[str, str]:
    """Our own, without what concerns this process alone."""
    ours = dict(os.environ)
    for name in ("PYTHONPATH", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC"):
        ours.pop(name, None)
    return ours
