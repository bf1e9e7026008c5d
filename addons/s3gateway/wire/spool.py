"""Room on disk for aws-chunks that are too large for memory: files without a name, bounded in all."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from s3gateway import errors


class Spool:
    """Gives files. ``most`` tells how many bytes they may hold together now."""

    def __init__(self, most: Callable[[], int]) -> None:
        self._most = most
        self.used = 0

    def take(self, size: int) -> "SpoolFile":
        """Give room for ``size`` bytes. Raises EntityTooLarge where they never fit, SlowDown where they do not now."""
        most = self._most()
        if size > most:
            raise errors.large_chunk(most)
        if self.used + size > most:
            raise errors.slow_down("limits.spool is in use by other uploads")
        file = SpoolFile(self, size)
        self.used += size
        return file


class SpoolFile:
    """One chunk. Its file has no name, so it ends with the process at the latest."""

    def __init__(self, spool: Spool, size: int) -> None:
        self._spool = spool
        self._size = size
        self._read = 0
        with _told():
            self._file = tempfile.TemporaryFile(prefix="s3gateway-", buffering=0)  # noqa: SIM115 - closed by close()

    def write(self, data: bytes | memoryview) -> None:
        """Add some of it. Raises SlowDown where the disk takes it not."""
        view = memoryview(data)
        with _told():
            while view:
                view = view[self._file.write(view) or 0 :]

    def read(self, size: int) -> bytes:
        """Give the next bytes, in order; none when all were given."""
        with _told():
            data = self._file.read(size) if self._file.seek(self._read) == self._read else b""
        self._read += len(data)
        return data

    def close(self) -> None:
        """Forget it, and give the room back."""
        self._file.close()
        self._spool.used -= self._size
        self._size = 0


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise errors.slow_down(f"the spool in {tempfile.gettempdir()}: {error.strerror}") from error
