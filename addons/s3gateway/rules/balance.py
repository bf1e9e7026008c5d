"""Which backend a request goes to: the first site that stands, and in it the less loaded of two taken at random. Pure.

Two at random and not the least of all: many gateways see the same numbers and would all run to the same backend.

Nothing of S3 needs to stay with one MinIO server: the parts of an upload and the pages of a listing may go to any
server of a cluster. Servers that keep upload ids or continuation tokens for themselves do not belong in one list.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum, auto
from typing import Final, Protocol

from s3gateway.rules.health import Health, Reach

_MEBIBYTE: Final = 1024 * 1024
_MOST_WEIGHT: Final = 64.0


class Need(IntEnum):
    """What a request needs of a backend. A number, because each request looks one up and a name is slow to hash."""

    READ = auto()
    WRITE = auto()


class Loaded(Protocol):
    """A backend that can be chosen: its requests under way, weighed, and the share of load that it can take."""

    load: float
    share: float


def weight(length: int) -> float:
    """What a transfer of ``length`` bytes weighs against a small request: one more for each MiB, up to 64.

    A 5 GiB upload is not one request; and it takes a share of a link, not all of it.
    """
    return 1.0 + min(length / _MEBIBYTE, _MOST_WEIGHT)


def choose[T: Loaded](candidates: Sequence[T], random: Callable[[], float]) -> T:
    """Take the less loaded of two; ``random`` gives one number from 0 to less than 1, which stands for a pair."""
    count = len(candidates)
    if count == 1:
        return candidates[0]
    first, second = divmod(int(random() * count * (count - 1)), count - 1)
    one, other = candidates[first], candidates[second + (second >= first)]
    return one if (one.load + 1) * other.share <= (other.load + 1) * one.share else other


def fit(sites: Sequence[tuple[bool, Sequence[Health]]], need: Need, *, kms: bool) -> list[tuple[int, int]]:
    """Give the backends, as (site, number), that a request may go to. Sites are (takes writes, what is known of each).

    A site stands while one of its backends can be read. Only the first that stands serves: what it cannot do is
    refused, for another site would give other answers. A silent backend serves where no other does, and one that has
    just refused a write is given writes where no other takes them.
    """
    for number, (takes_writes, healths) in enumerate(sites):
        if not any(health.reach is not Reach.DOWN and not health.no_read for health in healths):
            continue
        if need is Need.WRITE and not takes_writes:
            return []
        able = [(i, health) for i, health in enumerate(healths) if can(health, need, kms=kms)]
        up = [i for i, health in able if health.reach is Reach.UP]
        willing = [i for i, health in able if i in up and not (need is Need.WRITE and health.refuses_writes)]
        return [(number, i) for i in willing or up or [i for i, _ in able]]
    return []


def can(health: Health, need: Need, *, kms: bool) -> bool:
    """Whether a backend can be given this, if need be."""
    if health.reach is Reach.DOWN or health.no_read:
        return False
    return need is Need.READ or not (health.no_write or (kms and health.no_kms))


class Budget:
    """How much may be tried again: a fifth of all requests, with some in hand for a backend that dies under many."""

    PRICE: Final = 5
    """Requests that one more try costs."""

    AT_FIRST: Final = 20 * PRICE
    MOST: Final = 200 * PRICE

    def __init__(self) -> None:
        self._earned = self.AT_FIRST
        self._served = 0

    def take(self, served: int) -> bool:
        """Whether one more may be tried again, when so many requests have come in all."""
        self._earned = min(self._earned + served - self._served, self.MOST)
        self._served = served
        if self._earned < self.PRICE:
            return False
        self._earned -= self.PRICE
        return True
