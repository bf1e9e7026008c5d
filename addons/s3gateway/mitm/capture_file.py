"""Appends captured exchanges to a file, off the event loop: a slow or full disk delays no request.

The file is opened for each batch of lines, so it may be moved away or removed at any time (logrotate), and a batch
that cannot be written whole leaves no half a line behind.
"""

import asyncio
import logging
from pathlib import Path
from threading import Lock

from s3gateway.wire.appending import append

logger = logging.getLogger(__name__)

MOST_WAITING = 8 * 1024 * 1024
"""Characters of lines that wait for a disk; what comes on top is lost, and that is said."""


class CaptureFile:
    """Lines on their way to a file that is made if it is missing, for its owner's eyes only."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: list[str] = []
        self._size = 0
        self._problem = ""
        self._lock = Lock()
        self._task: asyncio.Task[None] | None = None
        self.append("")  # so that it is there, or the operator told at once

    def append(self, line: str) -> None:
        """Take a line with its end; it is written soon."""
        if self._size + len(line) > MOST_WAITING:
            self._report("the disk is too slow")
            return
        self._waiting.append(line)
        self._size += len(line)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain(), name="s3gateway capture")

    def close(self) -> None:
        """Write what is waiting now."""
        self._report(self._write(self._take()))

    async def _drain(self) -> None:
        while self._waiting:
            self._report(await asyncio.to_thread(self._write, self._take()))

    def _take(self) -> bytes:
        lines, self._waiting, self._size = self._waiting, [], 0
        return "".join(lines).encode("ascii")

    def _write(self, data: bytes) -> str:
        with self._lock:
            try:
                append(self.path, data)
            except OSError as error:
                return error.strerror or type(error).__name__
        return ""

    def _report(self, problem: str) -> None:
        """Say that lines are lost, once; and that they no longer are."""
        if problem and not self._problem:
            logger.error(
                "log.capture: %s cannot be written (%s); exchanges are not captured until it can", self.path, problem
            )
        elif self._problem and not problem:
            logger.warning("log.capture: %s is written again", self.path)
        self._problem = problem
