"""Memory and open file descriptors of a process over time, from proc(5), and whether they grew."""

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

MIB: Final = 1024 * 1024
_EVERY: Final = 0.5  # seconds


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the start, resident bytes, open file descriptors."""

    at: float
    memory: int
    descriptors: int


@dataclass(frozen=True, slots=True)
class Growth:
    """A figure's median in the first and the last third of the samples, and its peak."""

    first: float
    last: float
    peak: float

    def exceeds(self, factor: float, slack: float) -> bool:
        """Whether the last third lies above the first by more than a share of it and a constant."""
        return self.last > self.first * factor + slack


def growth(figures: Sequence[float]) -> Growth:
    """Compare thirds; at least one figure each."""
    third = max(1, len(figures) // 3)
    return Growth(statistics.median(figures[:third]), statistics.median(figures[-third:]), max(figures))


def look(pid: int, at: float = 0.0) -> Sample:
    """Look at a process now; `OSError` if it is gone."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    resident = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
    return Sample(at, int(resident.split()[1]) * 1024, len(list(Path(f"/proc/{pid}/fd").iterdir())))


@dataclass(slots=True)
class Watch:
    """Looks at a process twice a second in a thread, for a `with` block. It may be another one after a restart."""

    pid: Callable[[], int]
    samples: list[Sample] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        began = time.monotonic()
        while not self._stop.wait(_EVERY):
            try:
                self.samples.append(look(self.pid(), time.monotonic() - began))
            except (OSError, ValueError):  # between two lives
                continue
