"""The exchanges that a running gateway appends to its ``log.capture`` file, as they come."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from capturing.selection import Selection
from commandline import config_text
from s3gateway.config.check import ConfigError, quoted
from s3gateway.config.files import Files
from s3gateway.config.yaml_text import read_yaml
from s3gateway.observed.capture import CaptureError, Exchange, load

POLL_SECONDS = 0.1


def captured_by(config: Path) -> Path:
    """Find the file that a gateway with this configuration appends to.

    Reads no more of it than that: its secrets may be for the gateway's eyes only. Raises
    :class:`~s3gateway.config.check.ConfigError` or :class:`~commandline.UsageError`.
    """
    document = read_yaml(config_text("--follow", config), config.name)
    log = document.get("log") if isinstance(document, dict) else None
    name = log.get("capture") if isinstance(log, dict) else None
    if not isinstance(name, str) or not name:
        raise ConfigError(
            "log.capture",
            f"is not set in {quoted(config)}",
            "add 'log: {capture: captures.jsonl}'; a running gateway takes it up within a second",
        )
    return Files(config.parent, []).place("log.capture", name)


def follow(path: Path, selection: Selection, *, last: int, begun: Callable[[], None]) -> Iterator[Exchange]:
    """Give the ``last`` exchanges that are there, and then each new one, for ever. The file may be moved away.

    ``begun`` is called between the two: what is captured after that is new.
    """
    lines = _lines(path)
    there: deque[Exchange] = deque(maxlen=last)
    for line in lines:
        if line is None:
            break
        there.extend(exchange for exchange in _load(path, line) if selection.matches(exchange))
    begun()
    yield from there
    for line in lines:
        if line is None:
            time.sleep(POLL_SECONDS)
        else:
            yield from (exchange for exchange in _load(path, line) if selection.matches(exchange))


def _load(path: Path, line: str) -> tuple[Exchange, ...]:
    try:
        return load(line)
    except CaptureError as error:
        raise CaptureError(f"{path}: {error}; log.capture must name a file of its own") from None


def _lines(path: Path) -> Iterator[str | None]:
    """Give each complete line, None whenever there is no more for now."""
    while True:
        try:
            file = path.open("rb")
        except FileNotFoundError:
            yield None
            continue
        with file:
            yield from _lines_of(file, path)


def _lines_of(file: BinaryIO, path: Path) -> Iterator[str | None]:
    """Read on until ``path`` is another file, and then once more: something may have come before it was."""
    line, ended = b"", False
    while True:
        for piece in file:
            line += piece
            if line.endswith(b"\n"):
                yield line.decode("ascii", "replace")
                line = b""
        if ended:
            return
        ended = _is_gone(file, path)
        if not ended:
            yield None


def _is_gone(file: BinaryIO, path: Path) -> bool:
    """Whether it was moved away, removed, or emptied."""
    try:
        there, ours = path.stat(), os.fstat(file.fileno())
    except FileNotFoundError:
        return True
    return (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino) or ours.st_size < file.tell()
