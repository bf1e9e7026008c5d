"""What is told of keys, and when somebody is warned."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from s3gateway.config.gateway_yaml import parse
from s3gateway.config.model import KeyPair
from s3gateway.rules.key_report import KeyRow, duration, rows, warnings
from s3gateway.rules.key_use import HOUR, Ledger, Use

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
AT = NOW.timestamp()
DAY = 86400.0


def found(keys: str, used: dict[str, int] | None = None) -> list[KeyRow]:
    """The rows of client ``spark``; ``used`` has the requests of an hour ago by secret."""
    text = "backend: {endpoint: 'https://h', credentials: {access_key_id: a, secret_access_key: b}}\n"
    config = parse(text + "clients: [{name: spark, access_key_id: K, keys: [" + keys + "]}]", Path())
    clients, uses = config.clients.values(), []
    for one, dated in [(each, dated) for each in clients for dated in each.secrets]:
        count = (used or {}).get(dated.secret.reveal().decode())
        if count:
            pair = KeyPair(one.keys.access_key_id, dated.secret)
            uses.append((pair, Use(AT - 2 * DAY, AT - HOUR, {int(AT // HOUR) - 1: count})))
    return rows(clients, Ledger(AT - 3 * DAY, b"salt").merged(uses, AT), NOW)


def told(keys: str, used: dict[str, int] | None = None) -> list[str]:
    return warnings(found(keys, used), NOW)


OLD = "{secret_access_key: old, not_before: 2026-01-01, not_after: 2026-12-05}"
NEW = "{secret_access_key: new, not_before: 2026-11-20}"


def test_a_row() -> None:
    """Age from its term, or else from its first use."""
    old, new, plain = found(f"{OLD}, {NEW}, {{access_key_id: L, secret_access_key: plain}}", {"old": 7, "plain": 1})
    assert (old.number, old.secrets, old.state, old.last_day, old.last) == (1, 2, "valid", 7, AT - HOUR)
    assert (round(old.age_days or 0), round(old.days_left or 0, 1)) == (332, 6.5)
    assert (new.number, new.last, new.last_day, new.days_left) == (2, None, 0, None)
    assert (plain.access_key_id, plain.secrets, plain.age_days) == ("L", 1, 2.0)


def test_who_still_uses_the_old_one() -> None:
    (line,) = told(f"{OLD}, {NEW}", {"old": 1412})
    assert line == (
        "client spark: secret 1 of access key K ends in 6 days and is still used: 1412 requests in the last day, the "
        "last one 1 h ago; move who uses it to secret 2 of access key K"
    )


def test_nobody_uses_the_old_one() -> None:
    """Then nobody need be told."""
    assert told(f"{OLD}, {NEW}", {"new": 5}) == []


def test_nothing_follows() -> None:
    (line,) = told("{secret_access_key: old, not_after: 2026-12-05}")
    assert line == ("client spark: access key K ends in 6 days, and no other one follows; add one under clients[].keys")


@pytest.mark.parametrize(
    "next_key", ["{secret_access_key: new, not_before: 2026-12-07}", "{secret_access_key: new, not_after: 2026-12-01}"]
)
def test_what_does_not_follow(next_key: str) -> None:
    """One that begins after a gap, or ends before."""
    assert any("no other one follows" in line for line in told(f"{OLD}, {next_key}"))


def test_none_counts() -> None:
    (line,) = told("{secret_access_key: old, not_after: 2026-11-01}, {secret_access_key: new, not_before: 2027-01-01}")
    assert line == (
        "client spark has no key that counts now (secret 1 of access key K ended 2026-11-01 23:59 UTC; secret 2 of "
        "access key K counts from 2027-01-01 00:00 UTC); give it one under clients[].keys"
    )


def test_an_end_far_away() -> None:
    assert told("{secret_access_key: old, not_after: 2026-12-20}") == []


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (172_799, "47 h"), (172_800, "2 days"), (-3, "0 s")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds).total_seconds()) == text
