"""Work that goes on in threads, for as long as a `with` block."""

import threading
from collections.abc import Callable, Iterable
from typing import Self


class AtWork:
    """Each of `work` has a thread, and ends soon after `is_over` is set, at the end of the block, which waits."""

    def __init__(self, work: Iterable[Callable[[], None]]) -> None:
        self.is_over = threading.Event()
        self._threads = [threading.Thread(target=one) for one in work]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        for thread in self._threads:
            thread.join()
