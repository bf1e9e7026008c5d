"""A child process that is ready when `start` returns and gone when we are.

Children run in process groups of their own, with their output in a log file. A group is ended by `stop`, at our exit at
the latest; and if we are killed outright, by a reaper: a process that does nothing but read our pipe, and kill what we
had started when the pipe breaks.
"""

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PATIENCE: Final = 120.0
"""Seconds for a child to start, or to end. It costs nothing where all is well, and a machine may be very busy."""

_REAPER = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try: os.killpg(group, signal.SIGKILL)
    except ProcessLookupError: pass
"""


class ProcessError(Exception):
    """A child did not become ready, or ended early; the text holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Command:
    """What to run: `name` for messages, the arguments, the log file, and the whole environment (None: ours)."""

    name: str
    arguments: Sequence[str]
    log: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None


class Process:
    """A running child. Made by `start`."""

    def __init__(self, command: Command) -> None:
        self.command = command
        with command.log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(command.arguments),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if command.env is None else dict(command.env),
                cwd=command.cwd,
                start_new_session=True,
            )
        self._gone = False
        _reaper.watch(self.pid)
        atexit.register(self.stop)

    @property
    def pid(self) -> int:
        """The child's process id, which is its group's too."""
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether the child has not ended."""
        return self._popen.poll() is None

    @property
    def returncode(self) -> int | None:
        """The exit status, or None while the child runs."""
        return self._popen.poll()

    def log(self) -> str:
        """All output so far, of this child and of earlier ones with the same log file.

        While the child runs, without a last line that has no end yet: the kernel shows a write page by page.
        """
        running = self.running
        text = self.command.log.read_text(encoding="utf-8", errors="replace")
        return text[: text.rfind("\n") + 1] if running else text

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Return once `ready()`; stop and raise `ProcessError` if the child ends first or `seconds` pass."""
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                self._fail(f"ended with status {self.returncode} before it was ready")
            if time.monotonic() > deadline:
                self._fail(f"was not ready after {seconds:g} s")
            time.sleep(0.03)

    def wait(self, seconds: float) -> int:
        """The exit status of a child that ends by itself; `ProcessError` after `seconds`."""
        try:
            return self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self._fail(f"still ran after {seconds:g} s")
            raise

    def stop(self, seconds: float = PATIENCE, *, again: float | None = None) -> None:
        """Ask the group to end (SIGTERM), make it (SIGKILL) after `seconds`, reap it. Harmless when it is gone.

        What ends at once only when it is asked twice is asked `again` every so many seconds.
        """
        deadline = time.monotonic() + seconds
        while self.running and (left := deadline - time.monotonic()) > 0:
            self._signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(min(left, again or left))
        self.kill()

    def kill(self) -> None:
        """End the whole group at once: what a crash of the machine looks like to its peers."""
        if self._gone:
            return
        self._signal(signal.SIGKILL)  # the child may be gone and its own children not
        self._popen.wait()
        self._gone = True
        _reaper.forget(self.pid)
        atexit.unregister(self.stop)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def _fail(self, what: str) -> None:
        self.stop()
        tail = "\n".join(self.log().splitlines()[-30:])
        message = f"{self.command.name} {what}; its output ended with:\n{tail}"
        raise ProcessError(message)


def start(command: Command, ready: Callable[[], bool], seconds: float = PATIENCE) -> Process:
    """Start a child and wait until it is ready; see `Process.wait_ready`."""
    process = Process(command)
    try:
        process.wait_ready(ready, seconds)
    except BaseException:  # interrupted, too: what is not returned could not be stopped
        process.stop()
        raise
    return process


class _Reaper:
    """Our end of the reaper's pipe. Started with the first child, and once more in a process that forked from us."""

    def __init__(self) -> None:
        self._popen: subprocess.Popen[str] | None = None
        self._owner = 0

    def watch(self, group: int) -> None:
        """Kill `group` if we die."""
        if self._popen is None or self._owner != os.getpid():
            self._owner = os.getpid()
            arguments = [sys.executable, "-I", "-S", "-c", _REAPER]
            self._popen = subprocess.Popen(arguments, stdin=subprocess.PIPE, text=True, start_new_session=True)
            atexit.register(self._close)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Let `group` be: it is gone, and its number may be another's soon."""
        self._tell(f"-{group}")

    def _tell(self, line: str) -> None:
        if self._popen is not None and self._popen.stdin is not None and not self._popen.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._popen.stdin.write(line + "\n")
                self._popen.stdin.flush()

    def _close(self) -> None:
        if self._popen is not None and self._popen.stdin is not None:
            self._popen.stdin.close()
            self._popen.wait()


_reaper = _Reaper()
