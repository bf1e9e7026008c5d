"""The report as Markdown to paste into an issue: what is wrong first, the canonical requests folded away.

Everything that is shown has no signature, token or secret in it already. An issue is read by everybody, so here access
key ids go as well.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from diffing.markdown import code, prose
from explaining.report import Failure, Report, origin, others
from explaining.terminal import answers
from s3gateway.errors import S3Error
from s3gateway.explain.rendering import marked_lines
from s3gateway.sigv4.claim import read_claim

_FEW: Final = 3
_NO_KEY: Final = "access-key-id"
_CREDENTIAL: Final = re.compile(r"Credential=([^/,\s]+)")
_QUOTED: Final = re.compile(r"`([^`]*)`")
_FOOT: Final = "Signatures, tokens, secrets and access key ids are left out; hosts, bucket and object names are not."


def text(report: Report) -> str:
    """The whole, without access key ids."""
    told = "\n".join(_lines(report)) + "\n"
    keys = sorted(_keys(report), key=len, reverse=True)
    for number, key in enumerate(keys, 1):
        name = _NO_KEY if len(keys) == 1 else f"{_NO_KEY}-{number}"
        told = re.sub(rf"(?<!\w){re.escape(key)}\w*", name, told)
    return told


def _lines(report: Report) -> Iterator[str]:
    yield f"## {'✅' if report.good else '❌'} {prose(report.sentence)}"
    yield ""
    for failure in report.failures:
        yield from _failure(report, failure)
    if report.read > 1 and not report.only:
        yield from _rows(report)
    for missing in report.missing:
        yield f"- {prose(missing)}"
    yield f"<sub>{_FOOT}</sub>"


def _failure(report: Report, failure: Failure) -> Iterator[str]:
    told = failure.verdict
    yield f"**{told.cause}**: {_sentence(told.sentence)}"
    yield ""
    if told.evidence:
        pairs = ((one.signed or "(nothing)", one.received or "(nothing)") for one in told.evidence[:_FEW])
        yield from _fenced([line for signed, received in pairs for line in (f"- {signed}", f"+ {received}")])
        yield "`-` as it was signed, `+` as it was received"
        yield ""
    yield from (f"- {_sentence(step)}" for step in told.remedy)
    yield f"- Sure: {told.certainty if failure.explained else 'not explained'}"
    yield from (f"- Or: {_sentence(other.sentence)} ({other.cause})" for other in told.others)
    also = others(failure)
    yield f"- From: {prose(origin(report, failure))}{f'; also {also}' if also else ''}"
    yield from (f"- See: [{prose(one.title)}]({one.url})" for one in told.references)
    yield ""
    if failure.explanation.received:
        yield from _canonical(failure)


def _sentence(text: str) -> str:
    """A sentence whose values, in backquotes, become code."""
    parts = _QUOTED.split(text)
    return "".join(code(part) if at % 2 else prose(part) for at, part in enumerate(parts))


def _fenced(lines: list[str]) -> Iterator[str]:
    """A block of code that no line of it can end."""
    fence = "`" * max(3, *(len(run) + 1 for line in lines for run in re.findall("`+", line)), 3)
    yield from (f"{fence}diff", *lines, fence, "")


def _canonical(failure: Failure) -> Iterator[str]:
    yield "<details><summary>Canonical request</summary>"
    yield ""
    yield from _fenced([f"{mark} {line}" for mark, line in marked_lines(failure.explanation)])
    yield "</details>"
    yield ""


def _rows(report: Report) -> Iterator[str]:
    yield "| Client | Operation | Requests | Answers |"
    yield "|---|---|---|---|"
    for row in report.rows:
        cells = (row.client, row.operation, str(row.count), answers(row))
        yield f"| {' | '.join(code(cell).replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def _keys(report: Report) -> set[str]:
    """Access key ids that the report may name: of its clients, and of the requests that failed."""
    named = {row.client for row in report.rows if row.is_key}
    for failure in report.failures:
        heads = filter(None, (failure.found.exchange.incoming, failure.found.exchange.outgoing))
        named |= {one for head in heads for _, value in head.headers for one in _CREDENTIAL.findall(value)}
        if failure.found.raw:
            with suppress(S3Error):
                named.add(read_claim(failure.found.raw).access_key_id)
    return named - {""}
