"""The report on a terminal: sentence, the lines that differ, what to do, where it comes from; then the counts.

Colour where it is seen. Without it what differs is underlined.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from typing import Final

from explaining.report import Failure, Report, Row, origin, others
from s3gateway.explain.cause import Difference, Span
from s3gateway.explain.rendering import marked_lines
from s3gateway.observed.printable import printable

_COLOURS: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "marked": "1;7"}
_WIDTHS: Final = (72, 140)  # narrower wraps in the terminal, wider is hard to follow
_WIDTH_OF_A_FILE: Final = 120
_FEW: Final = 3  # lines that differ; the first one is the cause
_ROWS: Final = 40
_BEFORE: Final = 24  # characters that are kept before what differs, of a line that does not fit
_LABEL: Final = 10
_MARKS: Final = {"-": "green", "+": "red", " ": "dim"}


class Terminal:
    """Lines for a terminal of some width. With ``details`` nothing is left out."""

    def __init__(self, *, colour: bool, width: int, details: bool) -> None:
        self._colour = colour
        self._width = max(_WIDTHS[0], min(_WIDTHS[1], width))
        self._details = details

    def lines(self, report: Report) -> Iterator[str]:
        """Everything, the verdict on all requests last, where the cursor is."""
        for failure in report.failures:
            yield from self._failure(report, failure)
        for missing in report.missing:
            yield from self._labelled("note", missing)
        if report.missing:
            yield ""
        if report.only or (report.read == 1 and report.failures):
            return
        if len(report.rows) > 1 or report.good:
            yield from self._rows(report)
        mark, colour = ("✓", "green") if report.good else ("✗", "red")
        yield self._paint(f"{mark} {report.sentence}", colour)

    def _failure(self, report: Report, failure: Failure) -> Iterator[str]:
        told = failure.verdict
        for at, line in enumerate(_wrapped(told.sentence, self._width - 2)):
            yield self._paint(f"{'  ' if at else '✗ '}{line}", "bold")
        yield ""
        evidence = told.evidence if self._details else told.evidence[:_FEW]
        for difference in evidence:
            yield from self._difference(difference)
        if evidence:
            yield from self._left_out(len(told.evidence) - len(evidence))
            yield ""
        for at, step in enumerate(told.remedy):
            yield from self._labelled("" if at else "do", step)
        yield from self._labelled("sure", told.certainty if failure.explained else "not explained")
        for other in told.others:
            yield from self._labelled("or", f"{other.sentence} [{other.cause}]")
        yield from self._labelled("from", f"{origin(report, failure)} [{told.cause}]", "dim")
        if also := others(failure):
            yield from self._labelled("also", also, "dim")
        for reference in told.references if self._details else ():
            yield from self._labelled("see", f"{reference.title}: {reference.url}", "dim")
        yield ""
        if self._details and failure.explanation.received:
            yield from self._canonical(failure)

    def _left_out(self, count: int) -> Iterator[str]:
        if count:
            yield self._paint(f"    and {count} more; --details shows them", "dim")

    def _difference(self, difference: Difference) -> Iterator[str]:
        """One pair of lines, each with what only it has marked."""
        sides = (
            ("signed", difference.signed, difference.signed_spans, "green"),
            ("received", difference.received, difference.received_spans, "red"),
        )
        for label, text, spans, colour in sides:
            yield from self._side(label, text, spans, colour)

    def _side(self, label: str, text: str, spans: tuple[Span, ...], colour: str) -> Iterator[str]:
        head = f"    {label:{_LABEL}}"
        if not text:
            yield head + self._paint("(nothing)", "dim")
            return
        shown, marks = excerpt(text, spans, self._width - len(head))
        if self._colour:
            yield head + self._painted(shown, marks, colour)
            return
        yield head + shown
        if marks:
            yield " " * len(head) + _underline(marks)

    def _painted(self, text: str, spans: tuple[Span, ...], colour: str) -> str:
        out, at = "", 0
        for start, end in spans:
            out += self._paint(text[at:start], colour) + self._paint(text[start:end], "marked")
            at = end
        return out + self._paint(text[at:], colour)

    def _canonical(self, failure: Failure) -> Iterator[str]:
        explanation = failure.explanation
        both = bool(explanation.expected)
        told = (
            "canonical request; - as it was signed, + as it was received:" if both else "canonical request as received:"
        )
        yield f"  {told}"
        yield ""
        for mark, line in marked_lines(explanation):
            yield self._paint(f"    {mark} {line}".rstrip(), _MARKS[mark] if both else "")
        yield ""

    def _rows(self, report: Report) -> Iterator[str]:
        shown = report.rows if self._details else report.rows[:_ROWS]
        widths = [max((len(text) for text in column), default=0) for column in zip(*map(_cells, shown), strict=True)]
        for row in shown:
            client, operation, count = _cells(row)
            line = f"  {client:{widths[0]}}  {operation:{widths[1]}}  {count:>{widths[2]}}  {answers(row)}"
            yield line if len(line) <= self._width else f"{line[: self._width - 1]}…"
        if len(shown) < len(report.rows):
            yield self._paint(f"  and {len(report.rows) - len(shown)} more; --details shows them", "dim")

    def _labelled(self, label: str, text: str, colour: str = "") -> Iterator[str]:
        for at, line in enumerate(_wrapped(printable(text), self._width - _LABEL - 2)):
            yield f"  {self._paint(f'{"" if at else label:{_LABEL}}', 'dim')}{self._paint(line, colour)}"

    def _paint(self, text: str, colour: str) -> str:
        return f"\033[{_COLOURS[colour]}m{text}\033[0m" if self._colour and colour and text else text


def for_this_terminal(colour: str, *, details: bool) -> Terminal:
    """A terminal as wide as this one. ``colour``: always, never, or auto: not for a pipe, NO_COLOR or TERM=dumb."""
    terminal = sys.stdout.isatty()
    wanted = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    width = shutil.get_terminal_size().columns if terminal else _WIDTH_OF_A_FILE
    return Terminal(colour=colour == "always" or (colour == "auto" and wanted), width=width, details=details)


def answers(row: Row) -> str:
    """``200`` where all are the same, else ``30x 200, 12x 404 NoSuchKey``."""
    if len(row.answers) == 1:
        return next(iter(row.answers))
    return ", ".join(f"{count}x {answer}" for answer, count in row.answers.most_common())


def excerpt(text: str, spans: tuple[Span, ...], width: int) -> tuple[str, tuple[Span, ...]]:
    """At most ``width`` characters of a line, what differs first among them, and the spans in these."""
    if len(text) <= width:
        return text, spans
    first = spans[0][0] if spans else 0
    begin = max(0, min(first - _BEFORE, len(text) - width + 1))
    front = "…" if begin else ""
    end = begin + width - len(front)
    back = "…" if end < len(text) else ""
    end -= len(back)
    shift = begin - len(front)
    inside = tuple((max(a, begin) - shift, min(b, end) - shift) for a, b in spans if a < end and b >= begin)
    return f"{front}{text[begin:end]}{back}", inside


def _underline(spans: tuple[Span, ...]) -> str:
    """Carets below what differs; one where the other side has something more."""
    line = ""
    for start, end in spans:
        line = f"{line:{start}}{'^' * max(1, end - start)}"
    return line


def _cells(row: Row) -> tuple[str, str, str]:
    return row.client, row.operation, str(row.count)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]
