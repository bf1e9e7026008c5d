"""Two values -> HTML in which what differs between them is marked."""

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from html import escape
from typing import Final

_COMPARED: Final = 400  # words; the time that more take grows with their square, and nobody reads them
_WORDS: Final = re.compile(r"[\w.-]+;?|[^\w.-]")


def marked(before: str, after: str) -> tuple[str, str]:
    """Both values as HTML, with the words that differ between them marked."""
    left, right = "", ""
    for same, ours, theirs in _pieces(_WORDS.findall(before), _WORDS.findall(after)):
        left += part("".join(ours), same=same)
        right += part("".join(theirs), same=same)
    return left, right


def spanned(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """A text as HTML, with these ``[start, end)`` of it marked."""
    out, at = "", 0
    for start, end in spans:
        out += part(text[at:start], same=True) + part(text[start:end], same=False)
        at = end
    return out + part(text[at:], same=True)


def part(text: str, *, same: bool) -> str:
    """A piece of a text as HTML, marked if it is not the same on the other side."""
    return escape(text) if same or not text else f"<mark>{escape(text)}</mark>"


def _pieces(one: list[str], other: list[str]) -> Iterator[tuple[bool, list[str], list[str]]]:
    """Both lists in pieces, with whether they are the same there: long values mostly are at both ends."""
    head = _alike(one, other)
    yield True, one[:head], other[:head]
    one, other = one[head:], other[head:]
    tail = _alike(one[::-1], other[::-1])
    ours, theirs = one[: len(one) - tail], other[: len(other) - tail]
    if max(len(ours), len(theirs)) > _COMPARED:
        yield False, ours, theirs
    else:
        for what, i, j, k, m in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
            yield what == "equal", ours[i:j], theirs[k:m]
    yield True, one[len(one) - tail :], other[len(other) - tail :]


def _alike(one: list[str], other: list[str]) -> int:
    """How many words are the same from the beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (ours, theirs) in pairs if ours != theirs), min(len(one), len(other)))
