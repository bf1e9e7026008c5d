"""One way to the cluster, through the gateway or through HAProxy, and what became of what went that way."""

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from soaking.ledger import Ledger
from soaking.wire import Writer

READS: Final = frozenset(("GetObject", "HeadObject", "ListObjectsV2"))
_MANY: Final = 40  # failures that are told one by one


@dataclass(slots=True)
class Tally:
    """What was asked, and what failed. Threads share it.

    `failed` counts requests on the wire that got no whole answer, or 5xx; `reads` are those of them that read and that
    nobody tried again; `visible` is what an SDK or S3A gave up.
    """

    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    reads: list[str] = field(default_factory=list)
    visible: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, operation: str) -> None:
        """One more request on the wire."""
        with self._lock:
            self.asked[operation] += 1

    def fail(self, who: str, operation: str, why: str, *, tries_again: bool) -> None:
        """One of these failed; whether its client `tries_again` by itself."""
        told = f"{time.monotonic() - self._began:5.1f} s {who} {operation}: {why}"
        with self._lock:
            self.failed[operation] += 1
            if len(self.notes) < _MANY:
                self.notes.append(told)
            if operation in READS and not tries_again:
                self.reads.append(told)

    def give_up(self, who: str, what: str) -> None:
        """A client that tries again has given up, or has been given what is wrong."""
        with self._lock:
            self.visible.append(f"{time.monotonic() - self._began:5.1f} s {who} {what}")


@dataclass(frozen=True, slots=True)
class Lane:
    """Where its clients connect on 127.0.0.1, with which keys, to which bucket of its own."""

    name: str
    port: int
    s3a_port: int
    access_key: str
    secret_key: str
    s3a_keys: tuple[str, str]
    bucket: str
    tally: Tally = field(default_factory=Tally)
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def url(self) -> str:
        """For an SDK."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def writer(self) -> Writer:
        """Signs what raw clients send."""
        return Writer(self.access_key, self.secret_key)
