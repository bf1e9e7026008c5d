"""The report as Markdown for a pull request: findings first, what differs in tables, what was kept folded away."""

import re
from collections.abc import Iterable, Iterator

from diffing.report import Report, Request
from diffing.words import MARKS, name, notes, plain, signed_mark, values, verdict
from s3gateway.observed.compare import Fate, Row

_LONGEST = 120


def lines(report: Report) -> Iterator[str]:
    """Everything, as lines."""
    yield f"## {'✅' if report.good else '❌'} {verdict(report)}"
    yield ""
    for finding in report.findings:
        where = ", ".join(f"{number}" for number in finding.numbers)
        yield f"- **{prose(finding.name)}**: {prose(finding.sentence)} _(request {where})_"
    for word, alone in (
        ("never arrived", report.vanished),
        ("not sent on", report.refused),
        ("not in front", report.extra),
    ):
        for one in alone:
            yield f"- {code(one.title)} {word}: {prose(one.why)}"
    if report.findings or report.vanished or report.refused or report.extra:
        yield ""
    for request in report.shown:
        yield from _request(report, request)


def _request(report: Report, request: Request) -> Iterator[str]:
    comparison = request.comparison
    answer = f", answered {prose(request.answer)}" if request.answer else ""
    yield f"### {'✅' if request.good else '❌'} {request.number}. {code(request.title)}{answer}"
    yield ""
    differing = [row for row in comparison.rows if row.fate is not Fate.KEPT]
    kept = [row for row in comparison.rows if row.fate is Fate.KEPT]
    if comparison.line.fate is not Fate.KEPT:
        line = comparison.line
        yield f"Request line: {code(line.before)} became {code(line.after)} ({prose(line.reason or 'LOST')})"
        yield ""
    if differing:
        yield from _table(report, differing)
    if kept:
        yield f"<details><summary>{len(kept)} kept as they were</summary>"
        yield ""
        yield from _table(report, kept)
        yield "</details>"
        yield ""


def _table(report: Report, rows: Iterable[Row]) -> Iterator[str]:
    yield f"| | Header | Signed | {prose(report.left)} | {prose(report.right)} | |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        signed = signed_mark(row.signed_before, bool(row.before)) + signed_mark(row.signed_after, bool(row.after))
        before, after = ("<br>".join(map(_cell, side)) for side in values(row))
        mark = f"{MARKS[row.fate]} {row.fate.value}"
        yield f"| {mark} | {_cell(name(row))} | {signed.strip()} | {before} | {after} | {prose(notes(row))} |"
    yield ""


def code(text: str) -> str:
    """Text from the wire as code, whatever it holds, shortened in the middle."""
    shown = plain(text)
    if len(shown) > _LONGEST:
        shown = f"{shown[: _LONGEST // 2]}…{shown[-_LONGEST // 2 :]}"
    if not shown:
        return "_empty_"
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _cell(text: str) -> str:
    """The same in a table, where a bar would end the cell, in code as well."""
    return code(text).replace("|", "\\|")


def prose(text: str) -> str:
    """Text as it is, with what Markdown would act on escaped."""
    shown = plain(text)
    for one in "\\`*_[]<>|":
        shown = shown.replace(one, f"\\{one}")
    return shown
