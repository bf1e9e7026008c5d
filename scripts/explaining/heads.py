"""Both heads of a request that failed, side by side: what was signed, and what arrived.

Where the signed one is known, by a search or a log, it is compared line by line with what arrived. Where it is not,
what the signature says that it covers stands on its side. A capture of the gateway's own, whose backend refused, has
both heads as they were on the wire.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from s3gateway.explain.cause import Difference, difference
from s3gateway.observed.capture import Explanation, Head
from s3gateway.observed.contradictions import signed_names

_HIDDEN = frozenset(("authorization",))


@dataclass(frozen=True, slots=True)
class Row:
    """One line of either head. ``signed``: the signature covers it; ``bad``: it is why the signature does not fit."""

    difference: Difference
    signed: bool
    bad: bool


def rows(explanation: Explanation, head: Head) -> Iterator[Row]:
    """Line up what was signed with what arrived, and with what arrived besides."""
    if explanation.expected and explanation.received:
        yield from _compared(explanation)
    else:
        yield from _covered(head)
    names = set(signed_names(head))
    for name, value in head.headers:
        if name.lower() not in names and name.lower() not in _HIDDEN:
            yield Row(difference(f"header {name.lower()}", "", f"{name}: {value}"), signed=False, bad=False)


def _compared(explanation: Explanation) -> Iterator[Row]:
    ours, theirs = (_parts(text) for text in (explanation.expected, explanation.received))
    for name in (*ours, *(name for name in theirs if name not in ours)):
        pair = ours.get(name, ""), theirs.get(name, "")
        if any(pair):
            yield Row(difference(name, *pair), signed=True, bad=pair[0] != pair[1])


def _covered(head: Head) -> Iterator[Row]:
    """Only what arrived is known."""
    line = f"{head.method} {head.target}"
    yield Row(difference("request line", line, line), signed=True, bad=False)
    values: dict[str, list[str]] = {}
    for name, value in head.headers:
        values.setdefault(name.lower(), []).append(value)
    for name in signed_names(head):
        arrived = ", ".join(values.get(name, []))
        received = f"{name}: {arrived}" if name in values else ""
        yield Row(difference(f"header {name}", received or f"{name}: ?", received), signed=True, bad=not received)


def _parts(request: str) -> dict[str, str]:
    """Name each line of a canonical request; header lines by their name."""
    lines = request.split("\n")
    parts = dict(zip(("method", "path", "query"), lines, strict=False))
    for number, line in enumerate(lines[3:-2], 4):
        parts[f"header {line.partition(':')[0]}" if ":" in line else f"line {number}"] = line
    return parts | dict(zip(("signed headers", "payload"), lines[-2:], strict=False))
