"""The soak's bookkeeping: what may be in a key, and what counts as growth."""

import pytest

from soaking.figures import MIB, growth
from soaking.ledger import Attempt, Finding, Ledger, Outcome
from soaking.reckoning import slack

DEAD, UNKNOWN, ACKNOWLEDGED = Outcome.DEAD, Outcome.UNKNOWN, Outcome.ACKNOWLEDGED


def after(*ends: tuple[str | None, Outcome]) -> Ledger:
    """One write after another."""
    ledger = Ledger()
    for digest, outcome in ends:
        attempt = ledger.begin("k", digest)
        if outcome is not UNKNOWN:
            ledger.close(attempt, outcome)
    return ledger


@pytest.mark.parametrize(
    ("ends", "there", "finding"),
    [
        ((), None, Finding.INTACT),
        ((), "a", Finding.STRANGE),
        ((("a", ACKNOWLEDGED),), "a", Finding.INTACT),
        ((("a", ACKNOWLEDGED),), None, Finding.LOST),
        ((("a", ACKNOWLEDGED),), "half of a", Finding.STRANGE),
        ((("a", ACKNOWLEDGED), ("b", ACKNOWLEDGED)), "b", Finding.INTACT),
        ((("a", ACKNOWLEDGED), ("b", ACKNOWLEDGED)), "a", Finding.STALE),
        ((("a", ACKNOWLEDGED), ("b", UNKNOWN)), "a", Finding.INTACT),
        ((("a", ACKNOWLEDGED), ("b", UNKNOWN)), "b", Finding.INTACT),
        ((("b", UNKNOWN), ("a", ACKNOWLEDGED)), None, Finding.LOST),
        ((("a", ACKNOWLEDGED), ("b", DEAD)), "a", Finding.INTACT),
        ((("a", ACKNOWLEDGED), ("b", DEAD)), "b", Finding.UNWANTED),
        ((("b", DEAD),), None, Finding.INTACT),
        ((("a", ACKNOWLEDGED), (None, ACKNOWLEDGED)), None, Finding.INTACT),
        ((("a", ACKNOWLEDGED), (None, ACKNOWLEDGED)), "a", Finding.STALE),
        ((("a", ACKNOWLEDGED), (None, UNKNOWN)), None, Finding.INTACT),
    ],
)
def test_what_may_be_there(ends: tuple[tuple[str | None, Outcome], ...], there: str | None, finding: Finding) -> None:
    """The last acknowledged write, or one of unknown end; nothing else."""
    assert after(*ends).find("k", there) is finding


def test_writes_at_the_same_time() -> None:
    """Of two that overlapped either may have come last; neither, once a third began after both."""
    ledger = Ledger()
    one, other = ledger.begin("k", "a"), ledger.begin("k", "b")
    ledger.close(one, ACKNOWLEDGED)
    ledger.close(other, ACKNOWLEDGED)
    assert {ledger.find("k", digest) for digest in ("a", "b")} == {Finding.INTACT}
    ledger.close(ledger.begin("k", "c"), ACKNOWLEDGED)
    assert {ledger.find("k", digest) for digest in ("a", "b")} == {Finding.STALE}


def test_findings_name_every_key() -> None:
    """Keys that were written and are gone, and keys that are there and nobody wrote."""
    found = after(("a", ACKNOWLEDGED)).findings({"stranger": "x"})
    assert (found[Finding.LOST], found[Finding.STRANGE]) == (["k"], ["stranger"])


def test_downloads() -> None:
    """A download may give any write that was not refused or cut, and nothing else."""
    ledger = after(("a", ACKNOWLEDGED), ("b", DEAD))
    ledger.read("k", "a")
    assert ledger.torn_reads() == []
    ledger.read("k", "b")
    ledger.read("other", "a")
    assert ledger.torn_reads() == ["k", "other"]


def test_growth_compares_thirds() -> None:
    """By medians, so that a moment's peak is none, and by what a burst leaves behind."""
    steady, growing = growth([10, 12, 11, 10, 90, 11, 12, 10, 11]), growth([10, 20, 30, 40, 50, 60, 70, 80, 90])
    assert (steady.first, steady.last, steady.peak) == (11, 11, 90)
    assert (steady.exceeds(1.1, 5), growing.exceeds(1.1, 5)) == (False, True)


def test_a_short_run_may_warm_up() -> None:
    """One that begins to look after a minute may not."""
    short, long = slack(4, warm_up=3.0), slack(4, warm_up=60.0)
    assert (short.memory > 2 * long.memory, long.memory, slack(4, warm_up=600.0)) == (True, 24 * MIB, long)
    assert (short.descriptors, slack(8, warm_up=3.0).descriptors) == (24, 48)


def test_an_attempt_is_open_until_it_is_closed() -> None:
    """Its end is unknown."""
    assert Attempt("a", 1).outcome is UNKNOWN
