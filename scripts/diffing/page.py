"""The report for a browser: one file, nothing loaded from anywhere, light or dark as its reader likes it.

Both heads stand side by side, header by header; what is wrong stands above them. No script: what can be folded or
hidden is so by HTML and CSS.
"""

from collections.abc import Iterator
from html import escape
from itertools import zip_longest
from typing import Final

from diffing.report import Alone, Finding, Report, Request
from diffing.words import MARKS, notes, plain, verdict
from pages.frame import document
from pages.marking import marked
from s3gateway.observed.compare import Fate, Field, Line, Row

_COLUMNS: Final = 60  # requests in the overview; more would only be scrolled past
_OPEN: Final = 3  # so few requests are unfolded at once
_ORDINARY: Final = ("3", "404", "412")  # answers that every job gets and expects
# Duplicated and merged look like changed: what counts is that the values differ.
_CLASSES: Final = {fate: "changed" if fate in (Fate.DUPLICATED, Fate.MERGED) else fate.value for fate in Fate}
_LEGEND: Final = (Fate.KEPT, Fate.REORDERED, Fate.CHANGED, Fate.ADDED, Fate.REMOVED)


def html(report: Report) -> str:
    """The whole document."""
    title = f"Headers: {plain(report.left)} and {plain(report.right)}"
    return document(title, _body(report), kind="good" if report.good else "bad")


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{_text(report.left)} → {_text(report.right)}</h1>"
    yield f'<p class="verdict">{_text(verdict(report))}</p>'
    if report.findings:
        yield f'<div class="findings">{"".join(map(_finding, report.findings))}</div>'
    yield from _alone(report)
    yield _legend()
    if len(report.shown) > 1:
        yield from _matrix(report.shown[:_COLUMNS])
    for request in report.shown:
        yield from _request(report, request)
    yield "<footer>Signatures, tokens and keys are left out. Made by scripts/diff_headers.</footer>"


def _finding(finding: Finding) -> str:
    links = ", ".join(f'<a href="#r{number}">{number}</a>' for number in finding.numbers)
    return (
        f'<section class="finding"><div class="culprit">{_text(finding.name)}</div><p>{_text(finding.sentence)}</p>'
        f'<p class="where">in request {links}</p></section>'
    )


def _legend() -> str:
    keys = "".join(
        f'<span class="key"><b class="{_CLASSES[fate]}">{MARKS[fate]}</b>{fate.value}</span>' for fate in _LEGEND
    )
    return (
        f'<div class="bar">{keys}<span class="key"><b class="culpable">!</b>at fault</span>'
        '<span class="key"><span class="dot on"></span>signed</span>'
        '<span class="key"><span class="dot"></span>not signed</span>'
        '<label><input type="checkbox" id="kept"> hide what was kept</label></div>'
    )


def _alone(report: Report) -> Iterator[str]:
    def told(one: Alone, word: str) -> str:
        return f'<p class="alone">{word}: <code>{_text(one.title)}</code> ({_text(one.why)})</p>'

    yield from (told(one, "<b>never arrived</b>") for one in report.vanished)
    yield from (told(one, "not sent on") for one in report.refused)
    yield from (told(one, "not in front") for one in report.extra)


def _matrix(requests: tuple[Request, ...]) -> Iterator[str]:
    """Headers down, requests across: a fault that all requests share is a red line."""
    cells: dict[str, dict[int, str]] = {}
    for request in requests:
        for row in request.comparison.rows:
            mark = "!" if request.bad(row) else MARKS[row.fate]
            title = f"{request.number}: {row.fate.value}"
            cell = f'<td class="{_class(request, row)}" title="{title}">{mark}</td>'
            cells.setdefault(row.name, {})[request.number] = cell
    yield '<div class="matrix"><table><thead><tr><th></th>'
    yield "".join(f'<th><a href="#r{one.number}" title="{_text(one.title)}">{one.number}</a></th>' for one in requests)
    yield "</tr></thead><tbody>"
    for name, by_number in cells.items():
        bad = ' class="bad-name"' if any("culpable" in cell for cell in by_number.values()) else ""
        row_cells = "".join(by_number.get(one.number, "<td></td>") for one in requests)
        yield f'<tr{bad}><th scope="row">{_text(name)}</th>{row_cells}</tr>'
    yield "</tbody></table></div>"


