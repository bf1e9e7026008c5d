"""Clients that write without waiting, and a request after which a connection goes on."""

import contextlib
import threading
from collections.abc import Callable

from tests.real.memory import MIB
from tests.real.rawhttp import Raw
from tests.real.sdkv1 import Key, Target, sign

MAY_GROW = 24 * MIB
"""What a gateway's memory may grow by where nothing of a body is kept."""

UNEXPLAINED = {"explain": False}
"""The `log` of a gateway that refuses much: where flows are written each would wait up to 5 s for its explanation."""


def keeps() -> bytes:
    """A request that is refused, and whose connection stays open; signed now, as it would be too late in 15 minutes."""
    return sign("GET", Target("bucket", "k"), key=Key(secret="wrong")).head


def in_background(run: Callable[[], object]) -> threading.Thread:
    """Run it in a thread; a connection that ends ends it."""

    def quietly() -> None:
        with contextlib.suppress(OSError):
            run()

    thread = threading.Thread(target=quietly, daemon=True)
    thread.start()
    return thread


def push(raw: Raw, piece: bytes, times: int) -> threading.Thread:
    """Write a piece many times, as far as it is taken."""

    def write() -> None:
        for _ in range(times):
            raw.send(piece)

    return in_background(write)
