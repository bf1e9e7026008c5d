"""What differs between an expected exchange and a replayed one, a line each; and all verdicts as JUnit XML."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from s3gateway.observed.capture import Exchange, Head
from s3gateway.observed.compare import Fate, Field, Row, compare
from s3gateway.observed.contradictions import find_faults
from s3gateway.observed.printable import printable

_DECIDED = ("verdict", "code", "operation", "bucket", "key", "sse", "rule")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One replayed request: its name, what is wrong with it (nothing: it passed), or why it was not replayed."""

    name: str
    wrong: tuple[str, ...] = ()
    skipped: str = ""


def name_of(exchange: Exchange) -> str:
    """`PutObject PUT /bucket/key [id]`."""
    head = exchange.incoming
    return f"{exchange.operation or '-'} {head.method} {printable(head.target)} [{exchange.id}]"


def differences(expected: Exchange | None, actual: Exchange) -> tuple[str, ...]:
    """Say what is not as expected, and what contradicts the outgoing signature, whatever was expected."""
    return tuple(_differences(expected, actual))


def _differences(expected: Exchange | None, actual: Exchange) -> Iterator[str]:
    if expected is None:
        yield "not in the golden set"
        return
    for name in _DECIDED:
        before, after = getattr(expected, name), getattr(actual, name)
        if before != after:
            yield f"{name}: expected {printable(before)!r}, is {printable(after)!r}"
    if expected.outgoing and actual.outgoing:
        yield from _between(expected.outgoing, actual.outgoing)
    if actual.outgoing:
        yield from (f"fault: {fault.sentence}" for fault in find_faults(actual.incoming, actual.outgoing))


def _between(expected: Head, actual: Head) -> Iterator[str]:
    comparison = compare(expected, actual)
    if comparison.line.fate is not Fate.KEPT:
        yield f"request line: expected {printable(comparison.line.before)}, is {printable(comparison.line.after)}"
    for row in comparison.rows:
        if row.fate is not Fate.KEPT or row.moved or row.recased:
            yield f"{row.fate.value if row.fate is not Fate.KEPT else 'spelled otherwise'}: {_row(row)}"
        if row.signed_before is not row.signed_after:
            yield f"{'signed' if row.signed_after else 'no longer signed'}: {row.name}"
    lost = [name for name in expected.signed_headers if name not in actual.signed_headers]
    more = [name for name in actual.signed_headers if name not in expected.signed_headers]
    on_the_wire = {row.name for row in comparison.rows}
    yield from (f"no longer signed: {name}" for name in lost if name not in on_the_wire)
    yield from (f"signed: {name}" for name in more if name not in on_the_wire)


def _row(row: Row) -> str:
    before, after = _fields(row.before), _fields(row.after)
    return f"{before or '(none)'} -> {after or '(none)'}"


def _fields(fields: Sequence[Field]) -> str:
    return ", ".join(printable(f"{field.name}: {field.value}") for field in fields)


def write_junit(path: Path, suites: Sequence[tuple[str, Sequence[Verdict]]]) -> None:
    """Write JUnit's XML as CI servers read it: a suite for each capture, a case for each request.

    XML takes no control characters, not even as references, and a capture or an answer may hold any.
    """
    root = ET.Element("testsuites")
    for file, verdicts in suites:
        name = printable(file)
        failed, skipped = sum(bool(v.wrong) for v in verdicts), sum(bool(v.skipped) for v in verdicts)
        counts = {"tests": str(len(verdicts)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}
        suite = ET.SubElement(root, "testsuite", {"name": name} | counts)
        for verdict in verdicts:
            case = ET.SubElement(suite, "testcase", {"classname": name, "name": printable(verdict.name)})
            if verdict.wrong:
                failure = ET.SubElement(case, "failure", {"message": printable(verdict.wrong[0])})
                failure.text = "\n".join(map(printable, verdict.wrong))
            if verdict.skipped:
                ET.SubElement(case, "skipped", {"message": printable(verdict.skipped)})
    ET.indent(root)
    ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
