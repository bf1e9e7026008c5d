"""The header set that came in against the one that went out, as rows for people to read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

Headers = Sequence[tuple[bytes, bytes]]

_AUTHORIZATION: Final = re.compile(r"\S+ Credential=([^/,]+)/[^,]*, *SignedHeaders=([^,]+), *Signature=([0-9a-f]+)")
# What the gateway does to a header, for those who see it for the first time.
_WHY: Final = {
    "host": "the backend's",
    "connection": "hop by hop",
    "expect": "answered by the gateway",
    "x-amz-server-side-encryption": "the encryption policy",
    "x-amz-server-side-encryption-aws-kms-key-id": "the encryption policy",
}
# May differ, or be missing, on the outgoing side. Everything else has to arrive.
OWN: Final = frozenset({"host", "authorization", "x-amz-date"})
HOP_BY_HOP: Final = frozenset({"connection", "expect"})


class Fate(Enum):
    """What became of a header; the value is its mark in the table."""

    KEPT = "="
    CHANGED = "~"
    ADDED = "+"
    REMOVED = "-"


@dataclass(frozen=True, slots=True)
class Row:
    """One header by its lower-case name; values are shortened where they hold a signature."""

    fate: Fate
    name: str
    before: str
    after: str
    why: str


def compare(incoming: Headers, outgoing: Headers) -> list[Row]:
    """All headers of both sides, the client's first, each name once (repeated ones joined by a comma)."""
    before, after = _by_name(incoming), _by_name(outgoing)
    names = [*before, *(name for name in after if name not in before)]
    return [_row(name, before.get(name), after.get(name)) for name in names]


def all_arrived(incoming: Headers, outgoing: Headers) -> bool:
    """Whether each end-to-end header of the client is on the other side, unchanged."""
    allowed = OWN | HOP_BY_HOP
    lost = {row.name for row in compare(incoming, outgoing) if row.fate in {Fate.CHANGED, Fate.REMOVED}}
    return lost <= allowed


def _row(name: str, before: str | None, after: str | None) -> Row:
    if before is None:
        fate = Fate.ADDED
    elif after is None:
        fate = Fate.REMOVED
    else:
        fate = Fate.KEPT if before == after else Fate.CHANGED
    why = "" if fate is Fate.KEPT else _WHY.get(name, "")
    return Row(fate, name, _shown(name, before), _shown(name, after), why)


def _by_name(headers: Headers) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode().lower(), raw_value.decode(errors="replace")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _shown(name: str, value: str | None) -> str:
    if value is None:
        return ""
    match = _AUTHORIZATION.fullmatch(value) if name == "authorization" else None
    if match is None:
        return "(hidden)" if name in {"authorization", "x-amz-security-token"} else value
    key, signed, signature = match.groups()
    return f"{signature[:8]}… by {key} over {signed.count(';') + 1} headers"
