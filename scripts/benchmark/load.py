"""The load generator: one thread, one epoll, requests that were signed before.

It does as little as possible for each request, because it shares the machine with what it measures: one write, one read
and a look at the status and the length of the answer.
"""

import select
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from benchmark.lane import Lane, LoadError
from benchmark.signed import Signed

_READ: Final = 1 << 20
_PATIENCE: Final = 120.0  # seconds without any progress of any connection
_BOTH: Final = select.EPOLLIN | select.EPOLLOUT


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the requests go: a URL and, for https, the CA to trust."""

    url: str
    ca_file: Path | None = None

    @property
    def host(self) -> str:
        """The value of the Host header."""
        return urlsplit(self.url).netloc

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to connect to."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or 0

    def tls(self) -> ssl.SSLContext | None:
        """The TLS settings of one run; None for plain HTTP."""
        if urlsplit(self.url).scheme != "https":
            return None
        return ssl.create_default_context(cafile=self.ca_file)


class Load:
    """Connections to one endpoint, each with a request of its own that it repeats.

    `fresh` opens a new connection for each request. Use it in a `with` block.
    """

    def __init__(self, endpoint: Endpoint, requests: Sequence[Signed], *, fresh: bool = False) -> None:
        context, address = endpoint.tls(), endpoint.address
        self._lanes = [Lane(address, context, request) for request in requests]
        self._fresh = fresh
        self._poll = select.epoll()
        self._registered: dict[int, tuple[Lane, int]] = {}
        self._buffer = memoryview(bytearray(_READ))
        self._until = 0.0
        self._least = self._begun = self._busy = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for lane in self._lanes:
            lane.close()
        self._poll.close()

    def run(self, seconds: float, least: int = 1) -> tuple[int, float]:
        """Keep all connections busy for `seconds`, and for `least` requests at least.

        Return how many requests were answered, and the seconds that this took. Raises `LoadError`.
        """
        began = time.perf_counter()
        self._until, self._least, self._begun = began + seconds, least, 0
        try:
            for lane in self._lanes:
                self._next(lane)
            while self._busy:
                events = self._poll.poll(_PATIENCE)
                if not events:
                    raise LoadError(f"no answer in {_PATIENCE:g} s")
                for descriptor, _ in events:
                    self._go_on(self._registered[descriptor][0])
        except OSError as error:
            raise LoadError(f"{type(error).__name__}: {error.strerror or error}") from None
        return self._begun, time.perf_counter() - began

    def _next(self, lane: Lane) -> None:
        """Let a connection begin one more request, unless there were enough."""
        if self._begun >= self._least and time.perf_counter() >= self._until:
            return
        self._begun += 1
        self._busy += 1
        if not lane.is_open:
            lane.open()
        lane.begin()
        self._watch(lane)

    def _go_on(self, lane: Lane) -> None:
        if not lane.step(self._buffer):
            self._watch(lane)
            return
        self._busy -= 1
        if self._fresh or lane.ends:
            del self._registered[lane.fileno()]
            self._poll.unregister(lane.fileno())
            lane.close()
        self._next(lane)

    def _watch(self, lane: Lane) -> None:
        """Ask epoll for what the connection waits for; most often it is asked already."""
        mask = _BOTH if lane.wants_write else select.EPOLLIN
        known = self._registered.get(lane.fileno())
        if known is None:
            self._poll.register(lane.fileno(), mask)
        elif known[1] != mask:
            self._poll.modify(lane.fileno(), mask)
        else:
            return
        self._registered[lane.fileno()] = lane, mask
