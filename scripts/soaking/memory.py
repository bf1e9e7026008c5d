"""`scripts/soak --memory`: whether the gateway lets go of what has ended.

Each row sends one kind of traffic. Resident memory is read when the first tenth has ended, and when all has ended. The
row holds when the two differ by at most 15 MiB, and when the highest value lies at most 64 MiB above the gateway's
memory before all traffic, or twice the bytes of the chunks in flight where these are more. The backend answers fixed
bytes, so that only the gateway is tested.
"""

import contextlib
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmark.processes import family, peak_mib, reset_peak, resident_mib
from benchmark.signed import MIB, Keys
from lab import CHECKOUT
from lab.certs import make_certs
from lab.fixed import Fixed
from lab.gateway import SPARK_CLIENT, Gateway, gateway_config
from soaking.memory_rows import HUGE, ROWS, Requests, Row
from soaking.visitor import Visitor

GROWTH_MIB: Final = 15.0
PEAK_MIB: Final = 64.0
_FRESH: Final = 300.0  # seconds for which a signed request is sent: it holds for 900
_SETTLE: Final = 2.5  # seconds for what has ended to be let go
_NO_LIMIT: Final = 1_000_000
_HEADINGS: Final = (
    f"{'resident memory, MiB':32}{'count':>7}{'tenth':>8}{'end':>8}{'grown':>8}{'of':>5}{'peak':>8}{'of':>7}"
)


@dataclass(frozen=True, slots=True)
class Result:
    """What was seen of one row, in MiB; `ends` counts how the visits ended."""

    row: Row
    count: int
    tenth: float
    end: float
    peak: float
    peak_allowed: float
    ends: Counter[str]

    @property
    def grown(self) -> float:
        """The end above the first tenth."""
        return self.end - self.tenth

    @property
    def faults(self) -> list[str]:
        """Why the row does not hold; empty when it does."""
        unexpected = {end: number for end, number in self.ends.items() if end not in self.row.ends}
        faults = [f"grew by {self.grown:.0f} MiB"] if self.grown > GROWTH_MIB else []
        faults += [f"peak of {self.peak:.0f} MiB"] if self.peak > self.peak_allowed else []
        return faults + [f"{number} ended with {end}" for end, number in sorted(unexpected.items())]

    def __str__(self) -> str:
        verdict = "; ".join(self.faults) or "holds"
        return (
            f"{self.row.title:32}{self.count:7}{self.tenth:8.1f}{self.end:8.1f}{self.grown:+8.1f}{GROWTH_MIB:5.0f}"
            f"{self.peak:8.1f}{self.peak_allowed:7.0f}  {verdict}"
        )


@dataclass(slots=True)
class Traffic:
    """Visitors who do the work of one row, several at once; `count` visits in all, told apart by their number."""

    port: int
    keys: Keys
    row: Row
    ends: Counter[str] = field(default_factory=Counter)
    done: int = 0
    _requests: Requests = ()
    _made: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, until: int, visitors: int) -> None:
        """Let the visitors work until so many visits have ended; return when all of them have left."""
        numbers = iter(range(self.done, until))
        failures: list[BaseException] = []
        threads = [threading.Thread(target=self._visits, args=(numbers, failures)) for _ in range(visitors)]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                thread.join()
        except BaseException:
            with self._lock:
                list(numbers)  # nothing is left to do
            raise
        if failures:
            raise failures[0]

    def _visits(self, numbers: Iterator[int], failures: list[BaseException]) -> None:
        visitor = Visitor(self.port)
        try:
            while (number := self._next(numbers)) is not None:
                end = self.row.act(visitor, self._requests, number)
                with self._lock:
                    self.ends[end] += 1
                    self.done += 1
        except Exception as error:  # noqa: BLE001 - raised again in `run`
            failures.append(error)
        finally:
            visitor.close()

    def _next(self, numbers: Iterator[int]) -> int | None:
        with self._lock:
            if not self._requests or time.monotonic() - self._made > _FRESH:
                self._requests, self._made = self.row.make(self.keys), time.monotonic()
            return next(numbers, None)


def measure(gateway: Gateway, row: Row, count: int, visitors: int, before: float) -> Result:
    """Send the traffic of one row; `before` is the gateway's memory before all traffic."""
    pids = family(gateway.pid)
    keys = Keys(str(SPARK_CLIENT["access_key_id"]), str(SPARK_CLIENT["secret_access_key"]), f"127.0.0.1:{gateway.port}")
    traffic = Traffic(gateway.port, keys, row)
    reset_peak(pids)
    with _progress(traffic, count, pids):
        # At least one visit of each visitor: what more visitors at once take is no growth.
        traffic.run(min(count, max(count // 10, visitors)), visitors)
        tenth = _settled(pids)
        traffic.run(count, visitors)
        end = _settled(pids)
    allowed = before + max(PEAK_MIB, 2 * visitors * row.chunk / MIB)
    return Result(row, count, tenth, end, peak_mib(pids), allowed, traffic.ends)


def run(names: Sequence[str], visitors: int, checkout: Path = CHECKOUT, *, short: bool) -> list[Result]:
    """Measure the rows called `names` with one gateway, and print each."""
    results = []
    with _gateway(checkout) as gateway:
        before = _settled(family(gateway.pid))
        print(f"soak: memory, {visitors} clients, {before:.1f} MiB before all traffic\n{_HEADINGS}", flush=True)
        for row in (*ROWS, *HUGE):
            if row.name in names:
                results.append(measure(gateway, row, row.short if short else row.count, visitors, before))
                print(results[-1], flush=True)
    return results


@contextmanager
def _gateway(checkout: Path) -> Iterator[Gateway]:
    with tempfile.TemporaryDirectory(prefix="s3gw-soak-") as folder:
        certs, _ = make_certs(Path(folder) / "certs")
        with Fixed(certs) as backend:
            limits = {"refusal_linger": 1, "request_rate": _NO_LIMIT}
            config = gateway_config(backend, log={"format": "json"}, limits=limits)
            with Gateway(config, checkout=checkout, env={"PYTHONPATH": ""}) as gateway:
                yield gateway


def _settled(pids: list[int]) -> float:
    """The lowest resident memory in a moment without traffic."""
    lowest, until = resident_mib(pids), time.monotonic() + _SETTLE
    while time.monotonic() < until:
        time.sleep(0.1)
        lowest = min(lowest, resident_mib(pids))
    return lowest


@contextmanager
def _progress(traffic: Traffic, count: int, pids: list[int]) -> Iterator[None]:
    """On a terminal, a line that tells how far the row is."""
    if not sys.stderr.isatty():
        yield
        return
    stop = threading.Event()

    def tell() -> None:
        while not stop.wait(0.5):
            with contextlib.suppress(OSError, IndexError):  # the gateway has ended
                now = resident_mib(pids)
                sys.stderr.write(f"\r\033[K{traffic.row.title}: {traffic.done} of {count}, {now:.0f} MiB")
                sys.stderr.flush()

    thread = threading.Thread(target=tell, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        sys.stderr.write("\r\033[K")
