"""One run: clients in threads, faults in turn, and then what is to be told."""

import random
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from lab import MissingPartError, network, tools
from lab.minio_cluster import ADDRESSES
from lab.proxies import haproxy_program
from lab.spark import Spark
from soaking.cluster import log, quorum, verdict
from soaking.cluster.faults import Fault, Faults
from soaking.cluster.hadoop import Hadoop
from soaking.cluster.lane import Lane
from soaking.cluster.raw import Raw
from soaking.cluster.sdk import Sdk
from soaking.cluster.stand import S3A, Stand, running

_EVERY: Final = 20.0  # seconds from one fault to the next
_EVERY_SHORT: Final = 9.0
_CALM: Final = 5.0  # seconds of load without a fault, before the first and after the last
_JVM: Final = 15.0  # seconds that S3A takes to begin


def run(seconds: float | None, seed: int) -> int:
    """Run for about so long, None for one fault of each kind; give the exit status, 1 where something does not hold."""
    spark, short = None, seconds is None
    try:
        tools.minio()
        if not short:
            haproxy_program()
            spark = Spark.v35()
        network.enter(ADDRESSES)
    except MissingPartError as missing:
        print(f"soak: {missing}", file=sys.stderr)
        return 2
    with running(beside=not short) as stand:
        chance = random.Random(seed)  # noqa: S311 - choices that can be repeated, not secrets
        return _Run(stand, chance, seconds, spark).run()


class _Run:
    """The threads of one run."""

    def __init__(self, stand: Stand, chance: random.Random, seconds: float | None, spark: Spark | None) -> None:
        self._stand = stand
        self._every = _EVERY_SHORT if seconds is None else _EVERY
        self._count = len(Fault) if seconds is None else max(1, round(seconds / self._every))
        self._seconds = self._count * self._every + 2 * _CALM
        self._stop, self._chance = threading.Event(), chance
        self._began = time.monotonic()
        self._faults = Faults(stand.cluster, self._dice(), self._every, self._tell)
        self._hadoop = {lane.name: Hadoop(lane, spark) for lane in stand.lanes} if spark is not None else {}
        self._threads = [self._thread(target) for lane in stand.lanes for target in self._targets(lane)]

    def run(self) -> int:
        for thread in self._threads:
            thread.start()
        self._stop.wait(_CALM + (_JVM if self._hadoop else 0))
        self._faults.run(self._count, self._stop)
        self._stop.wait(_CALM)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        for number in range(len(self._stand.cluster.ports)):
            self._faults.await_back(number)
        self._tell("the load has ended; all objects are read back")
        counted = {
            lane.name: verdict.count(self._stand, lane, self._hadoop.get(lane.name)) for lane in self._stand.lanes
        }
        failures = list(log.failures(self._stand.gateway.log()))
        self._tell("two servers are killed, and a third")
        lost = quorum.check(self._stand.cluster, self._stand.lanes[0])
        told = log.lines(self._stand.gateway.log())
        stops = log.stops(self._faults.events)
        left = [log.left_after(told, event) for event in stops]
        later = sum(
            len(log.given_later(told, event, after))
            for event, after in zip(stops, left, strict=True)
            if after is not None
        )
        self._print(counted, left, failures)
        found = list(verdict.faults(counted, left, later, lost))
        for fault in found:
            print(f"FAULT        {fault}")
        print(
            "soak: " + ("FAILED" if found else "passed: no read failed, nothing lost, who stood still was left in time")
        )
        return 1 if found else 0

    def _targets(self, lane: Lane) -> list[Callable[[], None]]:
        raw = [Raw(lane, self._dice(), f"raw{i}") for i in range(3)]
        sdk = Sdk(lane, self._dice(), "boto3")
        targets: list[Callable[[], None]] = [
            lambda: raw[0].read(self._stop),
            lambda: raw[1].read(self._stop),
            lambda: raw[2].write(self._stop),
            lambda: sdk.run(self._stop),
        ]
        hadoop = self._hadoop.get(lane.name)
        if hadoop is not None:
            targets.append(lambda: hadoop.run(self._seconds, self._stop))
        return targets

    def _thread(self, target: Callable[[], None]) -> threading.Thread:
        def guarded() -> None:
            try:
                target()
            except Exception as error:  # noqa: BLE001 - a soak that lost a thread has measured nothing
                self._stand.lanes[0].tally.give_up("the soak itself", f"failed: {type(error).__name__}: {error}")
                self._stop.set()

        return threading.Thread(target=guarded, daemon=True)

    def _dice(self) -> random.Random:
        return random.Random(self._chance.random())  # noqa: S311 - as above

    def _tell(self, what: str) -> None:
        at = int(time.monotonic() - self._began)
        failed = ", ".join(f"{lane.name} {lane.tally.failed.total()}" for lane in self._stand.lanes)
        print(f"{at // 60:4d}:{at % 60:02d}  {what}  (failed on the wire until now: {failed})", flush=True)

    def _print(self, counted: dict[str, verdict.Counted], left: list[float | None], failures: list[str]) -> None:
        print()
        for lane in self._stand.lanes:
            for note in (*lane.tally.notes, *lane.tally.visible):
                print(f"{lane.name:<12} {note}")
        for line in failures:
            print(f"{'its log':<12} {line}")
        names = list(counted)
        print(f"\n{'':34}" + "".join(f"{name:>12}" for name in names))
        for title, name in (
            ("requests of raw clients and boto3", "asked"),
            ("writes acknowledged to them", "acknowledged"),
            ("failed on the wire, S3A's too", "wire"),
            ("reads that failed", "reads"),
            ("failures that no retry hid", "visible"),
        ):
            print(f"{title:34}" + "".join(f"{getattr(counted[lane], name):>12}" for lane in names))
        print(f"{'objects lost or wrong':34}" + "".join(f"{len(counted[lane].wrong):>12}" for lane in names))
        if self._hadoop:
            print(f"{'rounds of S3A':34}" + "".join(f"{self._hadoop[lane].done:>12}" for lane in names))
        gateway = log.lines(self._stand.gateway.log())
        moved = sum("retried" in line for line in gateway)
        times = ", ".join("never" if seconds is None else f"{seconds:.2f} s" for seconds in left)
        print(f"\n{moved} requests were tried again at another server, those of {S3A} among them")
        print(f"until one that stood still was given nothing more: {times}")
