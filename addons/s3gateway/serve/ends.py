"""Why a worker has ended, in words, and how long to wait for the next one. Pure."""

import signal
from typing import Final

_CRASHES: Final = frozenset(
    (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT, signal.SIGSYS)
)
_FIRST_SECONDS: Final = 0.5
_MOST_SECONDS: Final = 30.0
_LONG_SECONDS: Final = 60.0
"""A worker that lived for that long has not failed at its start."""


def reason(status: int, *, out_of_memory: bool) -> str:
    """Explain an end that nobody here has asked for; ``status`` is the exit status, negative for a signal's number."""
    if status == 0:
        return "ended though nobody here had asked it to: a signal was sent to it, and not to the parent"
    if status > 0:
        return f"ended with status {status}: what it wrote last says why"
    try:
        number = signal.Signals(-status)
    except ValueError:
        return f"was ended by signal {-status}"
    if number is signal.SIGKILL and out_of_memory:
        return "was killed by the kernel, as the memory limit was reached; allow more, or run fewer workers"
    if number is signal.SIGKILL:
        return "was killed (SIGKILL), by somebody or by the kernel of a machine out of memory; `dmesg` tells the latter"
    if number in _CRASHES:
        return f"crashed ({number.name}) in native code; PYTHONFAULTHANDLER=1 in its environment has it tell where"
    return f"was ended by {number.name}"


def failures_after(before: int, lived: float) -> int:
    """How many workers in a row have ended early at a place, with the one that has just ``lived`` so many seconds."""
    return 1 if lived >= _LONG_SECONDS else before + 1


def back_off(failures: int) -> float:
    """Seconds until the next try: half a second at first, twice that each time, and half a minute at most."""
    return min(_MOST_SECONDS, _FIRST_SECONDS * 2.0 ** min(failures - 1, 16))
