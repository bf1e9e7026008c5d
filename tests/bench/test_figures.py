"""CPU time, memory, cases and the table."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from benchmark import report
from benchmark.cases import CASES, NAMES, rows
from benchmark.measure import Samples
from benchmark.processes import cpu_seconds, family, peak_mib, reset_peak, resident_mib

BURN = """
import os, sys, threading, time
def burn():
    while time.thread_time() < 0.1: pass
thread = threading.Thread(target=burn)
thread.start(); thread.join()
if os.fork() == 0:
    time.sleep(100)
kept = bytearray(os.urandom(1 << 20) * 60)
print(time.process_time(), flush=True)
sys.stdin.readline()
del kept
print("freed", flush=True)
sys.stdin.readline()
"""


@contextmanager
def burning() -> Iterator["subprocess.Popen[str]"]:
    """A process that has used some CPU in a thread that ended, and has a child."""
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield process
        finally:
            os.killpg(process.pid, 9)


def test_cpu_time_and_memory_of_a_process_group() -> None:
    with burning() as process:
        assert process.stdin
        assert process.stdout
        used = float(process.stdout.readline())
        pids = family(process.pid)
        assert process.pid in pids
        assert len(pids) == 2
        assert cpu_seconds(pids) >= used >= 0.1
        assert peak_mib(pids) >= resident_mib(pids) - 1 > 60
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        reset_peak(pids)
        assert peak_mib(pids) < 60


def test_cases_by_name() -> None:
    assert [row.name for row in rows(["W1", "W4"], [16, 1])] == ["W1", "W8", "W4", "W4"]
    assert [(row.name, row.connections) for row in rows(["W8"], [16])] == [("W8", 1)]
    assert [row.name for row in rows(["W8", "W1"], [1])] == ["W8"]
    assert len(rows(list(NAMES), [16, 1])) == 2 * len(CASES)


def samples(*cpu: float, failure: str | None = None) -> Samples:
    return Samples([value * 2 for value in cpu], list(cpu), failure)


def test_a_ratio_is_the_median_of_the_rounds() -> None:
    """So that a moment which slowed both of a round down changes nothing."""
    (row,) = rows(["W1"], [16])
    figures = report.figures(
        row, {"direct": samples(0.1, 0.1, 0.1), "gateway": samples(1, 20, 3), "other": samples(2, 40, 2)}
    )
    assert figures.cpu_ratios == {"gateway/other": 0.5}
    assert figures.speed_ratios == {"gateway/other": 2.0}
    assert figures.cpu_ms == {"gateway": 3000.0, "other": 2000.0}
    assert figures.per_second == {"direct": 5.0, "gateway": 1 / 6, "other": 1 / 4}


@pytest.mark.parametrize(
    ("names", "compared"),
    [
        (["direct", "mitmdump", "gateway"], [("gateway", "mitmdump")]),
        (["mitmdump", "gateway", "other"], [("gateway", "other")]),
        (
            ["gateway", "other", "gateway -w", "other -w", "nginx"],
            [("gateway", "other"), ("gateway -w", "other -w")],
        ),
        (["gateway", "gateway -w"], [("gateway -w", "gateway")]),
    ],
)
def test_what_is_compared(names: list[str], compared: list[tuple[str, str]]) -> None:
    assert report.pairs(names) == compared


def test_the_table() -> None:
    """Of large bodies by MB; what failed says so, and has no ratio."""
    (row,) = rows(["W6"], [16])
    names = ["direct", "gateway", "other"]
    samples_of = {"direct": samples(0.1), "gateway": samples(0.2), "other": samples(1, failure="403")}
    figures = report.figures(row, samples_of)
    assert figures.failures == {"other": "403"}
    heading, first, second = [report.headings(names), *report.lines(figures, names).splitlines()]
    assert len(heading) == len(first) == len(second)
    assert " ".join(first.split()) == "W6 PUT 64 MiB signed chunks 16 CPU ms/MB - 2.98 fails -"
    assert " ".join(second.split()) == "MB/s 336 168 - -"
