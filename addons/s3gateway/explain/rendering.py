"""An explanation for people: the sentence, and the two canonical requests with the lines that differ marked."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from s3gateway.observed.capture import Explanation
from s3gateway.observed.printable import printable

_RED, _GREEN, _BOLD, _DIM, _OFF = "\033[31m", "\033[32m", "\033[1m", "\033[2m", "\033[0m"

SIGNED, RECEIVED = "-", "+"
"""Marks of a line as the client signed it, and as it was received."""


def render(explanation: Explanation, *, colour: bool) -> str:
    """Give the whole: cause and sentence, then the canonical request line by line."""
    bold, off = (_BOLD, _OFF) if colour else ("", "")
    lines = [f"{bold}{explanation.cause}{off}: {printable(explanation.sentence)}"]
    if explanation.received:
        lines += ["", _heading(explanation), ""]
        lines += ["  " + line for line in _marked(explanation, colour=colour)]
    return "\n".join(lines) + "\n"


def _heading(explanation: Explanation) -> str:
    if not explanation.expected:
        return "canonical request as received:"
    if explanation.expected == explanation.received:
        return "canonical request, the same on both sides:"
    return f"canonical request; {SIGNED} as the client signed it, {RECEIVED} as received:"


def _marked(explanation: Explanation, *, colour: bool) -> Iterator[str]:
    for mark, line in marked_lines(explanation):
        tint = {SIGNED: _GREEN, RECEIVED: _RED, " ": _DIM if explanation.expected else ""}[mark] if colour else ""
        yield f"{tint}{mark} {line}{_OFF if tint else ''}".rstrip()


def marked_lines(explanation: Explanation) -> Iterator[tuple[str, str]]:
    """Give (mark, line) pairs: :data:`SIGNED`, :data:`RECEIVED`, or a space for a line that is the same."""
    received = [printable(line) for line in explanation.received.split("\n")]
    signed = [printable(line) for line in explanation.expected.split("\n")] if explanation.expected else received
    for tag, a, b, c, d in SequenceMatcher(None, signed, received, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from ((" ", line) for line in signed[a:b])
        elif b - a == d - c:
            for old, new in zip(signed[a:b], received[c:d], strict=True):
                yield SIGNED, old
                yield RECEIVED, new
        else:
            yield from ((SIGNED, line) for line in signed[a:b])
            yield from ((RECEIVED, line) for line in received[c:d])
