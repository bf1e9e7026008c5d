"""The load generator at a given rate: requests leave when they are due, however long the answers take.

A request that finds no free connection waits for one, and that counts: its latency is from when it was due.
"""

import select
import time
from collections.abc import Sequence
from typing import Final, Self

from benchmark.lane import Lane, LoadError
from benchmark.load import Endpoint
from benchmark.signed import Signed

_READ: Final = 1 << 16
_PATIENCE: Final = 60.0


class Paced:
    """Connections to one endpoint for small requests without a body. Use it in a `with` block."""

    def __init__(self, endpoint: Endpoint, requests: Sequence[Signed]) -> None:
        context, address = endpoint.tls(), endpoint.address
        self._idle = [Lane(address, context, request) for request in requests]
        self._busy: dict[int, tuple[Lane, float]] = {}
        self._poll = select.epoll()
        self._buffer = memoryview(bytearray(_READ))

    def __enter__(self) -> Self:
        for lane in self._idle:
            self._open(lane)
        return self

    def __exit__(self, *_: object) -> None:
        for lane in [*self._idle, *(lane for lane, _ in self._busy.values())]:
            lane.close()
        self._poll.close()

    def run(self, rate: float, seconds: float) -> tuple[list[float], list[str]]:
        """Send `rate` requests a second; return the latency of each in seconds, and why others failed."""
        latencies: list[float] = []
        failures: list[str] = []
        began, sent, wanted = time.perf_counter(), 0, max(1, int(rate * seconds))
        while sent < wanted or self._busy:
            now = time.perf_counter() - began
            while sent < wanted and self._idle and sent / rate <= now:
                self._begin(self._idle.pop(), began + sent / rate)
                sent += 1
            wait = max(0.0, sent / rate - now) if sent < wanted and self._idle else _PATIENCE
            # Of select, as epoll's own timeout has whole milliseconds.
            if not select.select([self._poll], [], [], wait)[0] and wait == _PATIENCE:
                raise LoadError(f"no answer in {_PATIENCE:g} s")
            for descriptor, _ in self._poll.poll(0):
                self._go_on(descriptor, latencies, failures)
        return latencies, failures

    def _begin(self, lane: Lane, due: float) -> None:
        self._busy[lane.fileno()] = lane, due
        lane.begin()

    def _go_on(self, descriptor: int, latencies: list[float], failures: list[str]) -> None:
        if descriptor not in self._busy:
            return
        lane, due = self._busy[descriptor]
        try:
            if not lane.step(self._buffer):
                return
            latencies.append(time.perf_counter() - due)
            ends = lane.ends
        except (LoadError, OSError) as error:
            failures.append(str(error))
            ends = True
        del self._busy[descriptor]
        if ends:
            self._poll.unregister(descriptor)
            lane.close()
            self._open(lane)
        self._idle.append(lane)

    def _open(self, lane: Lane) -> None:
        lane.open()
        self._poll.register(lane.fileno(), select.EPOLLIN)


def percentile(values: Sequence[float], share: float) -> float:
    """The value that this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
