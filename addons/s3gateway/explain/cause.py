"""A verdict: one explanation taken apart, as it is shown: cause, certainty, sentence, evidence, remedy, the others.

:func:`verdict` makes one of an :class:`~s3gateway.observed.capture.Explanation`, also of one that a capture has kept.
All texts are printable: control characters and bytes that are no UTF-8 stand as escapes, and spans count characters of
these texts. Secrets are hidden already.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum

from s3gateway.explain import catalogue
from s3gateway.explain.catalogue import Reference
from s3gateway.observed.capture import Explanation
from s3gateway.observed.printable import printable

Span = tuple[int, int]
"""``[start, end)`` in characters of a line; empty (start == end) where the other side has something more there."""

_LINES_AFTER_HEADERS = 3
"""An empty one, the names of the signed headers, and the payload's hash."""

_LEAST_LINES = 3 + _LINES_AFTER_HEADERS
_MOST_COMPARED = 1024
"""Differing characters that are compared one by one; longer ones are one span: a line may have 16 KiB."""

_SIMILAR = 0.5
"""Below this likeness, single letters that happen to agree are no help to the eye: one span."""


class Certainty(StrEnum):
    """How sure a cause is."""

    CERTAIN = "certain"
    """Proven: a signature fits what the sentence says was signed, or both canonical texts are there."""

    LIKELY = "likely"
    """Everything seen agrees with it and with nothing else that is known; it is not proven."""

    POSSIBLE = "possible"
    """One of several that fit; the others stand beside it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A line that was signed in one way and received in another.

    ``part`` is what the line is: ``method``, ``path``, ``query``, ``header NAME``, ``signed headers``, ``payload``,
    ``time``, ``scope`` or ``line``. A side without the line is empty and has no spans.
    """

    part: str
    signed: str
    received: str
    signed_spans: tuple[Span, ...] = ()
    received_spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """Another cause that would fit as well."""

    cause: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about one request that failed, or did not.

    ``remedy`` has one step an item. ``evidence`` has the lines that differ, the first one first; it may be empty.
    """

    cause: str
    certainty: Certainty
    sentence: str
    evidence: tuple[Difference, ...] = ()
    remedy: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    others: tuple[Other, ...] = ()


def verdict(explanation: Explanation) -> Verdict:
    """Take an explanation apart. An old capture says nothing of certainty: it is ``possible`` then."""
    known = Certainty(explanation.certainty) if explanation.certainty in set(Certainty) else Certainty.POSSIBLE
    remedy, references = catalogue.look_up(explanation.cause)
    outside = (difference(*line) for line in explanation.lines)
    return Verdict(
        cause=explanation.cause,
        certainty=known,
        sentence=printable(explanation.sentence),
        evidence=(*differences(explanation.expected, explanation.received), *outside),
        remedy=remedy,
        references=references,
        others=tuple(Other(cause, printable(sentence)) for cause, sentence in explanation.others),
    )


def differences(signed: str, received: str) -> tuple[Difference, ...]:
    """Compare two canonical requests part by part; nothing where one of them is not known."""
    if not signed or not received:
        return ()
    ours, theirs = _parts(signed), _parts(received)
    names = (*ours, *(name for name in theirs if name not in ours))
    found = [name for name in names if ours.get(name) != theirs.get(name)]
    return tuple(difference(name, ours.get(name, ""), theirs.get(name, "")) for name in found)


def difference(part: str, signed: str, received: str) -> Difference:
    """Mark the characters that differ in a pair of lines."""
    alike = unicodedata.normalize("NFKC", signed) == unicodedata.normalize("NFKC", received)
    left, right = (_escaped(text, everything=alike) for text in (signed, received))
    if not left or not right:
        return Difference(part, left, right)
    pairs = tuple(_spans(left, right))
    return Difference(part, left, right, tuple(a for a, _ in pairs), tuple(b for _, b in pairs))


def _parts(request: str) -> dict[str, str]:
    """Name each line of a canonical request. Header lines are told by their name, so that their order is no matter."""
    lines = request.split("\n")
    parts = dict(zip(("method", "path", "query"), lines, strict=False))
    if len(lines) < _LEAST_LINES or lines[-_LINES_AFTER_HEADERS]:
        return parts | {f"line {number}": line for number, line in enumerate(lines[3:], 4)}
    for line in lines[3:-_LINES_AFTER_HEADERS]:
        parts[f"header {line.partition(':')[0]}"] = line
    return parts | {"signed headers": lines[-2], "payload": lines[-1]}


def _escaped(text: str, *, everything: bool) -> str:
    """Make a line printable; ``everything`` that is not ASCII is escaped where the two lines would look the same."""
    if everything:
        text = "".join(c if c.isascii() else _escape(c) for c in text)
    return printable("".join(_escape(c) if "\udc80" <= c <= "\udcff" else c for c in text))


def _escape(character: str) -> str:
    """Write a byte that is no UTF-8 as two hex digits, another character as Python escapes it."""
    return f"\\x{ord(character) - 0xDC00:02x}" if "\udc80" <= character <= "\udcff" else ascii(character)[1:-1]


def _spans(left: str, right: str) -> Iterator[tuple[Span, Span]]:
    """Pairs of spans that differ. What both begin and end with is no part of them."""
    shorter = min(len(left), len(right))
    begin = next((i for i in range(shorter) if left[i] != right[i]), shorter)
    most = shorter - begin
    end = next((i for i in range(most) if left[-1 - i] != right[-1 - i]), most)
    ours, theirs = left[begin : len(left) - end], right[begin : len(right) - end]
    if not ours and not theirs:
        return
    whole = (begin, begin + len(ours)), (begin, begin + len(theirs))
    if len(ours) + len(theirs) > _MOST_COMPARED:
        yield whole
        return
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    if matcher.ratio() < _SIMILAR:
        yield whole
        return
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield (begin + a, begin + b), (begin + c, begin + d)
