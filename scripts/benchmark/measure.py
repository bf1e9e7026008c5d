"""Runs each case against each target in turn, and keeps the CPU and wall time of each round."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from benchmark.cases import BUCKET, Row, upload_of
from benchmark.lane import LoadError
from benchmark.load import Load
from benchmark.processes import cpu_seconds, peak_mib, reset_peak
from benchmark.signed import Mode, Signed
from benchmark.targets import Target


@dataclass(slots=True)
class Samples:
    """Seconds per request, one entry a round; or why there are none."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    failure: str | None = None

    @property
    def speed(self) -> list[float]:
        """Requests per second, one entry a round."""
        return [1 / seconds for seconds in self.wall]

    @property
    def wall_median(self) -> float | None:
        """Wall time of one request, all connections working at once; None when it failed."""
        return None if self.failure or not self.wall else statistics.median(self.wall)

    @property
    def cpu_median(self) -> float | None:
        """CPU time of the target's processes for one request; None when it failed."""
        return None if self.failure or not self.cpu else statistics.median(self.cpu)


def run(
    targets: Sequence[Target], work: Sequence[Row], rounds: int, seconds: float
) -> Iterator[tuple[Row, dict[str, Samples]]]:
    """Measure each row on all targets, round by round and every other round backwards.

    So a noisy moment, or a machine that grows hot, touches them alike. `seconds` is the least time of one measurement.
    """
    for row in work:
        samples = {target.name: Samples() for target in targets}
        requests = {target.name: _requests(target, row) for target in targets}
        for number in range(rounds):
            for target in targets if number % 2 == 0 else reversed(targets):
                sample = samples[target.name]
                if sample.failure is None:
                    try:
                        _measure(target, row, requests[target.name], seconds, sample)
                    except LoadError as error:
                        sample.failure = str(error)
        yield row, samples


def peak_memory(target: Target, uploads: int, mebibytes: int) -> float:
    """Upload so many objects of so many MiB at once, in signed chunks; return the peak of resident memory, in MiB."""
    reset_peak(target.pids)
    content = upload_of(mebibytes)
    requests = [target.keys.put(f"/{BUCKET}/memory-{number}", content, Mode.SIGNED_CHUNKS) for number in range(uploads)]
    with Load(target.server, requests) as load:
        load.run(0, uploads)
    return peak_mib(target.pids)


def _requests(target: Target, row: Row) -> list[Signed]:
    return [row.case.make(target.keys, number) for number in range(row.connections)]


def _measure(target: Target, row: Row, requests: Sequence[Signed], seconds: float, sample: Samples) -> None:
    with Load(target.server, requests, fresh=row.case.fresh) as load:
        large = row.case.megabytes > 0
        load.run(0, 1 if large else 4 * row.connections)  # connections are open, caches are warm
        pids = target.pids
        before = cpu_seconds(pids)
        count, wall = load.run(seconds, row.connections)
        sample.cpu.append((cpu_seconds(pids) - before) / count)
        sample.wall.append(wall / count)
