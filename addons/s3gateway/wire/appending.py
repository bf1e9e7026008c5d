"""Lines appended to a file: all of them or none. The file is opened each time, so it may be moved away (logrotate)."""

import fcntl
import os
import stat
from contextlib import suppress
from pathlib import Path


def append(path: Path, data: bytes) -> None:
    """Append all of it or nothing, to a file that is made for its owner's eyes only. Raises :class:`OSError`.

    A pipe that nobody reads is an error rather than a wait for ever.
    """
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    try:
        with suppress(OSError):  # a pipe, or a file system without locks
            fcntl.lockf(file, fcntl.LOCK_EX)  # another worker's lines must not be cut off with ours
        status = os.fstat(file)
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(file, left) :]
        except OSError:
            if stat.S_ISREG(status.st_mode):
                os.ftruncate(file, status.st_size)
            raise
    finally:
        os.close(file)
