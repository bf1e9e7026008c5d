"""Clients under load that notice each failure: on connections that are kept, and on a new one for each request."""

import threading
from types import TracebackType
from typing import Self

from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Target, sign


class Load:
    """So many clients that ask without pause, for as long as a ``with`` block. ``failures`` must stay empty.

    A client opens a new connection only where an answer has told it to: whatever else ends one is a failure.
    """

    def __init__(self, port: int, *, kept: int = 3, fresh: int = 1) -> None:
        self.failures: list[str] = []
        self.answered = 0
        self._port = port
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(at < kept,), daemon=True) for at in range(kept + fresh)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _ask(self, keeps: bool) -> None:
        while not self._over.is_set():
            try:
                with Raw(self._port) as raw:
                    while not self._over.is_set():
                        answer = raw.ask(sign("GET", Target("bucket", "1k")).head)
                        self.answered += 1
                        if answer.status != 200:
                            self.failures.append(str(answer))
                        self._over.wait(0.01)  # a new worker needs the processor, too
                        if not keeps or answer.header("connection") == "close":
                            break
            except OSError as error:
                self.failures.append(repr(error))
