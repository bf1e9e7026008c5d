"""What the machine, or the container, gives: processors, and whether the kernel has killed for memory."""

import math
import os
import re
from pathlib import Path
from typing import Final

_GROUPS: Final = Path("/sys/fs/cgroup")
_KILLS: Final = re.compile(r"^oom_kill (\d+)$", re.MULTILINE)


def cores() -> int:
    """How many processors this process may use: those that it may run on, or fewer by its cgroup's quota."""
    allowed = len(os.sched_getaffinity(0))
    quota = _quota()
    return max(1, allowed if quota is None else min(allowed, math.ceil(quota)))


def oom_kills() -> int:
    """How many processes of this cgroup the kernel has killed because its memory was used up."""
    for controller, name in (("", "memory.events"), ("memory", "memory.oom_control")):
        found = _KILLS.search(_read(controller, name))
        if found:
            return int(found[1])
    return 0


def _quota() -> float | None:
    """Processors that the cgroup may use; None without a limit."""
    limit = _read("", "cpu.max").split()
    if not limit:
        limit = [_read("cpu", f"cpu.cfs_{name}_us").strip() for name in ("quota", "period")]
    try:
        quota, period = map(float, limit)
    except ValueError:  # "max", or no such files
        return None
    return quota / period if quota > 0 and period > 0 else None


def _read(controller: str, name: str) -> str:
    """Read a file of this process's cgroup; version 2 has no ``controller``. Empty where there is none."""
    for line in _text(Path("/proc/self/cgroup")).splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            for folder in (_GROUPS / controller / path.lstrip("/"), _GROUPS / controller):
                if found := _text(folder / name):
                    return found
    return ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
