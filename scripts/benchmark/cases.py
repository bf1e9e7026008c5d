"""The kinds of work that are measured, W1 to W10."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmark.signed import KIB, MIB, Content, Keys, Mode, Signed

BUCKET: Final = "bench"
SMALL_KEY: Final = "1k"
LARGE_KEY: Final = "64m"
LARGE: Final = 64 * MIB
_BLOCK: Final = os.urandom(MIB)
_SMALL: Final = Content(_BLOCK[:KIB])
_BIG: Final = Content(_BLOCK, LARGE // MIB)


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of work. `make` signs the request of one connection, which has its number.

    `megabytes` (10**6) says how much one request moves; 0 of a small one, whose figures are for each request.
    """

    name: str
    title: str
    make: Callable[[Keys, int], Signed]
    megabytes: float = 0.0
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A case at a number of connections."""

    case: Case
    connections: int

    @property
    def name(self) -> str:
        """As in reports: one connection's small GET has a name of its own."""
        return "W8" if (self.case.name, self.connections) == ("W1", 1) else self.case.name


def _put(mode: Mode, content: Content, key: str) -> Callable[[Keys, int], Signed]:
    """Each connection has its own key, because a backend may lock a key while it is written."""
    return lambda keys, number: keys.put(f"/{BUCKET}/{key}-{number}", content, mode)


def _get(key: str) -> Callable[[Keys, int], Signed]:
    return lambda keys, _: keys.get(f"/{BUCKET}/{key}")


_MB: Final = LARGE / 1e6

CASES: Final = (
    Case("W1", "GET 1 KiB", _get(SMALL_KEY)),
    Case("W3", "PUT 1 KiB sha256", _put(Mode.SHA256, _SMALL, "put")),
    Case("W9", "PUT 1 KiB signed chunks", _put(Mode.SIGNED_CHUNKS, _SMALL, "put-chunks")),
    Case("W10", "GET 1 KiB, new connection", _get(SMALL_KEY), fresh=True),
    Case("W4", "GET 64 MiB", _get(LARGE_KEY), _MB),
    Case("W5", "PUT 64 MiB unsigned", _put(Mode.UNSIGNED, _BIG, "large"), _MB),
    Case("W5S", "PUT 64 MiB sha256", _put(Mode.SHA256, _BIG, "large"), _MB),
    Case("W6", "PUT 64 MiB signed chunks", _put(Mode.SIGNED_CHUNKS, _BIG, "large"), _MB),
    Case("W7", "PUT 64 MiB unsigned trailer", _put(Mode.UNSIGNED_TRAILER, _BIG, "large"), _MB),
)

NAMES: Final = (*(case.name for case in CASES), "W8")


def rows(names: list[str], connections: list[int]) -> list[Row]:
    """The cases called `names`, each at each number of connections; W8 is W1 at one connection."""
    found = [Row(case, number) for case in CASES if case.name in names for number in connections]
    single = Row(CASES[0], 1)
    return [single, *found] if "W8" in names and single not in found else found


def upload_of(megabytes: int) -> Content:
    """An upload of so many MiB."""
    return Content(_BLOCK, megabytes)
