"""What all workers count together: connections, in all and from each address, and requests of each access key.

It is memory that they share. For connections each worker writes its own slot alone and reads all of them. Nothing is
locked, so a worker that dies or stands still holds up nobody. Addresses and keys are counted in two tables each, at
places that a keyed hash chooses, and the smaller figure counts: that two share both places is as good as impossible.
"""

import hashlib
import mmap
import os
import struct
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final

_PLACES: Final = 1 << 16
_TABLES: Final = 2
_ROWS: Final = 4 * _TABLES * _PLACES
_HEAD: Final = 4096
_SLOT: Final = _HEAD + _ROWS
_SLOTS_AT: Final = _HEAD + 2 * _ROWS
_KEY: Final = 16

_ACCEPTS, _CONNECTIONS = range(2)
_BEAT: Final = 8
"""Offset of the time of a worker's last sign of life, a double; what is before it are two unsigned numbers."""

_STALE_SECONDS: Final = 2.0
"""Without a sign of life for that long, a worker is not waited for."""


def create(slots: int) -> int:
    """Make the memory for so many workers; give its descriptor."""
    file = os.memfd_create("s3gateway-ledger", os.MFD_CLOEXEC)
    os.ftruncate(file, _SLOTS_AT + slots * _SLOT)  # pages that nobody writes take no memory
    os.pwrite(file, struct.pack("I", slots) + os.urandom(_KEY), 0)
    return file


class Ledger:
    """The memory behind ``file``, as the worker in slot ``own`` sees it; ``now`` is a clock that all share."""

    def __init__(self, file: int, own: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        memory = memoryview(mmap.mmap(file, 0))
        slots, self._key = struct.unpack_from(f"I{_KEY}s", memory)
        parts = [memory[_SLOTS_AT + at * _SLOT :][:_SLOT] for at in range(slots)]
        self._full_at = memory[_HEAD : _HEAD + 2 * _ROWS].cast("d")
        self._heads = [part[:_BEAT].cast("I") for part in parts]
        self._beats = [part[_BEAT : 2 * _BEAT].cast("d") for part in parts]
        self._addresses = [part[_HEAD:].cast("I") for part in parts]
        self._own = own
        self._others = [at for at in range(slots) if at != own]
        self._places = lru_cache(maxsize=4096)(self._find_places)

    # What the parent does.

    def clear(self, slot: int) -> None:
        """Let go of the connections that a worker had which is gone."""
        self._heads[slot][_ACCEPTS] = self._heads[slot][_CONNECTIONS] = 0
        addresses = self._addresses[slot]
        addresses[:] = memoryview(bytes(addresses.nbytes)).cast("I")

    # What a worker does.

    def beat(self, *, accepts: bool) -> None:
        """Give a sign of life, and say whether it accepts connections."""
        self._heads[self._own][_ACCEPTS] = accepts
        self._beats[self._own][0] = self._now()

    def ahead(self) -> int:
        """How many connections more this worker has than the one with the fewest, of those that accept."""
        fresh = self._now() - _STALE_SECONDS
        accepting = [at for at in self._others if self._heads[at][_ACCEPTS] and self._beats[at][0] >= fresh]
        least = min((self._heads[at][_CONNECTIONS] for at in accepting), default=None)
        return 0 if least is None else self._heads[self._own][_CONNECTIONS] - least

    def moved(self, origin: str, by: int, connections: int) -> None:
        """Note that a connection from there has come (1) or gone (-1), and how many there are here now."""
        self._heads[self._own][_CONNECTIONS] = connections
        addresses = self._addresses[self._own]
        for place in self._places(origin):
            addresses[place] = max(0, addresses[place] + by)

    def elsewhere(self) -> int:
        """Connections of all other workers."""
        return sum(self._heads[at][_CONNECTIONS] for at in self._others)

    def from_there(self, origin: str) -> int:
        """Connections of all other workers from one address."""
        return min(sum(self._addresses[at][place] for at in self._others) for place in self._places(origin))

    def take(self, key: str, rate: float, burst: float) -> bool:
        """Take a token of a key's, of which ``rate`` come back a second up to ``burst``; False if there is none.

        What is kept of a key is when its bucket would be full again, which all workers write (GCRA). Two that do so at
        the same moment may count one request for both; nobody is refused for it.
        """
        now, rows, places = self._now(), self._full_at, self._places(key)
        if max(now, min(rows[place] for place in places)) + 1 / rate > now + burst / rate:
            return False
        for place in places:
            rows[place] = max(now, rows[place]) + 1 / rate
        return True

    def _find_places(self, name: str) -> tuple[int, ...]:
        digest = hashlib.blake2b(name.encode(errors="surrogateescape"), key=self._key, digest_size=2 * _TABLES).digest()
        return tuple(table * _PLACES + place for table, place in enumerate(struct.unpack(f"{_TABLES}H", digest)))
