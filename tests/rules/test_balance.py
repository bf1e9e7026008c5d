"""Who is given a request: sites in order, two at random, bytes in flight; and how often one is tried again."""

from collections import Counter
from dataclasses import dataclass
from random import Random

import pytest

from s3gateway.rules.balance import Budget, Need, choose, fit, weight
from s3gateway.rules.health import Health, Reach

UP, SILENT, DOWN = Health(0.0), Health(0.0, Reach.SILENT, "mute"), Health(0.0, Reach.DOWN, "gone")
NO_READ, NO_WRITE = Health(0.0, no_read="no quorum"), Health(0.0, no_write="no quorum")
BOTH = Health(0.0, no_read="no quorum", no_write="no quorum")

SITES = [
    ("the first while it stands", [UP, DOWN], [UP], [(0, 0)], [(0, 0)]),
    ("the second only without it", [DOWN, DOWN], [UP], [(1, 0)], []),
    ("a silent one where no other is up", [SILENT, DOWN], [UP], [(0, 0)], [(0, 0)]),
    ("not a silent one beside others", [SILENT, UP], [UP], [(0, 1)], [(0, 1)]),
    ("a site without write quorum keeps its reads", [NO_WRITE, NO_WRITE], [UP], [(0, 0), (0, 1)], []),
    ("a site without read quorum stands no more", [BOTH, DOWN], [UP], [(1, 0)], []),
    ("one without read quorum beside one with", [NO_READ, UP], [UP], [(0, 1)], [(0, 1)]),
    ("nobody", [DOWN, DOWN], [DOWN], [], []),
]


@pytest.mark.parametrize(("state", "first", "second", "read", "written"), SITES, ids=[row[0] for row in SITES])
def test_sites(
    state: str, first: list[Health], second: list[Health], read: list[tuple[int, int]], written: list[tuple[int, int]]
) -> None:
    """Two sites, of which the second takes no writes."""
    sites = [(True, first), (False, second)]
    assert fit(sites, Need.READ, kms=False) == read, state
    assert fit(sites, Need.WRITE, kms=False) == written, state


def test_a_second_site_may_take_writes() -> None:
    """Unless it is read-only."""
    assert fit([(True, [DOWN]), (True, [UP, UP])], Need.WRITE, kms=False) == [(1, 0), (1, 1)]


@dataclass
class One:
    load: float = 0.0
    share: float = 1.0
    given: int = 0


def spread(backends: list[One], requests: int = 4000, *, ends: bool = True) -> list[int]:
    random = Random(1).random
    for _ in range(requests):
        chosen = choose(backends, random)
        chosen.given += 1
        chosen.load += not ends
    return [backend.given for backend in backends]


@pytest.mark.parametrize("ends", [True, False])
def test_equal_ones_are_given_the_same(ends: bool) -> None:
    """Within a tenth, whether requests end at once or go on."""
    assert all(900 < given < 1100 for given in spread([One() for _ in range(4)], ends=ends))


def test_every_pair_is_met() -> None:
    """No backend is compared with itself, and each with all others."""
    met: Counter[int] = Counter()
    numbers = Random(2)
    for _ in range(1000):
        first, second = numbers.randrange(3), numbers.randrange(2)
        draw = (first * 2 + second) / 6 + 0.1
        backends = [One(load=3.0 - i) for i in range(3)]
        met[backends.index(choose(backends, lambda draw=draw: draw))] += 1  # type: ignore[misc]
    assert met[0] == 0, "the most loaded one is never the lesser of two"
    assert met[2] > met[1] > 0


def test_one_is_the_one() -> None:
    """Without a draw."""
    only = One(load=99.0)
    assert choose([only], lambda: 1 / 0) is only


def test_who_comes_back_is_given_less() -> None:
    """A tenth of the load for the same standing."""
    slow, *others = given = [One(share=0.1), One(), One(), One()]
    spread(given, 2000, ends=False)
    assert slow.given < others[0].given / 5


def test_bytes_in_flight_count() -> None:
    """A large upload is not one request, and not the whole link either."""
    assert [weight(length) for length in (0, 1 << 20, 64 << 20, 5 << 30)] == [1.0, 2.0, 65.0, 65.0]
    busy, idle = One(load=weight(5 << 30)), One(load=20.0)
    assert spread([busy, idle], 30, ends=False) == [0, 30]


def test_a_fifth_is_tried_again() -> None:
    """And some at first; never more than the last thousand requests have earned."""
    budget = Budget()
    assert sum(budget.take(0) for _ in range(100)) == 20
    assert sum(budget.take(100) for _ in range(100)) == 20
    assert sum(budget.take(100_000) for _ in range(1000)) == 200
