"""What was found: each thing that is wrong once, with the first request that shows it; and counts of all requests."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from s3gateway.explain import why
from s3gateway.explain.backend import read_refusal
from s3gateway.explain.cause import Certainty, Difference, Verdict, verdict
from s3gateway.explain.judge import Judge, Judgement
from s3gateway.observed.capture import Exchange, Explanation
from s3gateway.observed.contradictions import signed_names
from s3gateway.observed.printable import printable
from s3gateway.reading.formats import FORMATS
from s3gateway.reading.model import Found
from s3gateway.rules.headers import redacted_target

_ORDINARY: Final = frozenset((304, 404, 412, 416))
"""Answers that every job gets and expects: nothing new, no such object, a condition or range that does not hold."""

_EXPECTED: Final = frozenset(("BucketAlreadyOwnedByYou",))
"""The same of codes: the answer to whoever creates a bucket if it is not there."""

_LONGEST: Final = 140  # characters of a target; a presigned one has no end
_VALUE: Final = re.compile(r"`[^`]*`|\d+")


@dataclass(slots=True)
class Failure:
    """One thing that is wrong: the first request with it, its verdict, and the numbers of all that have it.

    ``explained`` is False where the sentence only says what is missing to explain it.
    """

    found: Found
    explanation: Explanation
    verdict: Verdict
    explained: bool
    numbers: list[int]

    @property
    def title(self) -> str:
        """``GET /bucket/key``, without secrets."""
        return title(self.found.exchange)

    @property
    def answer(self) -> str:
        """``403 SignatureDoesNotMatch``; empty where nobody knows."""
        return answer(self.found)


@dataclass(slots=True)
class Row:
    """How often a client asked for an operation, and what it was answered. ``is_key``: it is known by its key only."""

    client: str
    operation: str
    is_key: bool = False
    answers: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many requests."""
        return self.answers.total()


@dataclass(slots=True)
class Report:
    """Everything that is shown. ``source`` names the file; ``only`` one request was asked for.

    ``hold`` counts requests whose signature was accepted or fits, ``unsigned`` those that have none, ``unknown`` those
    of which nobody knows: no answer is there, and no secret.
    """

    source: str
    only: bool = False
    read: int = 0
    failed: int = 0
    hold: int = 0
    unsigned: int = 0
    unknown: int = 0
    failures: list[Failure] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    @property
    def explained(self) -> bool:
        """Whether everything that failed is explained."""
        return all(failure.explained for failure in self.failures)

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        if not self.read:
            return "no request in it"
        requests = _many(self.read, "request")
        if self.failures and self.read == 1:
            return "1 request, and it failed"
        if self.failures:
            reasons = "" if len(self.failures) == 1 else f", for {len(self.failures)} reasons"
            return f"{self.failed} of {requests} failed{reasons}"
        unsigned = f"; {_are(self.unsigned)} not signed" if self.unsigned else ""
        if self.unknown:
            holding = f"{_many(self.hold, 'signature')} {'holds' if self.hold == 1 else 'hold'}"
            return f"{requests}: {holding}, and of {self.unknown} there is no answer{unsigned}"
        if not self.hold:
            return f"{requests}, not signed"
        return f"{requests}, {'all signatures hold' if self.read > 1 else 'its signature holds'}{unsigned}"


def gather(source: str, requests: Iterable[Found], judge: Judge, wanted: str | None = None) -> Report:
    """Judge each request. With ``wanted``, a number or an id, only that one is kept, whether it failed or not."""
    gathering = _Gathering(Report(source, only=wanted is not None), judge)
    alone: Found | None = None
    for number, found in enumerate(requests, 1):
        gathering.report.read = number
        if wanted is None:
            gathering.add(number, found)
            alone = found if number == 1 else None
        elif wanted in {str(number), found.exchange.id}:
            gathering.explain(number, found)
    if alone and not gathering.report.failed and is_refused(alone):
        gathering.explain(1, alone)  # whoever brings one request brings it for its answer
    return gathering.done()


