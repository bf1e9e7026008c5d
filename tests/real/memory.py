"""A process's memory and processor time as Linux counts them."""

import os
from pathlib import Path

MIB = 1 << 20


def reset_peak(pid: int) -> int:
    """Forget the peak; give what is resident now, in bytes."""
    Path(f"/proc/{pid}/clear_refs").write_text("5")
    return _field(pid, "VmRSS")


def peak(pid: int) -> int:
    """The most that was resident since the last reset, in bytes."""
    return _field(pid, "VmHWM")


def processor_seconds(pid: int) -> float:
    """What it has taken of all processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _field(pid: int, name: str) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith(name + ":")).split()[1]) * 1024
