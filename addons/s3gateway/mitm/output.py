"""Standard output as a log: a line leaves when it is written, and what cannot be written is told elsewhere.

mitmdump keeps its lines in a buffer where no terminal reads them: that a configuration was refused would be told with
the next request only. With a full disk under the log, or a pipe whose reader is started anew, it would lose lines
without a word, or end.
"""

import select
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO


class Output:
    """What mitmdump's handler and the access log write to. That lines are lost is told on standard error, once."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._problem = ""

    def write(self, text: str) -> int:
        """Take a part of a line, or one with its end, which goes out at once."""
        try:
            for part in _whole(text):
                self._stream.write(part)
                if part.endswith("\n"):
                    self._stream.flush()
            if text.endswith("\n"):
                self._report("")
        except OSError as error:
            self._report(error.strerror or type(error).__name__)
        return len(text)

    def flush(self) -> None:
        """Nothing is left to do at the end of a line."""

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return self._stream.isatty()

    def _report(self, problem: str) -> None:
        if problem == self._problem:
            return
        told = f"cannot be written ({problem}); lines are lost until it can" if problem else "is written again"
        self._problem = problem
        with suppress(OSError, AttributeError):  # it may be the same full disk, or closed
            sys.stderr.write(f"s3_gateway: standard output {told}\n")
            sys.stderr.flush()


def _whole(text: str) -> Iterator[str]:
    """Cut it at line ends, into as much as a pipe takes in one piece: several workers write to the same one."""
    while len(text) > select.PIPE_BUF and (cut := text.rfind("\n", 0, select.PIPE_BUF) + 1):
        yield text[:cut]
        text = text[cut:]
    yield text
