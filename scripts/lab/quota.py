"""Shares of a processor for processes, by cgroup quotas, version 1 or 2. They need root and a writable hierarchy."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_PERIOD_US: Final = 20_000
_UNIFIED: Final = Path("/sys/fs/cgroup")
_CPU: Final = _UNIFIED / "cpu"


@contextmanager
def held_to(share: float, pids: list[int]) -> Iterator[bool]:
    """Hold each of these processes to a share of a processor; False where that cannot be had."""
    folders: list[Path] = []
    try:
        for pid in pids:
            folder = _make(f"s3gw-bench-{os.getpid()}-{pid}", share)
            folders.append(folder)
            (folder / "cgroup.procs").write_text(str(pid), encoding="ascii")
    except OSError:
        _remove(folders)
        yield False
        return
    try:
        yield True
    finally:
        _remove(folders)


def _make(name: str, share: float) -> Path:
    quota = int(share * _PERIOD_US)
    if (_CPU / "cpu.cfs_quota_us").exists() or (_CPU / "cgroup.procs").exists():
        folder = _CPU / name
        folder.mkdir()
        (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US), encoding="ascii")
        (folder / "cpu.cfs_quota_us").write_text(str(quota), encoding="ascii")
        return folder
    with suppress(OSError):
        (_UNIFIED / "cgroup.subtree_control").write_text("+cpu", encoding="ascii")
    folder = _UNIFIED / name
    folder.mkdir()
    (folder / "cpu.max").write_text(f"{quota} {_PERIOD_US}", encoding="ascii")
    return folder


def _remove(folders: list[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            for pid in (folder / "cgroup.procs").read_text(encoding="ascii").split():
                (folder.parent / "cgroup.procs").write_text(pid, encoding="ascii")
            folder.rmdir()
