"""The report on a terminal: a table for each request, then what is wrong in plain words. Colour where it is seen."""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from diffing.report import Alone, Report, Request
from diffing.words import MARKS, brief, name, notes, plain, signed_mark, values, verdict
from s3gateway.observed.compare import Fate, Line, Row

_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34"}
_FATE_COLOURS: Final = {
    Fate.KEPT: "",
    Fate.REORDERED: "blue",
    Fate.CHANGED: "yellow",
    Fate.DUPLICATED: "yellow",
    Fate.MERGED: "yellow",
    Fate.ADDED: "green",
    Fate.REMOVED: "yellow",
}
_WIDTHS: Final = (90, 180)  # narrower wraps in the terminal, wider is hard to follow
_WIDTH_OF_A_FILE: Final = 120
_SOME: Final = 12
_NAME: Final = (24, 44)  # the longest name there is: x-amz-server-side-encryption-aws-kms-key-id


class Table:
    """Lines for a terminal of some width. ``only_differences`` leaves out headers that were kept."""

    def __init__(self, *, colour: bool, width: int, only_differences: bool) -> None:
        self._colour = colour
        self._width = max(_WIDTHS[0], min(_WIDTHS[1], width))
        self._only_differences = only_differences

    def lines(self, report: Report) -> Iterator[str]:
        """Everything, requests first: what a person has to know stands where the cursor is."""
        for request in report.shown:
            yield from self._request(report, request)
        for alone, word in ((report.refused, "not sent on"), (report.vanished, "VANISHED"), (report.extra, "extra")):
            yield from (self._alone(one, word) for one in alone)
        if report.refused or report.vanished or report.extra:
            yield ""
        for finding in report.findings:
            sentence = textwrap.wrap(plain(finding.sentence), self._width - 2, break_on_hyphens=False)
            yield self._paint(f"✗ {'\n  '.join(sentence)}", "red")
            yield self._paint(f"  in request{'' if len(finding.numbers) == 1 else 's'} {_some(finding.numbers)}", "dim")
        yield self._paint(f"{'✓' if report.good else '✗'} {verdict(report)}", "green" if report.good else "red")

    def _request(self, report: Report, request: Request) -> Iterator[str]:
        answer = f"answered {plain(request.answer)}" if request.answer else "no answer seen"
        title = _fit(plain(request.title), self._width - len(answer) - 8)
        yield self._paint(f"{request.number}. {title}", "bold") + self._paint(f"   {answer}", "dim")
        rows = [row for row in request.comparison.rows if not self._only_differences or row.fate is not Fate.KEPT]
        names = max([_NAME[0], *(len(name(row)) for row in rows)])
        names = min(names, _NAME[1])
        cell = (self._width - names - 14) // 2
        yield self._paint(
            f"    {'':{names}}  signed  {_fit(report.left, cell):{cell}}  {_fit(report.right, cell)}", "dim"
        )
        yield from self._target(request.comparison.line, names, cell)
        for row in rows:
            yield from self._row(row, names, cell, bad=request.bad(row))
        counts = ", ".join(f"{count} {fate.value}" for fate, count in request.comparison.counts().items())
        yield self._paint(f"    {counts}", "dim")
        yield ""

    def _target(self, line: Line, names: int, cell: int) -> Iterator[str]:
        if line.fate is Fate.KEPT:
            yield f"  = {'request line':{names}}          {_fit(plain(line.before), 2 * cell + 2)}"
            return
        before, after = _fit(plain(line.before), cell), _fit(plain(line.after), cell)
        colour = _FATE_COLOURS[line.fate] if line.survived else "red"
        text = f"  ~ {'request line':{names}}          {before:{cell}}  {after}".rstrip()
        yield from self._with_note(text, line.reason or "LOST", colour, names)

    def _row(self, row: Row, names: int, cell: int, *, bad: bool) -> Iterator[str]:
        signed = signed_mark(row.signed_before, bool(row.before)) + " " + signed_mark(row.signed_after, bool(row.after))
        colour = "red" if bad else _FATE_COLOURS[row.fate]
        before, after = ([brief(value) for value in side] for side in values(row))
        for at, (left, right) in enumerate(zip_longest(before, after, fillvalue="—")):
            title = (
                f"  {MARKS[row.fate]} {_fit(name(row), names):{names}}  {signed:6}  " if not at else " " * (names + 14)
            )
            same = row.fate in (Fate.KEPT, Fate.REORDERED)
            pair = _fit(left, 2 * cell + 2) if same else f"{_fit(left, cell):{cell}}  {_fit(right, cell)}"
            yield from self._with_note(f"{title}{pair}".rstrip(), "" if at else notes(row), colour, names)

    def _with_note(self, line: str, note: str, colour: str, names: int) -> Iterator[str]:
        """A note stands behind its line, or below it where there is no room."""
        if not note:
            yield self._paint(line, colour)
        elif len(line) + len(note) + 4 <= self._width:
            yield self._paint(line, colour) + self._paint(f"  ({note})", "dim")
        else:
            yield self._paint(line, colour)
            yield self._paint(f"{'':{names + 14}}({note})", "dim")

    def _alone(self, one: Alone, word: str) -> str:
        return self._paint(f"{word}: {plain(one.title)} ({plain(one.why)})", "red" if word.isupper() else "dim")

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{_COLOURS[colour]}m{text}\033[0m" if self._colour and colour else text


def for_this_terminal(*, only_differences: bool) -> Table:
    """A table as wide as the terminal and in colour; for a pipe, for NO_COLOR and for TERM=dumb without."""
    terminal = sys.stdout.isatty()
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if terminal else _WIDTH_OF_A_FILE
    return Table(colour=colour, width=width, only_differences=only_differences)


def _fit(text: str, width: int) -> str:
    """At most `width` characters: the middle goes."""
    if len(text) <= width:
        return text
    keep = (width - 1) // 2
    return f"{text[: width - 1 - keep]}…{text[-keep:]}"


def _some(numbers: Sequence[int]) -> str:
    """The numbers, or the first of them and how many there are."""
    shown = ", ".join(map(str, numbers[:_SOME]))
    return shown if len(numbers) <= _SOME else f"{shown} and {len(numbers) - _SOME} more"
