"""Runs the cases against each target in turn and keeps the CPU and wall time of each round."""

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmark import client
from benchmark.client import Connection, Target

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
BUCKET = "/bench"
LARGE = 64 * MIB
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work. `run` does it `count` times on a connection; `megabytes` (10**6) is moved by each."""

    name: str
    count: int
    megabytes: float
    prepare: Callable[[Target], Callable[[Connection], None]]


@dataclass(slots=True)
class Samples:
    """Seconds per operation, one entry a round."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    @property
    def wall_median(self) -> float:
        """Median wall time of one operation, in seconds."""
        return statistics.median(self.wall)

    @property
    def cpu_median(self) -> float:
        """Median CPU time of the target's process for one operation, in seconds."""
        return statistics.median(self.cpu)


def cases(*, quick: bool) -> list[Case]:
    """The work that is measured; `quick` does less of it."""
    small, large = (150, 1) if quick else (1000, 3)
    block = os.urandom(MIB)
    kilobyte = block[:KIB]
    return [
        Case("GET 1 KiB", small, 0.001, lambda target: _repeat(client.get(target, f"{BUCKET}/1k"))),
        Case("PUT 1 KiB", small, 0.001, lambda target: _small_upload(target, kilobyte)),
        Case("GET 64 MiB", large, LARGE / 1e6, lambda target: _repeat(client.get(target, f"{BUCKET}/64m"))),
        Case("PUT 64 MiB unsigned", large, LARGE / 1e6, lambda target: _upload(target, block)),
        Case("PUT 64 MiB signed chunks", large, LARGE / 1e6, lambda target: _chunked_upload(target, block)),
    ]  # fmt: skip


def run(targets: Sequence[Target], work: Sequence[Case], rounds: int) -> Iterator[tuple[Case, dict[str, Samples]]]:
    """Measure each case on all targets, round by round, so that a noisy moment hits them alike."""
    for case in work:
        samples = {target.name: Samples() for target in targets}
        for number in range(rounds + 1):
            for target in targets:
                wall, cpu = _measure(target, case)
                if number:  # the first round warms up
                    samples[target.name].wall.append(wall)
                    samples[target.name].cpu.append(cpu)
        yield case, samples


def peak_memory(target: Target, uploads: int, size: int) -> float:
    """Upload `uploads` objects of `size` bytes at once in signed chunks; return the process's peak, in MB (10**6)."""
    Path(f"/proc/{target.pid}/clear_refs").write_text("5", encoding="ascii")  # resets the high-water mark
    block = os.urandom(MIB)

    def upload(number: int) -> None:
        head, body = client.put_chunked(target, f"{BUCKET}/memory-{number}", block, size // MIB)
        with Connection(target) as connection:
            connection.exchange(head, body)

    with ThreadPoolExecutor(uploads) as pool:
        list(pool.map(upload, range(uploads)))
    status = Path(f"/proc/{target.pid}/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * KIB / 1e6


def _measure(target: Target, case: Case) -> tuple[float, float]:
    do = case.prepare(target)
    with Connection(target) as connection:
        do(connection)
        cpu, wall = cpu_seconds(target.pid), time.perf_counter()
        for _ in range(case.count):
            do(connection)
        return (time.perf_counter() - wall) / case.count, (cpu_seconds(target.pid) - cpu) / case.count


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _repeat(head: bytes, body: bytes = b"") -> Callable[[Connection], None]:
    whole = head + body

    def do(connection: Connection) -> None:
        connection.exchange(whole)

    return do


def _small_upload(target: Target, body: bytes) -> Callable[[Connection], None]:
    return _repeat(client.put_hashed(target, f"{BUCKET}/put1k", body), body)


def _upload(target: Target, block: bytes) -> Callable[[Connection], None]:
    head = client.put_unsigned(target, f"{BUCKET}/put64m", LARGE)

    def do(connection: Connection) -> None:
        connection.exchange(head, [block] * (LARGE // len(block)))

    return do


def _chunked_upload(target: Target, block: bytes) -> Callable[[Connection], None]:
    head, body = client.put_chunked(target, f"{BUCKET}/put64mc", block, LARGE // len(block))

    def do(connection: Connection) -> None:
        connection.exchange(head, body)

    return do