def _request(report: Report, request: Request) -> Iterator[str]:
    operation, _, where = request.title.partition(" ")
    unfolded = " open" if not request.good or len(report.shown) <= _OPEN else ""
    yield (
        f'<details class="request" id="r{request.number}"{unfolded}><summary>'
        f'<span class="number">{request.number}</span>'
        f'<span class="operation">{_text(operation)}</span><span class="object">{_text(where)}</span>'
        f"{_answer(request)}{_share(request)}</summary>"
    )
    yield from wire(report, request)
    yield "</details>"


def wire(report: Report, request: Request) -> Iterator[str]:
    """Both heads of a request side by side, as a table."""
    yield (
        f'<table class="wire"><thead><tr><th>{_text(report.left)}</th><th class="gutter"></th>'
        f"<th>{_text(report.right)}</th></tr></thead><tbody>"
    )
    yield _line(request.comparison.line)
    for row in request.comparison.rows:
        yield from _row(request, row)
    yield "</tbody></table>"


def _answer(request: Request) -> str:
    if not request.answer:
        return '<span class="answer">no answer seen</span>'
    kind = "ok" if request.answer.startswith("2") else "" if request.answer.startswith(_ORDINARY) else "error"
    return f'<span class="answer {kind}">{_text(request.answer)}</span>'


def _share(request: Request) -> str:
    """A bar of as many parts as there are fates."""
    classes = [_class(request, row) for row in request.comparison.rows]
    order = ("culpable", *dict.fromkeys(_CLASSES[fate] for fate in reversed(Fate)))
    parts = "".join(f'<i class="{one}" style="flex:{classes.count(one)}"></i>' for one in order if one in classes)
    told = ", ".join(f"{count} {fate.value}" for fate, count in request.comparison.counts().items())
    return f'<span class="share" title="{told}" role="img" aria-label="{told}">{parts}</span>'


def _line(line: Line) -> str:
    before, after = marked(plain(line.before), plain(line.after))
    told = _why(line.reason or ("" if line.survived else "LOST: the request line was rewritten"))
    kind = "culpable" if not line.survived else line.fate.value
    mark = "!" if not line.survived else MARKS[line.fate]
    return (
        f'<tr class="line {kind}"><td><span class="value">{before}</span></td><td class="gutter">{mark}</td>'
        f'<td><span class="value">{after}</span>{told}</td></tr>'
    )


def _row(request: Request, row: Row) -> Iterator[str]:
    told = _why(notes(row))  # beside what there is to explain: on the side that has nothing, else on the right
    mark = "!" if request.bad(row) else MARKS[row.fate]
    for at, (one, other) in enumerate(zip_longest(row.before, row.after)):
        left, right = marked(plain(one.value), plain(other.value)) if one and other else (_value(one), _value(other))
        left = _cell(one, left, told if not row.before and not at else "", signed=row.signed_before)
        right = _cell(other, right, told if row.before and not at else "", signed=row.signed_after)
        gutter = f'<td class="gutter" title="{row.fate.value}">{mark}</td>'
        yield f'<tr class="{_class(request, row)}">{left}{gutter}{right}</tr>'


def _cell(field: Field | None, value: str, told: str, *, signed: bool) -> str:
    if field is None:
        alarm = '<span class="alarm">signed, but not on the wire</span>' if signed else ""
        return f'<td class="none">{alarm}{told}</td>'
    dot = f'<span class="dot{" on" if signed else ""}" title="{"signed" if signed else "not signed"}"></span>'
    name = f'<span class="name">{_text(field.name)}</span>'
    return f'<td>{dot}{name}: <span class="value">{value}</span>{told}</td>'


def _value(field: Field | None) -> str:
    return _text(field.value) if field else ""


def _why(text: str) -> str:
    return f'<span class="why">{_text(text)}</span>' if text else ""


def _class(request: Request, row: Row) -> str:
    return "culpable" if request.bad(row) else _CLASSES[row.fate]


def _text(text: str) -> str:
    return escape(plain(text))
