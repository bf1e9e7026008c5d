"""How the demo ends before its end: Ctrl-C and its like, without leaving a process or a folder behind."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked for the end. `status` is what a shell reports of it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.by_ctrl_c: Final = number == signal.SIGINT
        self.status: Final = 128 + number


class Ending:
    """Takes the signals over and raises `Stopped` once; what unwinds after that is not disturbed.

    Inside `deferred` the first signal waits for `checkpoint` or the end of the block, so that nothing is started and
    then not known to anyone; a second one does not wait.
    """

    def __init__(self) -> None:
        self._deferring = False
        self._pending: int | None = None
        # Set here and not left to Python: a shell's background job starts with SIGINT ignored.
        for number in _SIGNALS:
            signal.signal(number, self._on_signal)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Hold the first signal back."""
        self._deferring = True
        yield
        self._deferring = False
        self.checkpoint()

    def checkpoint(self) -> None:
        """Raise what was held back."""
        if self._pending is not None:
            self._stop(self._pending)

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._deferring and self._pending is None:
            self._pending = number
        else:
            self._stop(number)

    def _stop(self, number: int) -> None:
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        raise Stopped(number)
