"""The memory that workers share: each sees the others' figures, and no worker needs another to be alive."""

import multiprocessing
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from s3gateway import errors
from s3gateway.config.gateway_yaml import parse
from s3gateway.rules.connections import Connections
from s3gateway.rules.limits import Limits
from s3gateway.rules.rate import Rates
from s3gateway.serve import ledger
from s3gateway.serve.ledger import Ledger

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def three(clock: Clock) -> Iterator[list[Ledger]]:
    file = ledger.create(16)
    yield [Ledger(file, own, clock) for own in range(3)]
    os.close(file)


def _limits(connections: int, per_address: int) -> Limits:
    return parse(
        "backend: {endpoint: 'https://h'}\nclients: [{name: a, access_key_id: K, secret_access_key: s}]\n"
        f"limits: {{connections: {connections}, connections_per_address: {per_address}}}\n",
        Path(),
    ).limits


def _counts(ledgers: list[Ledger]) -> list[Connections]:
    counts = []
    for one in ledgers:
        count = Connections()
        count.elsewhere = one
        counts.append(count)
    return counts


def test_connections_are_limited_together(three: list[Ledger]) -> None:
    """Five in all, three from one address, whoever has accepted them."""
    limits = _limits(5, 3)
    a, b, c = _counts(three)
    assert [one.enter(name, "10.0.0.1", limits) for one, name in ((a, "1"), (b, "2"), (c, "3"))] == ["", "", ""]
    assert b.enter("4", "10.0.0.1", limits) == "limits.connections_per_address"
    assert [b.enter("5", "10.0.0.2", limits), c.enter("6", "10.0.0.2", limits)] == ["", ""]
    assert a.enter("7", "10.0.0.3", limits) == "limits.connections"
    b.leave("2")
    assert a.enter("8", "10.0.0.1", limits) == ""


def test_a_worker_that_is_gone_has_none(three: list[Ledger]) -> None:
    """The parent clears what it had; the slot is the next one's."""
    limits = _limits(2, 2)
    a, b, _ = _counts(three)
    assert [b.enter("1", "10.0.0.1", limits), b.enter("2", "10.0.0.1", limits)] == ["", ""]
    assert a.enter("3", "10.0.0.2", limits) == "limits.connections"
    three[2].clear(1)
    assert [a.enter("4", "10.0.0.1", limits), a.enter("5", "10.0.0.1", limits)] == ["", ""]


def test_a_rate_is_that_of_all(three: list[Ledger], clock: Clock) -> None:
    """Of four tokens each of two workers takes two; a second later there are four anew."""
    one, other = Rates(three[0]), Rates(three[1])
    for rates in (one, other, one, other):
        rates.charge("K", 4, NOW)
    for rates in (one, other):
        with pytest.raises(errors.S3Error, match="reduce your request rate"):
            rates.charge("K", 4, NOW)
        rates.charge("OTHER", 4, NOW)
    clock.now += 1
    for rates in (one, other, other, other):
        rates.charge("K", 4, NOW)
    with pytest.raises(errors.S3Error):
        one.charge("K", 4, NOW)


def test_a_rate_below_one_gives_one(three: list[Ledger], clock: Clock) -> None:
    """And the next one when its time has come, whatever the clock on the wall does."""
    assert [one.take("K", 0.25, 1) for one in three] == [True, False, False]
    clock.now += 4
    assert [one.take("K", 0.25, 1) for one in three] == [True, False, False]


def test_who_is_ahead_waits(three: list[Ledger], clock: Clock) -> None:
    """For those that accept and are alive."""
    mine, other, third = three
    for one in three:
        one.beat(accepts=True)
    mine.moved("x", 1, 3)
    other.moved("x", 1, 1)
    third.moved("x", 1, 2)
    assert [one.ahead() for one in three] == [2, -1, 1]
    other.beat(accepts=False)
    assert mine.ahead() == 1
    clock.now += 10
    assert mine.ahead() == 0


def _connect(file: int, own: int) -> None:
    one = Ledger(file, own)
    for number in range(1000):
        one.moved("10.0.0.1", 1, number + 1)


def test_it_is_shared_between_processes() -> None:
    """Nothing is lost, though nothing is locked."""
    file = ledger.create(4)
    mine = Ledger(file, 0)
    assert mine.from_there("10.0.0.1") == 0
    context = multiprocessing.get_context("fork")
    others = [context.Process(target=_connect, args=(file, own)) for own in (1, 2)]
    for one in others:
        one.start()
    for one in others:
        one.join()
    assert (mine.from_there("10.0.0.1"), mine.elsewhere()) == (2000, 2000)
    os.close(file)
