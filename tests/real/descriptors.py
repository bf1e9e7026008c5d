"""What a process has open, as Linux tells it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

_ESTABLISHED, _CLOSE_WAIT = "01", "08"
"""As in proc(5)'s net/tcp."""


def open_files(pid: int) -> Iterator[str]:
    """Name each open file; ``socket:[inode]`` for a socket. One that is closed while we look is none."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield str(link.readlink())


def connections_to(pid: int, port: int) -> int:
    """Count the process's connections to a port of this machine, those included whose end it has not read yet."""
    rows = (line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:])
    there = f":{port:04X}"
    found = {f"socket:[{row[9]}]" for row in rows if row[2].endswith(there) and row[3] in {_ESTABLISHED, _CLOSE_WAIT}}
    return sum(file in found for file in open_files(pid))
