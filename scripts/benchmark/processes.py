"""CPU time and resident memory of a server, all of its processes together.

A server here is a process group: a parent may have workers. CPU time is the kernel's own clock of each process, in
nanoseconds and with threads that have ended; the figures of `/proc/PID/stat` have steps of 10 ms.
"""

import time
from pathlib import Path
from typing import Final

_SCHED_CLOCK: Final = 2  # CPUCLOCK_SCHED in Linux's clock ids, see clock_getcpuclockid(3)
_RESET_PEAK: Final = "5"  # to clear_refs, see proc(5)


def family(group: int) -> list[int]:
    """The processes of a process group."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            except OSError:  # it has ended meanwhile
                continue
            if int(fields[2]) == group:
                found.append(int(folder.name))
    return found


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of these processes so far."""
    return sum(time.clock_gettime_ns((~pid << 3) | _SCHED_CLOCK) for pid in pids) / 1e9


def resident_mib(pids: list[int]) -> float:
    """Resident memory now."""
    return sum(_status_kib(pid, "VmRSS") for pid in pids) / 1024


def peak_mib(pids: list[int]) -> float:
    """The sum of each process's highest resident memory since `reset_peak`."""
    return sum(_status_kib(pid, "VmHWM") for pid in pids) / 1024


def reset_peak(pids: list[int]) -> None:
    """Let the highest resident memory count from now on."""
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text(_RESET_PEAK, encoding="ascii")


def _status_kib(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    return int(status.partition(f"{name}:")[2].split()[0])