class _Gathering:
    """A report as it grows."""

    def __init__(self, report: Report, judge: Judge) -> None:
        self.report = report
        self._judge = judge
        self._rows: dict[tuple[str, str], Row] = {}
        self._failures: dict[tuple[str, str], Failure] = {}
        self._missing: dict[str, None] = {}

    def add(self, number: int, found: Found) -> None:
        """Count it, and explain it if it failed."""
        self._count(found)
        if is_refused(found) and not is_ordinary(found):
            judged = self._judge.judge(found)
            if found.exchange.response is not None or judged.explanation.cause != why.VALID:
                self._fail(number, found, judged)
                return
        elif not _is_signed(found):
            self.report.unsigned += 1
            return
        elif found.exchange.response is None and found.exchange.verdict == "unknown":
            self.report.unknown += 1
            return
        self.report.hold += 1

    def explain(self, number: int, found: Found) -> None:
        """Explain it whatever became of it."""
        self._fail(number, found, self._judge.judge(found))

    def done(self) -> Report:
        """Give the report: failures in the order of their first request, rows by client and operation."""
        self.report.failures = list(self._failures.values())
        self.report.rows = [self._rows[key] for key in sorted(self._rows)]
        self.report.missing = list(self._missing)
        return self.report

    def _count(self, found: Found) -> None:
        exchange = found.exchange
        client = exchange.identity.removesuffix("?") or ("unknown" if _is_signed(found) else "unsigned")
        key = printable(client), exchange.operation or printable(exchange.incoming.method)
        is_key = exchange.verdict == "unknown" and exchange.identity.endswith("?")
        row = self._rows.get(key) or self._rows.setdefault(key, Row(*key, is_key=is_key))
        row.answers[answer(found) or "no answer"] += 1

    def _fail(self, number: int, found: Found, judged: Judgement) -> None:
        self.report.failed += 1
        told = verdict(judged.explanation)
        if not told.evidence and found.complete:
            told = replace(told, evidence=_absent(found.exchange))
        alike = _VALUE.sub("", told.sentence), found.exchange.identity
        if alike in self._failures:
            self._failures[alike].numbers.append(number)
            return
        if not judged.explained or told.certainty == Certainty.POSSIBLE:
            self._missing.update(dict.fromkeys(found.missing))
        self._failures[alike] = Failure(found, judged.explanation, told, judged.explained, [number])


def is_refused(found: Found) -> bool:
    """Whether somebody refused it, as far as is known."""
    return found.failed or found.exchange.verdict == "refused"


def is_ordinary(found: Found) -> bool:
    """Whether a server answered in the way that every job expects, to a signature that it accepted."""
    expected = found.status in _ORDINARY or found.error_code in _EXPECTED
    return expected and found.exchange.verdict != "refused"


def title(exchange: Exchange) -> str:
    """``GET /bucket/key``, without secrets."""
    target = redacted_target(exchange.incoming.target.encode("utf-8", "surrogateescape"))
    return f"{printable(exchange.incoming.method)} {printable(target)}"


def answer(found: Found) -> str:
    """``404 NoSuchKey``, ``200``; empty where nobody knows."""
    code = found.error_code
    if found.failed and not code and found.answer and found.exchange.response:
        refusal = read_refusal(found.exchange.response, found.answer.decode("utf-8", "replace"))
        code = refusal.code if refusal else ""
    return " ".join(filter(None, (str(found.status or ""), printable(code))))


def origin(report: Report, failure: Failure) -> str:
    """Say where a failure comes from: file, place in it, time, and the answer."""
    found, number = failure.found, failure.numbers[0]
    kind = FORMATS.get(found.format, found.format).partition(" (")[0] if found.format != "capture" else "capture"
    place = f"line {found.line}" if found.line > 1 else ""
    which = f"request {number} of {report.read}" if report.read > 1 else ""
    said = f"answered {failure.answer}" if failure.answer else ""
    asked = failure.title if len(failure.title) <= _LONGEST else f"{failure.title[: _LONGEST - 1]}…"
    parts = (f"{report.source} ({kind})", place, which, found.exchange.time, asked, said)
    return ", ".join(printable(part) for part in parts if part)


def others(failure: Failure, most: int = 12) -> str:
    """Name the further requests with the same fault; empty where there is none."""
    numbers = failure.numbers[1:]
    if not numbers:
        return ""
    shown = ", ".join(map(str, numbers[:most]))
    rest = f" and {len(numbers) - most} more" if len(numbers) > most else ""
    return f"request{'' if len(numbers) == 1 else 's'} {shown}{rest}"


def _is_signed(found: Found) -> bool:
    """Whether it has a signature, or may have one that the input leaves out."""
    head = found.exchange.incoming
    return (
        not found.complete
        or bool(signed_names(head))
        or any(name.lower() == "authorization" for name, _ in head.headers)
    )


def _absent(exchange: Exchange) -> tuple[Difference, ...]:
    """Header names that are signed and not on the wire, of the last head that is known."""
    head = exchange.outgoing or exchange.incoming
    sent = {name.lower() for name, _ in head.headers}
    names = (printable(name) for name in signed_names(head) if name not in sent)
    return tuple(Difference(f"header {name}", name, "", ((0, len(name)),)) for name in names)


def _many(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _are(count: int) -> str:
    return f"{count} {'is' if count == 1 else 'are'}"
