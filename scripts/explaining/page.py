"""The report for a browser: in one file, or served; the same look as the page of scripts/diff_headers.

No script and no style in the markup: a served page allows none.
"""

import re
from collections.abc import Iterator
from typing import Final

from diffing import page as diffing_page
from diffing.report import within
from explaining.heads import Row, rows
from explaining.report import Failure, Report, origin, others
from explaining.terminal import answers
from pages.frame import document
from pages.marking import part, spanned
from s3gateway.explain.cause import Difference
from s3gateway.observed.printable import printable

_OPEN: Final = 3  # heads of so many failures are unfolded at once
_QUOTED: Final = re.compile(r"`([^`]*)`")
_FOOT: Final = "Signatures, tokens and keys are left out. Made by scripts/explain."


def html(report: Report) -> str:
    """The whole document, to keep."""
    title = f"Explained: {printable(report.source)}"
    return document(title, [*body(report), f"<footer>{_FOOT}</footer>"], kind=kind(report))


def kind(report: Report) -> str:
    """The class of the body: its verdict."""
    return "good" if report.good else "bad"


def body(report: Report) -> Iterator[str]:
    """Everything between the edges: verdict, failures, counts."""
    yield f"<h1>{plain(report.source)}</h1>"
    sentence = report.sentence if not report.only else "1 request looked at"
    yield f'<p class="verdict">{plain(_begun(sentence))}</p>'
    for at, failure in enumerate(report.failures):
        yield from _failure(report, failure, unfolded=at < _OPEN)
    yield from (f'<p class="alone">{plain(missing)}</p>' for missing in report.missing)
    if report.read > 1 and not report.only:
        yield from _counts(report)


def _failure(report: Report, failure: Failure, *, unfolded: bool) -> Iterator[str]:
    told = failure.verdict
    yield f'<section class="failure" id="r{failure.numbers[0]}">'
    yield f'<p class="sentence">{_sentence(_begun(told.sentence))}</p>'
    if told.evidence:
        yield '<table class="evidence"><tbody>'
        for difference in told.evidence:
            yield from _evidence(difference)
        yield "</tbody></table>"
    yield "<dl>"
    if told.remedy:
        steps = "".join(f"<li>{_sentence(step)}</li>" for step in told.remedy)
        yield f'<dt>What to do</dt><dd class="remedy"><ul>{steps}</ul></dd>'
    sure = told.certainty if failure.explained else "not explained"
    yield f'<dt>How sure</dt><dd><span class="sure {told.certainty}">{sure}</span></dd>'
    for other in told.others:
        yield f"<dt>Or</dt><dd>{_sentence(other.sentence)} <code>{plain(other.cause)}</code></dd>"
    also = f"; the same in {others(failure)}" if others(failure) else ""
    place = f"{plain(origin(report, failure) + also)} <code>{plain(told.cause)}</code>"
    yield f'<dt>Where from</dt><dd class="origin">{place}</dd>'
    if told.references:
        links = ", ".join(_link(one.title, one.url) for one in told.references)
        yield f"<dt>See</dt><dd>{links}</dd>"
    yield "</dl>"
    yield f"<details{' open' if unfolded else ''}><summary>Both heads</summary>"
    yield from _heads(failure)
    yield "</details></section>"


def _evidence(difference: Difference) -> Iterator[str]:
    for word, text, spans in (
        ("signed", difference.signed, difference.signed_spans),
        ("received", difference.received, difference.received_spans),
    ):
        told = spanned(text, spans) if text else '<span class="nothing">nothing</span>'
        yield f'<tr class="{word}"><th scope="row">{word}</th><td>{told}</td></tr>'


def _heads(failure: Failure) -> Iterator[str]:
    exchange = failure.found.exchange
    compared = within([exchange], {}) if exchange.outgoing else None
    if compared and compared.requests and not failure.explanation.expected:
        yield from diffing_page.wire(compared, compared.requests[0])
        return
    known = bool(failure.explanation.expected)
    left, right = ("as it was signed" if known else "what the signature covers"), "as it arrived"
    yield f'<table class="wire"><thead><tr><th>{left}</th><th class="gutter"></th><th>{right}</th></tr></thead><tbody>'
    for row in rows(failure.explanation, exchange.outgoing or exchange.incoming):
        yield _row(row)
    yield "</tbody></table>"


def _row(row: Row) -> str:
    one = row.difference
    name, mark = ("culpable", "!") if row.bad else ("kept", "=") if row.signed else ("added", "+")
    left = _cell(one.signed, one.signed_spans, signed=row.signed) if one.signed else '<td class="none"></td>'
    right = _cell(one.received, one.received_spans, signed=row.signed)
    if not one.received:
        right = '<td class="none"><span class="alarm">signed, but not on the wire</span></td>'
    return f'<tr class="{name}">{left}<td class="gutter">{mark}</td>{right}</tr>'


def _cell(text: str, spans: tuple[tuple[int, int], ...], *, signed: bool) -> str:
    word = "signed" if signed else "not signed"
    dot = f'<span class="dot{" on" if signed else ""}" title="{word}"></span>'
    return f'<td>{dot}<span class="value">{spanned(text, spans)}</span></td>'


def _counts(report: Report) -> Iterator[str]:
    yield '<div class="matrix"><table class="counts"><thead><tr><th>client</th><th>operation</th><th>requests</th>'
    yield "<th>answers</th></tr></thead><tbody>"
    for row in report.rows:
        cells = f"<td>{plain(row.client)}</td><td>{plain(row.operation)}</td><td>{row.count}</td>"
        yield f"<tr>{cells}<td>{plain(answers(row))}</td></tr>"
    yield "</tbody></table></div>"


def _sentence(text: str) -> str:
    """A sentence whose values, in backquotes, become code."""
    parts = _QUOTED.split(text)
    return "".join(f"<code>{plain(one)}</code>" if at % 2 else plain(one) for at, one in enumerate(parts))


def _begun(sentence: str) -> str:
    """With a capital, unless it begins with a name from the wire."""
    first = sentence.partition(" ")[0]
    return sentence[0].upper() + sentence[1:] if first.isalpha() else sentence


def _link(title: str, url: str) -> str:
    return f'<a href="{plain(url)}" rel="noreferrer">{plain(title)}</a>' if url.startswith("https://") else plain(title)


def plain(text: str) -> str:
    """Text from the wire as HTML, with what no screen should be sent escaped."""
    return part(printable(text), same=True)
