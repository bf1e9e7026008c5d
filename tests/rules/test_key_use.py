"""The use of keys: counted, merged, written and read."""

import json

import pytest

from s3gateway.config.model import KeyPair
from s3gateway.rules.key_use import HOUR, Counter, Ledger, Use, read_ledger
from s3gateway.sigv4.model import Secret

START = 1_796_000_000.0
ONE, TWO = KeyPair("K", Secret("one")), KeyPair("K", Secret("two"))
EMPTY = Ledger(START, b"salt")


def test_secrets_of_one_id_are_counted_apart() -> None:
    """Each with its first and last use."""
    counter = Counter()
    for keys, at in ((ONE, 1), (ONE, 5), (TWO, 3)):
        counter.note(keys, START + at)
    ledger = EMPTY.merged(counter.take(), START + 6)
    one, two = (ledger.use("K", keys.secret) for keys in (ONE, TWO))
    assert one is not None
    assert two is not None
    assert (one.first, one.last, one.last_day(START + 6)) == (START + 1, START + 5, 2)
    assert two.last_day(START + 6) == 1
    assert counter.take() == []


def test_the_last_day() -> None:
    """What is older than 24 hours is in no count, and is not kept."""
    use = Use(START, START, {})
    for hours in range(60):
        at = START + hours * HOUR
        use = use.merged(Use(at, at, {int(at // HOUR): 10}))
    now = START + 59 * HOUR
    assert use.last_day(now) == 250
    assert len(use.hours) == 25
    assert use.last_day(now + 12 * HOUR) == 130
    assert use.last_day(now + 30 * HOUR) == 0
    assert use.first == START


def test_processes_add_up() -> None:
    """Whichever wrote first."""
    first, second = (Use(START + at, START + at + 1, {int(START // HOUR): 5}) for at in (10, 0))
    for order in ([first, second], [second, first]):
        ledger = EMPTY
        for use in order:
            ledger = ledger.merged([(ONE, use)], START + 20)
        found = ledger.use("K", ONE.secret)
        assert found == Use(START, START + 11, {int(START // HOUR): 10})


def test_what_could_not_be_written_is_counted_again() -> None:
    counter = Counter()
    counter.note(ONE, START)
    taken = counter.take()
    counter.note(ONE, START + 1)
    counter.put_back(taken)
    ((keys, use),) = counter.take()
    assert (keys, use.first, use.last, use.last_day(START)) == (ONE, START, START + 1, 2)


def test_it_is_read_as_it_was_written() -> None:
    ledger = EMPTY.merged([(ONE, Use(START, START + 1, {1: 2})), (TWO, Use(START, START, {1: 1}))], START + 2)
    assert read_ledger(json.loads(json.dumps(ledger.to_json()))) == ledger


def test_a_secret_cannot_be_read_from_it() -> None:
    """Four digits tell a few apart, and fit one in 65536 of all secrets."""
    ledger = EMPTY.merged([(ONE, Use(START, START))], START)
    text = json.dumps(ledger.to_json())
    assert "one" not in text
    ((_, mark),) = ledger.uses
    assert len(mark) == 4


def test_keys_that_are_gone_are_forgotten() -> None:
    ledger = EMPTY.merged([(ONE, Use(START, START))], START).merged([], START + 91 * 24 * HOUR)
    assert ledger.uses == {}


@pytest.mark.parametrize(
    "document",
    [
        None, [], {}, {"schema": "other"}, {"schema": "s3-gateway-state/1"},
        {"schema": "s3-gateway-state/1", "since": 0, "salt": "zz", "keys": {}},
        {"schema": "s3-gateway-state/1", "since": 0, "salt": "00", "keys": {"K": {"m": {"first": 0}}}},
        {"schema": "s3-gateway-state/1", "since": 0, "salt": "00", "keys": []},
    ],
)  # fmt: skip
def test_nothing_else_is_read(document: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it has no words: whoever reads the file has them
        read_ledger(document)
