"""Lines on their way to ``log.capture``: whole or not at all, and never in the way of the event loop."""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import CHECKOUT
from s3gateway.mitm.capture_file import MOST_WAITING, CaptureFile

LINE = "x" * 99 + "\n"
_FULL = """
import asyncio, logging, resource, sys
from pathlib import Path
from s3gateway.mitm.capture_file import CaptureFile
logging.basicConfig(format="%(message)s")
resource.setrlimit(resource.RLIMIT_FSIZE, (250, resource.RLIM_INFINITY))

async def main():
    file = CaptureFile(Path(sys.argv[1]))
    for _ in range(4):
        file.append("x" * 99 + "\\n")
        await file._task
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    file.append("y" * 99 + "\\n")
    await file._task

asyncio.run(main())
"""


async def _written(file: CaptureFile) -> None:
    while file._task is not None and not file._task.done():
        await file._task


async def test_lines_in_their_order(tmp_path: Path) -> None:
    """The file is there at once and has every line in order, after what was in it."""
    path = tmp_path / "file"
    path.write_text("before\n")
    file = CaptureFile(path)
    for number in range(100):
        file.append(f"{number}\n")
        if number % 7 == 0:
            await asyncio.sleep(0)
    await _written(file)
    assert path.read_text().split() == ["before", *map(str, range(100))]


async def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    """``close`` writes without the loop's help."""
    file = CaptureFile(tmp_path / "file")
    await _written(file)
    file.append(LINE)
    file.close()
    assert (tmp_path / "file").read_text() == LINE
    await _written(file)
    assert (tmp_path / "file").read_text() == LINE


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """A line that does not fit leaves nothing behind; what fits later is whole, and both are said once."""
    env = dict(os.environ) | {"PYTHONPATH": str(CHECKOUT / "addons")}
    command = [sys.executable, "-c", _FULL, str(tmp_path / "file")]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert (tmp_path / "file").read_text() == LINE * 2 + "y" * 99 + "\n"
    assert [line.partition("(")[2].partition(")")[0] for line in done.stderr.splitlines()] == ["File too large", ""]


async def test_a_pipe_that_nobody_reads(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported rather than waited for."""
    os.mkfifo(tmp_path / "pipe")
    file = CaptureFile(tmp_path / "pipe")
    try:
        await asyncio.wait_for(_written(file), 120)
    finally:
        os.close(os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK))  # frees a thread that waits after all
    assert "cannot be written" in caplog.text


async def test_a_disk_that_is_too_slow(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What waits is bounded; what comes on top is lost, and said to be, until the disk is there again."""
    caplog.set_level(logging.WARNING)
    file = CaptureFile(tmp_path / "file")
    with file._lock:  # as a write that takes long
        file.append(LINE)
        await asyncio.sleep(0)
        half = "z" * (MOST_WAITING // 2 - 1) + "\n"
        for _ in range(4):
            file.append(half)
        assert caplog.text.count("the disk is too slow") == 1
    await _written(file)
    size = (tmp_path / "file").stat().st_size
    assert len(half) < size <= len(LINE) + 2 * len(half)
    assert caplog.text.count("is written again") == 1
