"""What happens to the cluster's servers: one at a time is killed, stands still, or is cut off by resets."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from lab.minio_cluster import MinioCluster

_BACK_SECONDS: Final = 60.0


class Fault(Enum):
    """Its name in the report."""

    KILLED = "killed"
    STOPPED = "stopped"
    CUT = "cut"


@dataclass(frozen=True, slots=True)
class Event:
    """One of them: at `endpoint` from `began` to `ended`, in seconds since the epoch as the gateway's log has it."""

    fault: Fault
    endpoint: str
    began: float
    ended: float


class Faults:
    """One each `every` seconds, which lasts for less than half of that; `tell` hears of each."""

    def __init__(self, cluster: MinioCluster, chance: random.Random, every: float, tell: Callable[[str], None]) -> None:
        self._cluster, self._chance, self._every, self._tell = cluster, chance, every, tell
        self._lasts = every * 0.4
        self.events: list[Event] = []

    def run(self, count: int, stop: threading.Event) -> None:
        """Make so many, all kinds in turn, each at a server taken at random."""
        kinds = list(Fault)
        for number in range(count):
            if stop.wait(self._every * self._chance.uniform(0.2, 0.3)):
                return
            self._make(kinds[number % len(kinds)], self._chance.randrange(len(self._cluster.ports)), stop)
            if stop.wait(self._every - self._lasts - self._every * 0.25):
                return

    def _make(self, fault: Fault, number: int, stop: threading.Event) -> None:
        self._tell(f"server {number + 1} is {fault.value}")
        began = time.time()
        match fault:
            case Fault.KILLED:
                self._cluster.kill(number)
                stop.wait(self._lasts)
                self._cluster.start(number)
                self.await_back(number)
            case Fault.STOPPED:
                self._cluster.halt(number)
                stop.wait(self._lasts)
                self._cluster.go_on(number)
            case Fault.CUT:
                self._cluster.cut(number)
                stop.wait(self._lasts)
                self._cluster.mend(number)
        self.events.append(Event(fault, self._cluster.endpoints[number], began, time.time()))

    def await_back(self, number: int) -> None:
        """Wait until a server that was started takes requests."""
        ends = time.monotonic() + _BACK_SECONDS
        while not self._cluster.stores(number) and time.monotonic() < ends:
            time.sleep(0.1)
