"""What became of a request head on its way: a row for each header, a line for the target, and what is wrong with it.

The one comparer of the project. A row is lossless: applying all that differs to the incoming headers gives the
outgoing ones, in their order, case and number. Repeated headers are compared as lists of values, never joined.

Two questions are answered, and they are independent:

``survived``  did everything that the client sent arrive as it was? A difference that is meant (``reason`` says why)
              does not count, nor do a header's place and the case of its name, which HTTP gives no meaning.
``faults``    does the outgoing head contradict its own signature? A header may be gone for the best of reasons, and
              the request still be refused because it was signed before it went.

Fates are decided on the values given; the values kept are redacted. Where both sides are ``<redacted>`` already,
nobody can know whether they were equal, and the row says so.
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from s3gateway.observed.capture import Exchange, Head, Pairs
from s3gateway.observed.contradictions import Fault, find_faults, signed_names
from s3gateway.observed.expected_changes import NO_REASONS, Context, of_header, of_target, raw
from s3gateway.observed.redaction import text
from s3gateway.rules.headers import redacted, redacted_target

_REDACTED = "<redacted>"
_Fields = Mapping[str, "tuple[Field, ...]"]


class Fate(Enum):
    """What became of a header; the value is the word for it."""

    KEPT = "kept"
    REORDERED = "reordered"  # as it was, but at another place among the others
    CHANGED = "changed"
    DUPLICATED = "duplicated"  # more fields of this name than before
    MERGED = "merged"  # fewer
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Field:
    """One header field: its place in its head (from 0), its name as spelled there, its value without secrets."""

    place: int
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Row:
    """One header name (lower case): its fields on either side, and what became of them.

    ``moved`` may be true of changed headers too. ``reason`` says why a difference is meant.
    """

    name: str
    fate: Fate
    before: tuple[Field, ...]
    after: tuple[Field, ...]
    signed_before: bool
    signed_after: bool
    moved: bool
    reason: str

    @property
    def recased(self) -> bool:
        """Whether the name arrived in other letters: HTTP does not care, a careless server might."""
        return any(one.name != other.name for one, other in zip(self.before, self.after, strict=False))

    @property
    def survived(self) -> bool:
        """Whether nothing of the client's was lost here, or it was meant."""
        return self.fate in (Fate.KEPT, Fate.REORDERED, Fate.ADDED) or bool(self.reason)


@dataclass(frozen=True, slots=True)
class Line:
    """Method and target of both sides, redacted."""

    before: str
    after: str
    reason: str

    @property
    def fate(self) -> Fate:
        """``KEPT`` or ``CHANGED``."""
        return Fate.KEPT if self.before == self.after else Fate.CHANGED

    @property
    def survived(self) -> bool:
        """Whether it arrived as it was, or the change was meant."""
        return self.fate is Fate.KEPT or bool(self.reason)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two heads compared: rows in the client's order, each added header where it stands on the wire."""

    line: Line
    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]

    @property
    def survived(self) -> bool:
        """Whether all that the client sent arrived, but for what has a reason."""
        return self.line.survived and not self.lost

    @property
    def lost(self) -> tuple[Row, ...]:
        """The headers that did not survive."""
        return tuple(row for row in self.rows if not row.survived)

    def counts(self) -> dict[Fate, int]:
        """How many headers met each fate, of the fates that any did."""
        found = [row.fate for row in self.rows]
        return {fate: found.count(fate) for fate in Fate if fate in found}


def compare(
    incoming: Head, outgoing: Head, *, added_by: str = "", allowed: Mapping[str, str] = NO_REASONS
) -> Comparison:
    """Compare what came in with what went out.

    ``added_by`` names the rule that added encryption headers; ``allowed`` gives a reason for further lower-case names.
    """
    context = Context(incoming, outgoing, added_by, allowed)
    before, after = _by_name(incoming.headers), _by_name(outgoing.headers)
    signed = frozenset(signed_names(incoming)), frozenset(signed_names(outgoing))
    moved = _moved(before, after)
    rows = tuple(
        _row(before.get(name, ()), after.get(name, ()), name, signed, context, moved=name in moved)
        for name in _names(before, after)
    )
    line = Line(_request_line(incoming), _request_line(outgoing), of_target(context))
    return Comparison(line, rows, find_faults(incoming, outgoing))


def compare_exchange(exchange: Exchange, allowed: Mapping[str, str] = NO_REASONS) -> Comparison | None:
    """Compare both heads of an exchange; None if nothing went out."""
    if exchange.outgoing is None:
        return None
    added_by = " by ".join(filter(None, (exchange.sse, exchange.rule)))
    return compare(exchange.incoming, exchange.outgoing, added_by=added_by, allowed=allowed)


def _row(
    before: tuple[Field, ...], after: tuple[Field, ...], name: str, signed: tuple[frozenset[str], frozenset[str]],
    context: Context, *, moved: bool,
) -> Row:  # fmt: skip
    values, values_after = tuple(one.value for one in before), tuple(one.value for one in after)
    fate = _fate(values, values_after, moved=moved)
    if fate in (Fate.KEPT, Fate.REORDERED):
        hidden = any(_REDACTED in value for value in values)
        reason = "redacted on both sides: not compared" if hidden else ""
    else:
        reason = of_header(name, values, values_after, context)
    shown = tuple(map(_without_secret, before)), tuple(map(_without_secret, after))
    return Row(name, fate, *shown, name in signed[0], name in signed[1], moved, reason)


def _fate(before: tuple[str, ...], after: tuple[str, ...], *, moved: bool) -> Fate:
    if before == after:
        return Fate.REORDERED if moved else Fate.KEPT
    if not before or not after:
        return Fate.REMOVED if before else Fate.ADDED
    if len(before) != len(after):
        return Fate.DUPLICATED if len(after) > len(before) else Fate.MERGED
    return Fate.CHANGED


def _by_name(headers: Pairs) -> dict[str, tuple[Field, ...]]:
    found: dict[str, tuple[Field, ...]] = {}
    for place, (name, value) in enumerate(headers):
        found[name.lower()] = (*found.get(name.lower(), ()), Field(place, name, value))
    return found


def _names(before: _Fields, after: _Fields) -> list[str]:
    """Every name once: the client's in its order, each added one behind what precedes it on the wire."""
    names, at = list(before), 0
    for name in after:
        if name not in before:
            names.insert(at, name)
        at = names.index(name) + 1
    return names


def _moved(before: _Fields, after: _Fields) -> set[str]:
    """Find the names that left the order: all but those of a longest row of fields in the same order on both sides."""
    pairs = sorted(
        (one.place, other.place, name)
        for name, fields in before.items()
        if len(fields) == len(after.get(name, ()))
        for one, other in zip(fields, after[name], strict=True)
    )
    ends: list[int] = []  # the smallest last place of a row of each length, and behind it how it was reached
    rows: list[tuple[int, ...]] = []
    for at, (_, place, _) in enumerate(pairs):
        length = bisect_left(ends, place)
        row = (*(rows[length - 1] if length else ()), at)
        ends[length:] = [place, *ends[length + 1 :]]
        rows[length:] = [row, *rows[length + 1 :]]
    stayed = set(rows[-1]) if rows else set()
    return {name for at, (_, _, name) in enumerate(pairs) if at not in stayed}


def _request_line(head: Head) -> str:
    return f"{head.method} {text(redacted_target(raw(head.target)))}"


def _without_secret(field: Field) -> Field:
    ((_, value),) = redacted(((raw(field.name), raw(field.value)),))
    return Field(field.place, field.name, text(value))
