"""What an operator wants to know while keys rotate: which key of whom counts, who still uses it, what to do."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from s3gateway.config.model import Client
from s3gateway.identity.keys import DatedSecret, Term
from s3gateway.rules.key_use import Ledger

WARNED_DAYS: Final = 14.0
"""Days before the end of a key that warnings begin."""

_DAY: Final = 86400.0


@dataclass(frozen=True, slots=True)
class KeyRow:
    """One secret of one client's access key; ``secrets`` is how many the id has, ``number`` which one this is.

    ``first`` and ``last`` are seconds since 1970, None where it was not used since counting began. ``age_days`` is
    since ``not_before``, or else since its first use, and None where neither is known.
    """

    client: str
    access_key_id: str
    number: int
    secrets: int
    term: Term
    first: float | None
    last: float | None
    last_day: int
    age_days: float | None
    days_left: float | None
    state: str  # valid, waiting or ended

    @property
    def name(self) -> str:
        """How a sentence names it."""
        of = f"secret {self.number} of " if self.secrets > 1 else ""
        return f"{of}access key {self.access_key_id}"


def rows(clients: Iterable[Client], ledger: Ledger, now: datetime) -> list[KeyRow]:
    """Give a row for each secret, in the order of the file."""
    found = []
    for client in clients:
        secrets = client.secrets or (DatedSecret(client.keys.secret),)
        found += [_row(client, dated, len(secrets), ledger, now) for dated in secrets]
    return found


def _row(client: Client, dated: DatedSecret, secrets: int, ledger: Ledger, now: datetime) -> KeyRow:
    term, at = dated.term, now.timestamp()
    use = ledger.use(client.keys.access_key_id, dated.secret)
    begun = term.not_before.timestamp() if term.not_before else use.first if use else None
    return KeyRow(
        client.name,
        client.keys.access_key_id,
        dated.number,
        secrets,
        term,
        use.first if use else None,
        use.last if use else None,
        use.last_day(at) if use else 0,
        max(0.0, at - begun) / _DAY if begun is not None else None,
        (term.not_after.timestamp() - at) / _DAY if term.not_after else None,
        "ended" if term.is_over(now) else "valid" if term.has_begun(now) else "waiting",
    )


def warnings(found: list[KeyRow], now: datetime, days: float = WARNED_DAYS) -> list[str]:
    """Say what needs somebody: a client without a key, a key that ends and has no successor, or is still in use."""
    clients = dict.fromkeys(row.client for row in found)
    return [line for name in clients for line in _of_client([row for row in found if row.client == name], now, days)]


def _of_client(found: list[KeyRow], now: datetime, days: float) -> Iterator[str]:
    who = f"client {found[0].client}"
    valid = [row for row in found if row.state == "valid"]
    if not valid:
        told = "; ".join(f"{row.name} {_when(row)}" for row in found)
        yield f"{who} has no key that counts now ({told}); give it one under clients[].keys"
    for row in valid:
        if row.days_left is None or row.days_left > days:
            continue
        ends = f"{who}: {row.name} ends in {_days(row.days_left)}"
        later = [other for other in found if other is not row and _follows(other, row)]
        if not later:
            yield f"{ends}, and no other one follows; add one under clients[].keys"
        elif row.last_day and row.last is not None:
            ago = duration(now.timestamp() - row.last)
            yield (
                f"{ends} and is still used: {row.last_day} requests in the last day, the last one {ago} ago; "
                f"move who uses it to {later[-1].name}"
            )


def _follows(other: KeyRow, row: KeyRow) -> bool:
    """Whether a key counts when another one ends, and longer."""
    end, its_end = row.term.not_after, other.term.not_after
    if end is None or other.state == "ended":
        return False
    return (its_end is None or its_end > end) and other.term.has_begun(end)


def _when(row: KeyRow) -> str:
    moment = row.term.not_after if row.state == "ended" else row.term.not_before
    return f"{'ended' if row.state == 'ended' else 'counts from'} {moment:%Y-%m-%d %H:%M} UTC" if moment else row.state


def _days(days: float) -> str:
    return duration(days * _DAY)


def duration(seconds: float) -> str:
    """Write a time in one unit: ``5 s``, ``3 min``, ``7 h``, ``12 days``."""
    for unit, size in (("days", _DAY), ("h", 3600.0), ("min", 60.0)):
        if seconds >= (2 if unit == "days" else 1) * size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"
