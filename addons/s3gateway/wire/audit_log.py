"""Audit lines on their way: to a file, standard output, a webhook. No request waits for any of them.

A disk that is full is told of once, and lines wait for it; what does not fit any more is lost and counted. With
``audit.required`` requests are refused meanwhile, as nobody could tell later that they were made.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from s3gateway import errors
from s3gateway.config.observing import Audit
from s3gateway.wire.appending import append
from s3gateway.wire.webhook import Poster

logger = logging.getLogger(__name__)

MOST_WAITING: Final = 8 * 1024 * 1024
"""Characters of lines that wait for a disk."""

_BATCH_SECONDS: Final = 0.1
"""How long a line waits for others: a thread's turn costs as much as several lines."""

_RETRY_SECONDS: Final = 1.0
_FILE, _WEBHOOK = "file", "webhook"


class AuditFile:
    """Appends lines in a thread, opening the file for each batch of them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost = 0
        self.problem = ""
        self._waiting: list[str] = []
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._begin()  # so that it is there, or the operator told at once

    def write(self, line: str) -> None:
        """Take a line with its end; it is written soon."""
        if self._size + len(line) > MOST_WAITING:
            self.lost += 1
            return
        self._waiting.append(line)
        self._size += len(line)
        if self._task is None or self._task.done():
            self._begin()

    def close(self) -> None:
        """Write what is waiting now; what cannot be written is lost."""
        if self._task is not None:
            self._task.cancel()
        lines, self._waiting = self._waiting, []
        self._report(self._append(lines))
        if self.problem:
            self.lost += len(lines)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._drain(), name="s3gateway audit")

    async def _drain(self) -> None:
        while True:
            await asyncio.sleep(_BATCH_SECONDS if not self.problem else _RETRY_SECONDS)
            lines, self._waiting = self._waiting, []
            writing = asyncio.get_running_loop().run_in_executor(None, self._append, lines)
            try:
                self._report(await asyncio.shield(writing))
            except asyncio.CancelledError:
                await asyncio.wait([writing])  # the end may not come in the middle of it
                if writing.result():
                    self.lost += len(lines)
                raise
            if self.problem:
                self._waiting[:0] = lines
            else:
                self._size -= sum(map(len, lines))
                if not self._waiting:
                    return

    def _append(self, lines: list[str]) -> str:
        try:
            append(self.path, "".join(lines).encode("ascii"))
        except OSError as error:
            return error.strerror or type(error).__name__
        return ""

    def _report(self, problem: str) -> None:
        """Say that lines have to wait, once; and that they no longer do."""
        if problem and not self.problem:
            logger.error("audit.file: %s cannot be written (%s); it is tried again each second", self.path, problem)
        elif self.problem and not problem:
            lost = f"; {self.lost} lines were lost" if self.lost else ""
            logger.warning("audit.file: %s is written again%s", self.path, lost)
        self.problem = problem


class AuditLog:
    """All targets of one configuration. ``to_stdout`` takes a line for standard output."""

    def __init__(self, to_stdout: Callable[[str], None]) -> None:
        self._to_stdout = to_stdout
        self._audit: Audit | None = None
        self._file: AuditFile | None = None
        self._poster: Poster | None = None
        self._lost = {_FILE: 0, _WEBHOOK: 0}

    @property
    def is_on(self) -> bool:
        """Whether lines go anywhere."""
        return self._audit is not None

    @property
    def deployment_id(self) -> str:
        """What lines name as ``deploymentid``."""
        return self._audit.deployment_id if self._audit is not None else ""

    @property
    def lost(self) -> Mapping[str, int]:
        """How many lines each target has lost since the start; of those that there are."""
        now = {_FILE: self._file, _WEBHOOK: self._poster}
        return {name: self._lost[name] + target.lost for name, target in now.items() if target is not None}

    @property
    def problem(self) -> str:
        """Why no request may be served; empty where they may."""
        if self._audit is None or not self._audit.required or self._file is None or not self._file.problem:
            return ""
        return f"the audit log cannot be written ({self._file.problem})"

    def refusal(self) -> errors.S3Error | None:
        """Give what every request is refused with, if it must be."""
        problem = self.problem
        return errors.unaudited(problem) if problem else None

    def use(self, audit: Audit | None) -> None:
        """Write to these targets from now on; those that stay keep what waits."""
        before, self._audit = self._audit, audit
        path = audit.file if audit is not None else None
        if self._file is None or self._file.path != path:
            self._end_file()
            self._file = AuditFile(path) if path is not None else None
        webhook = audit.webhook if audit is not None else None
        if webhook != (before.webhook if before is not None else None):
            self._end_poster(wait=0.0)
            self._poster = Poster(webhook) if webhook is not None else None

    def write(self, line: str) -> None:
        """Take a line with its end."""
        if self._file is not None:
            self._file.write(line)
        if self._poster is not None:
            self._poster.write(line)
        if self._audit is not None and self._audit.stdout:
            self._to_stdout(line)

    def stop(self) -> None:
        """Write what waits, for a moment."""
        self._end_file()
        self._end_poster(wait=2.0)
        self._audit = None

    def _end_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._lost[_FILE] += self._file.lost
            self._file = None

    def _end_poster(self, *, wait: float) -> None:
        if self._poster is not None:
            self._poster.close(wait)
            self._lost[_WEBHOOK] += self._poster.lost
            self._poster = None
